"""Balance of views when a third of 60 participants leave a `within` study of three methods."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, select

from study_server.clock import now
from study_server.participants import enrollment
from study_server.participants.outcomes import update_lapsed_outcomes
from study_server.protocol.model import Protocol
from study_server.protocol.study_toml import create_protocol
from study_server.storage import plan_count_queries, plan_counts
from study_server.storage.engine import write_transaction
from study_server.storage.models import Participant, Stimulus, Trial, TrialStimulus
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialKind
from tests.conftest import write_stimuli
from tests.imported_studies import open_study

PEOPLE, IMAGES = 60, 100
METHODS = ("l2", "mcl", "mcl-annealed")


@pytest.mark.slow(3)
def test_dropouts_do_not_unbalance_the_views_of_others(engine: Engine, tmp_path: Path) -> None:
    manifest = write_stimuli(tmp_path / "stimuli", IMAGES, 16, ("real", *METHODS, "foil"))
    preset = create_protocol("balance", "within").model_dump()
    protocol = Protocol.model_validate(preset | {"methods": METHODS})
    open_study(engine, protocol, manifest, tmp_path / "instance")
    leavers = set(Random(0).sample(range(PEOPLE), PEOPLE // 3))
    for number in range(PEOPLE):
        with write_transaction(engine) as db:
            study = find_study(db, "balance")
            person = enrollment.enroll_participant(
                db, study, str(number), Mode.LIVE, RecruitmentSource.LINK
            )
            if number in leavers:  # long ago, so that the next to come takes the place
                person.last_seen_at = now() - timedelta(days=1)
                db.flush()
                update_lapsed_outcomes(db, study)
    with write_transaction(engine) as db:
        study = find_study(db, "balance")
        views = plan_count_queries.load_planned_stimuli(db, study, Mode.LIVE).views
        assert plan_counts.find_differences(db, study) == []
        stayed = select(Trial.participant_id, Stimulus.method, TrialStimulus.slot)
        stayed = (
            stayed.select_from(Trial)
            .join(TrialStimulus)
            .join(Stimulus)
            .join(Participant, Trial.participant)
        )
        active = (
            Participant.outcome == Outcome.ACTIVE,
            Trial.kind == TrialKind.TEST,
            Stimulus.method != "real",
        )
        tests = [tuple(row) for row in db.execute(stayed.where(*active))]
    seen = [views.get((f"photo-{n:03}", method), 0) for n in range(IMAGES) for method in METHODS]
    assert sum(seen) == len(tests) == 40 * protocol.trials
    assert max(seen) - min(seen) <= 2  # 5.3 on average
    by_method = Counter(method for _, method, _ in tests)
    assert max(by_method.values()) - min(by_method.values()) <= 40  # one a person
    for someone in {who for who, _, _ in tests}:
        methods = Counter(method for who, method, _ in tests if who == someone)
        sides = Counter(side for who, _, side in tests if who == someone)
        assert sorted(methods.values()) == [13, 13, 14]
        assert sides == {0: 20, 1: 20}
