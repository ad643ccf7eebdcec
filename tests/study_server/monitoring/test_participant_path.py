"""One participant's path, with and without what blinding hides."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.monitoring.participant_path import TrialRow, load_path
from study_server.participants import enrollment, replacement
from study_server.participants.responses import SubmittedResponse
from study_server.protocol.model import Protocol
from study_server.protocol.study_toml import create_protocol
from study_server.storage.engine import write_session
from study_server.storage.models import (
    LinkParameter,
    QuestionAnswer,
    Screening,
    Study,
    SubmittedPage,
)
from study_server.studies.lookup import find_study
from study_server.tasks.task import WireAnswer
from study_server.vocabulary import (
    ColorVision,
    Mode,
    QuestionPage,
    QuestionType,
    RecruitmentSource,
    StudyState,
    TrialKind,
)
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.acting import begin, respond, upcoming
from tests.study_server.monitoring.people import take_part


def test_a_path_is_in_the_order_of_time(db: Session, study: Study) -> None:
    person = take_part(db, study, "p", trials=3, first_ms=140)
    (trial, *_) = upcoming(db, person)
    replacement.report_incident(db, person, trial.token, 1, 404)
    (trial, *_) = upcoming(db, person)
    begin(db, person, trial)
    replacement.void_interrupted_trials(db, person)
    path = load_path(db, study, person)
    assert [row.number for row in path.trials] == [1, 2, 3, 4, 5]
    assert [row.place for row in path.trials] == [1, 2, 3, 4, 4]
    assert path.planned_trials == 7
    answered, failed, interrupted = path.trials[2:]
    assert (answered.achieved_ms, answered.planned_ms, answered.is_off) == ((140, 100), 100, True)
    assert (answered.rt_ms, answered.input) == (640, "mouse")
    assert failed.incident == "image 2 failed to load (HTTP status 404)"
    assert (failed.started_at, failed.flags) == (None, ("voided",))
    assert (interrupted.attempt, interrupted.flags, interrupted.answer) == (2, ("voided",), "")
    texts = [event.text for event in path.events]
    assert texts == ["gave consent", "3 trials answered, from the first trial on", "last seen"]


def test_a_path_has_the_screening_the_questions_and_the_link(db: Session, study: Study) -> None:
    person = take_part(db, study, "p")
    db.add(Screening(participant_id=person.id, color_vision=ColorVision.NORMAL, plates_correct=3))
    for page in QuestionPage:
        db.add(SubmittedPage(participant_id=person.id, page=page, submitted_at=person.started_at))
    db.flush()
    db.add(
        QuestionAnswer(
            participant_id=person.id, name="gone", page=QuestionPage.BEFORE,
            type=QuestionType.TEXT, value="an answer to a question that is gone",
        )
    )  # fmt: skip
    db.add(LinkParameter(participant_id=person.id, name="course", value="b2"))
    db.flush()
    path = load_path(db, study, person)
    assert [event.text for event in path.events] == [
        "gave consent",
        "answered the screening: color vision normal, 3 color plates correct",
        "answered the questions before the trials",
        "7 trials answered, from the first trial on",
        "answered the questions after the trials",
        "finished",
    ]
    assert path.link_parameters == [("course", "b2")]
    assert path.question_answers == []


def shown(rows: Sequence[TrialRow]) -> str:
    return " ".join(image for row in rows for image in row.images)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("state", [StudyState.OPEN, StudyState.CLOSED])
def test_only_live_trials_of_a_blinded_study_hide_their_images(
    mode: Mode, state: StudyState, db: Session, study: Study
) -> None:
    person = take_part(db, study, "p", mode=mode)
    study.state = state
    path = load_path(db, study, person)
    is_hidden = mode is Mode.LIVE and state is StudyState.OPEN
    assert path.has_truth is not is_hidden
    assert path.has_moments
    assert {row.answer for row in path.trials} <= {"left", "right"}
    if is_hidden:
        assert shown(path.trials) == ""
        assert {row.is_correct for row in path.trials} == {None}
    else:
        assert "real (photo-0" in shown(path.trials)
        assert {row.is_correct for row in path.trials} == {True}


@pytest.fixture
def session(engine: Engine) -> Session:
    return write_session(engine)


def answer_first(
    session: Session, protocol: Protocol, manifest: Path, folder: Path, answer: WireAnswer
) -> TrialRow:
    """Return the row of the first trial of a study with this protocol."""
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    open_study(engine, protocol, manifest, folder)
    with session as db:
        study = find_study(db, protocol.slug)
        person = enrollment.enroll_participant(db, study, "p", Mode.LIVE, RecruitmentSource.LINK)
        (trial, *_) = upcoming(db, person)
        second = 100.0 if protocol.presentation == "sequential" else None
        respond(db, person, trial, SubmittedResponse(answer, 640, 100, second))
        return load_path(db, study, person).trials[0]


SCALE = {"name": "quality", "min": 1, "max": 5, "labels": ["bad", "good"]}
TASKS: list[tuple[dict[str, Any], WireAnswer, str]] = [
    ({}, {"choice": 1}, "right"),
    ({"question": "real"}, {"choice": 1}, "right"),
    ({"presentation": "single"}, {"verdict": "fake"}, "fake"),
    ({"task": "preference", "assignment": "within", "ties": True}, {"choice": 0}, "left"),
    (
        {"task": "preference", "assignment": "within", "ties": True},
        {"choice": "tie"},
        "no difference",
    ),
    (
        {
            "task": "ranking", "assignment": "within", "candidates": 3, "include_real": True,
            "presentation": "simultaneous",
        },
        {"order": [2, 0, 1]},
        "ranks 2, 3, 1",
    ),
    (
        {
            "task": "rating", "assignment": "within", "presentation": "single",
            "attention_checks": 0, "scales": [SCALE],
        },
        {"scores": {"quality": 4}},
        "quality 4",
    ),
]  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("changes", "answer", "text"), TASKS)
def test_an_answer_is_shown_in_the_words_of_its_task(
    changes: dict[str, Any], answer: WireAnswer, text: str,
    session: Session, manifest: Path, tmp_path: Path,
) -> None:  # fmt: skip
    practice = 0 if "task" in changes else 2
    protocol = short_protocol(practice=practice, **changes)
    assert answer_first(session, protocol, manifest, tmp_path, answer).answer == text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_blinded_staircase_hides_exposures_and_moments(
    session: Session, manifest: Path, tmp_path: Path
) -> None:
    protocol = Protocol.model_validate(
        create_protocol("stairs", "hype_time").model_dump()
        | {
            "qualification": 0, "trials": 4, "methods": ("l2", "mcl"),
            "device": "any", "color_vision": "unasked", "night_light": "unasked",
            "staircase": {
                "start_ms": 500, "up_ms": 10, "down_ms": 30, "right_in_a_row": 3, "min_ms": 100,
                "max_ms": 1000, "blocks": 1, "trials_per_block": 4,
            },
        }
    )  # fmt: skip
    row = answer_first(session, protocol, manifest, tmp_path, {"verdict": "fake"})
    assert row.kind is TrialKind.TEST
    assert (row.started_at, row.planned_ms, row.achieved_ms) == (None, None, ())
    assert (row.answer, row.rt_ms, row.images) == ("fake", 640, ())
