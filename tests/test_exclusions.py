"""The server's exclusions are those of the report, over 300 random studies.

The rows go directly into one database, so that every combination occurs: voided attempts, images
shown again, repeats, trials without an answer, all flags, single images, all outcomes, and random
rules.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from analysis.exclusions.flow import apply_exclusions
from analysis.inputs.design import parse_plan
from analysis.inputs.responses import Responses, select_study
from analysis.inputs.sources import read_responses
from study_server.clock import now
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import (
    Judgment,
    Participant,
    Response,
    Stimulus,
    Study,
    Trial,
    TrialStimulus,
)
from study_server.studies.exclusion_counts import ParticipantSummary, list_participant_summaries
from study_server.studies.lookup import find_study
from study_server.vocabulary import (
    DISTURBANCE_FLAGS,
    Mode,
    Outcome,
    RecruitmentSource,
    StudyState,
    TrialKind,
)
from tests.conftest import short_protocol
from tests.databases import open_prepared

pytestmark = pytest.mark.slow(25)
STUDIES, IMAGES = 300, 6
OUTCOMES = list(Outcome)
NEXT_ID = count(1)  # of every table, so that rows need no flush to refer to each other
RULES = {
    "min_completed_fraction": (0.0, 0.5, 0.7, 0.9, 1.0),
    "planned_trials": (None, 4, 9),
    "attention_checks_min_correct": (None, 0, 1, 2),
    "attention_checks_planned": (None, 1, 2),
    "attention_checks_min_planned": (0, 1, 2, 8),
    "fast_ms": (0.0, 200.0, 300.0),
    "max_fast_fraction": (0.1, 0.25, 0.29, 0.5),
    "side_max_fraction": (0.5, 0.6, 0.7, 0.9),
    "alternation_max_fraction": (0.3, 0.5, 0.7, 0.95),
    "flagged_max_fraction": (0.1, 0.29, 0.5),
    "min_answers": (0, 1, 3, 6),
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield a database with the studies `study-0`, `study-1`, ..."""
    file = tmp_path_factory.mktemp("exclusions") / "study.sqlite"
    engine = open_prepared(f"sqlite:///{file}")
    with write_transaction(engine) as db:
        for number in range(STUDIES):
            add_study(db, number, np.random.default_rng(number))
    yield engine
    engine.dispose()


def add_study(db: Session, number: int, rng: np.random.Generator) -> None:
    slug, single = f"study-{number}", bool(rng.random() < 0.25)
    checks, repeats = int(rng.integers(0, 4)), int(rng.integers(0, 3))
    protocol = short_protocol(
        slug, trials=int(rng.integers(4, 10)), attention_checks=checks, repeats=min(repeats, 2),
        presentation="single" if single else "sequential",
    )  # fmt: skip
    rules = {rule: pick(rng, values) for rule, values in RULES.items() if rng.random() < 0.7}
    plan = {"exclusions": {rule: value for rule, value in rules.items() if value is not None}}
    content = protocol.model_dump(mode="json")
    study = Study(
        id=next(NEXT_ID), slug=slug, title="", state=StudyState.OPEN, protocol=json.dumps(content),
        task=protocol.task, presentation=protocol.presentation, question=protocol.question,
        schedule_seed="",
        identity_key=b"", manifest_sha256="", design_sha256="a" * 64, created_at=now(),
        design=json.dumps({"protocol": content, "plan": plan}),
    )  # fmt: skip
    db.add(study)
    db.flush()
    stimuli = {
        (image, method): Stimulus(
            id=next(NEXT_ID), study_id=study.id, image=f"i{image}", method=method,
            file=f"{slug}-{image}-{method}",
            file_bytes=1, file_sha256="", width=1, height=1, split="test", checkpoint="",
        )
        for image in range(IMAGES)
        for method in ("real", "mcl", "foil")
    }  # fmt: skip
    db.add_all(stimuli.values())
    db.flush()
    ids = {key: stimulus.id for key, stimulus in stimuli.items()}
    for person in range(int(rng.integers(1, 5))):
        add_participant(db, study, person, ids, rng)


def pick(rng: np.random.Generator, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def add_participant(
    db: Session, study: Study, person: int, ids: dict[tuple[int, str], int],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    moment = now()
    participant = Participant(
        id=next(NEXT_ID), study_id=study.id, public_id=f"{study.slug}-{person}",
        token=f"{study.slug}-{person}",
        mode=Mode.LIVE, source=RecruitmentSource.LINK, outcome=pick(rng, OUTCOMES),
        assigned_method=None, consent_version="", comment="", started_at=moment,
        last_seen_at=moment,
    )  # fmt: skip
    db.add(participant)
    protocol = json.loads(study.protocol)
    kinds = [TrialKind.PRACTICE, *[TrialKind.TEST] * protocol["trials"]]
    kinds += [TrialKind.ATTENTION] * protocol["attention_checks"]
    habits = rng.random(4)  # fast, left, alternating, disturbed
    left_at = int(rng.integers(1, len(kinds) + 1)) if rng.random() < 0.4 else len(kinds) + 2
    shown: list[Trial] = []
    for place in range(len(kinds) + protocol["repeats"]):
        for trial in draw_attempts(rng, study, participant, place, kinds, ids, shown):
            trial.started_at = moment + timedelta(seconds=len(shown)) if place <= left_at else None
            db.add(trial)
            shown += [trial] * (place <= left_at)
            if place < left_at and rng.random() < 0.95:
                db.add(draw_response(rng, study, trial, ids, habits, shown, moment))


def draw_attempts(
    rng: np.random.Generator, study: Study, participant: Participant, place: int,
    kinds: list[TrialKind], ids: dict[tuple[int, str], int], shown: list[Trial],
) -> Iterator[Trial]:  # fmt: skip
    """Yield the attempts of a slot: voided ones, and one that is not, of other images."""
    is_repeat = place >= len(kinds)
    attempts = 1 + int(rng.random() < 0.15) + int(rng.random() < 0.05)
    tests = [trial for trial in shown if trial.kind is TrialKind.TEST and not trial.voided]
    if is_repeat and not tests:
        return
    original = pick(rng, tests) if is_repeat else None
    for attempt in range(attempts):
        kind = TrialKind.TEST if is_repeat else kinds[place]
        if original:
            images = [one.stimulus_id for one in original.stimuli]
        else:
            images = draw_images(rng, study, kind, ids)
        rng.shuffle(images)
        yield Trial(
            id=next(NEXT_ID), participant_id=participant.id, place=place, attempt=attempt,
            kind=kind, block=0, token=f"{participant.public_id}-{place}-{attempt}",
            voided=attempt + 1 < attempts, reshown=rng.random() < 0.1,
            exposure_ms=1000, repeat_of=original.place if original else None,
            stimuli=[
                TrialStimulus(slot=slot, stimulus_id=image) for slot, image in enumerate(images)
            ],
        )  # fmt: skip


def draw_images(
    rng: np.random.Generator, study: Study, kind: TrialKind, ids: dict[tuple[int, str], int]
) -> list[int]:
    """Return the ids of the images of a trial."""
    image, method = int(rng.integers(IMAGES)), "foil" if kind is TrialKind.ATTENTION else "mcl"
    if study.presentation != "single":
        return [ids[image, method], ids[image, "real"]]
    if kind is TrialKind.TEST and rng.random() < 0.5:
        return [ids[image, "real"]]
    return [ids[image, method]]


def draw_response(
    rng: np.random.Generator, study: Study, trial: Trial, ids: dict[tuple[int, str], int],
    habits: Any, shown: list[Trial], moment: datetime,
) -> Response:  # fmt: skip
    """Draw an answer by the participant's habits."""
    fast, left, alternates, disturbed = habits
    turn = len(shown) % 2 if rng.random() < alternates else int(rng.random() < left)
    judgments = [
        Judgment(slot=one.slot, scale="real", value=float(one.slot == turn))
        for one in trial.stimuli
    ]
    foils = {id_ for (_, method), id_ in ids.items() if method == "foil"}
    said = zip(trial.stimuli, judgments, strict=True)
    is_right = None
    if trial.kind is TrialKind.ATTENTION:
        is_right = all((one.stimulus_id in foils) == (was.value == 0) for one, was in said)
    flags = {str(flag): bool(rng.random() < disturbed / 3) for flag in DISTURBANCE_FLAGS}
    return Response(
        trial_id=trial.id, judgments=judgments, attention_passed=is_right,
        rt_ms=int(rng.choice([150, 250, 900]))
        if rng.random() < fast else 900, first_ms=1000, second_ms=None, first_frames=None,
        second_frames=None, received_at=moment, message_id=None, **flags,
    )  # fmt: skip


@pytest.fixture(scope="module")
def responses(engine: Engine) -> Responses:
    """Return the export of all studies, as the report reads it."""
    return read_responses(f"sqlite:///{Path(str(engine.url.database))}")


def reasons_of_report(responses: Responses, study: Study) -> dict[str, set[str]]:
    design = json.loads(study.design or "")
    rules = parse_plan("design", design["plan"], design["protocol"]).rules
    sample = apply_exclusions(responses, select_study(responses, study.slug), rules)
    return {person: set(reasons) for person, reasons in sample.reasons_by_participant().items()}


def reasons_of_server(summary: ParticipantSummary, expected: set[str]) -> set[str]:
    """Return the server's reasons. Who is still active may yet finish: there it waits."""
    waits = {"incomplete"} & expected if summary.outcome is Outcome.ACTIVE else set()
    return {*summary.reasons} | waits


def test_server_and_report_exclude_the_same_people_for_the_same_reasons(
    engine: Engine, responses: Responses
) -> None:
    exported, found = set(responses.distinct("study")), set()
    assert len(exported) == STUDIES
    with read_session(engine) as db:
        for slug in sorted(exported):
            study = find_study(db, slug)
            expected = reasons_of_report(responses, study)
            summaries = {one.public_id: one for one in list_participant_summaries(db, study)}
            assert expected.keys() <= summaries.keys()
            for person, reasons in expected.items():
                assert reasons_of_server(summaries[person], reasons) == reasons, person
                found |= reasons
    assert found == {
        "screened_out", "returned", "incomplete", "attention_checks", "too_fast", "side_bias",
        "alternation", "timing",
    }  # fmt: skip


def test_who_was_shown_no_trial_is_in_no_export(engine: Engine, responses: Responses) -> None:
    """The server lists them as participants who did not finish."""
    people = set(responses.distinct("participant"))
    with read_session(engine) as db:
        for slug in responses.distinct("study")[:20]:
            for one in list_participant_summaries(db, find_study(db, slug)):
                assert (one.public_id in people) or one.answered_trials == 0
