"""The kept counters equal a new count after any history of participants."""

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from study_server.cli import commands
from study_server.participants import enrollment, replacement, withdrawal
from study_server.participants.outcomes import update_lapsed_outcomes
from study_server.participants.responses import SubmittedResponse
from study_server.protocol.model import Protocol, parse_stored_protocol, task_of
from study_server.storage import plan_counts
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.storage.models import Participant, StimulusCount, Study
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialFlag
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.acting import begin, respond, upcoming
from tests.study_server.tasks.test_answers_of_tasks import SETTINGS

STEPS, PEOPLE = 80, 6


class HastyPerson:
    """A person who is wrong in three of ten trials, and to whom all images look equally good."""

    def error_probability(self, image: str, method: str) -> float:
        return 0.3

    def quality(self, image: str, method: str) -> float:
        return 0.0


def come(db: Session, study: Study, name: str, mode: Mode) -> Participant:
    return enrollment.enroll_participant(db, study, name, mode, RecruitmentSource.LINK)


def act(db: Session, study: Study, rng: Random) -> None:
    """Let something happen to somebody."""
    name, mode = str(rng.randrange(PEOPLE)), rng.choice([Mode.LIVE, Mode.SIMULATED])
    person = come(db, study, f"{mode}-{name}", mode)
    trials = upcoming(db, person)
    match rng.randrange(6):
        case 0 | 1 if trials:
            protocol = parse_stored_protocol(study.protocol)
            shown = [(one.image, one.method) for one in trials[0].candidates]
            answer = task_of(protocol).simulate_answer(protocol, shown, HastyPerson(), rng)
            flags = [TrialFlag.HIDDEN] if rng.random() < 0.3 else []
            second = 1 if protocol.presentation == "sequential" else None
            respond(db, person, trials[0], SubmittedResponse(answer, 1, 1, second, flags=flags))
        case 2 if trials and trials[0].started_at is None:
            if rng.random() < 0.5:
                replacement.report_incident(db, person, trials[0].token, 0, 404)
            else:
                begin(db, person, trials[0])
        case 3:
            replacement.void_interrupted_trials(db, person)
        case 4:
            person.last_seen_at -= timedelta(hours=rng.choice([0, 3, 3]))
            person.started_at -= timedelta(hours=rng.choice([0, 0, 0, 0, 0, 0, 30]))
            db.flush()
            update_lapsed_outcomes(db, study)
        case 5 if rng.random() < 0.3:
            withdrawal.delete_participant(db, person)


QUALIFYING = {"qualification": 2, "qualification_min_correct": 0.6}
STUDIES: dict[str, dict[str, Any]] = {
    "between": QUALIFYING,
    "within": QUALIFYING | {"assignment": "within"},
    "preference": {"task": "preference", **SETTINGS["preference"]},
    "rating": {"task": "rating", **SETTINGS["rating"], "attention_checks": 2},
}


def create_protocol(name: str) -> Protocol:
    return short_protocol(
        "kept", practice=1, trials=4, repeats=1, disturbed="replace", time_limit_minutes=1200,
        **STUDIES[name],
    )  # fmt: skip


@pytest.mark.slow(1)
@pytest.mark.parametrize("name", STUDIES)
def test_counters_equal_a_new_count_after_any_history(
    name: str, engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    open_study(engine, create_protocol(name), manifest, tmp_path / "instance")
    rng, outcomes = Random(name), set()
    for _ in range(STEPS):
        with write_session(engine) as db:
            study = find_study(db, "kept")
            try:
                act(db, study, rng)
            except enrollment.WithdrawnError:
                continue
            db.commit()
            assert plan_counts.find_differences(db, study) == []
            outcomes |= set(db.scalars(select(Participant.outcome)))
    assert {Outcome.ACTIVE, Outcome.ABANDONED, Outcome.TIMED_OUT} <= outcomes


def test_a_wrong_counter_is_named_and_repaired(
    engine: Engine, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_study(engine, short_protocol("kept"), manifest, tmp_path / "instance")
    monkeypatch.setenv("STUDY_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("STUDY_INSTANCE", str(tmp_path / "instance"))
    with write_transaction(engine) as db:
        come(db, find_study(db, "kept"), "p", Mode.LIVE)
        assert db.scalar(select(func.sum(StimulusCount.trials))) == 2 * 4
    right = CliRunner().invoke(commands, ["check", "kept"])
    assert (right.exit_code, right.output) == (
        0,
        "kept: the counters and the stimuli are correct\n",
    )
    with write_transaction(engine) as db:
        first = select(func.min(StimulusCount.stimulus_id)).scalar_subquery()
        chosen = StimulusCount.stimulus_id == first
        db.execute(update(StimulusCount).where(chosen).values(trials=7))
    wrong = CliRunner().invoke(commands, ["check", "kept"])
    assert "(live): trials 7, recounted 1\n" in wrong.output
    assert str(wrong.exception) == (
        "1 counter is wrong; `study check --repair` repairs everything but stimuli"
    )
    repaired = CliRunner().invoke(commands, ["check", "kept", "--repair"])
    assert repaired.output.endswith("kept: the counters and the stimuli are correct\n")
    with read_session(engine) as db:
        assert plan_counts.find_differences(db, find_study(db, "kept")) == []
