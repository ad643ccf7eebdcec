"""Summaries of participants and the progress of a study."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from study_server.participants import enrollment, replacement
from study_server.participants.responses import SubmittedResponse
from study_server.participants.withdrawal import delete_participant
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import write_session, write_transaction
from study_server.storage.models import Participant, Study
from study_server.studies.design import AnalysisPlan, PlannedExclusions, freeze_study
from study_server.studies.exclusion_counts import (
    ParticipantSummary,
    find_reasons,
    list_participant_summaries,
)
from study_server.studies.lookup import find_study
from study_server.studies.progress import measure_progress
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialFlag, TrialKind
from tests.conftest import simulate
from tests.study_server.acting import begin, name_fake, other, respond, upcoming

MOMENT = datetime(2026, 7, 3, 12, tzinfo=UTC)
GOOD = ParticipantSummary(
    public_id="p1", source=RecruitmentSource.LINK, outcome=Outcome.COMPLETE, started_at=MOMENT,
    finished_at=MOMENT + timedelta(minutes=9), planned_trials=50, answered_trials=50,
    fast_answers=0, left_answers=25, right_answers=25,
    disturbed_trials=0, attention_checks_planned=10, attention_checks_answered=10,
    attention_checks_correct=9, incident_count=0, completed_trials=50, alternations=24,
    attention_checks_shown=10,
)  # fmt: skip

PLANNED = PlannedExclusions(planned_trials=50)


@pytest.fixture
def db(app: Flask) -> Iterator[Session]:
    with write_session(app.extensions["engine"]) as db:
        yield db


@pytest.fixture
def study(db: Session) -> Study:
    return find_study(db, "short")


def take_part(
    db: Session, study: Study, name: str, trials: int = 7, wrong: bool = False
) -> Participant:
    """Answer this many trials, correctly or not."""
    participant = enrollment.enroll_participant(db, study, name, Mode.LIVE, RecruitmentSource.LINK)
    for _ in range(trials):
        (trial, *_) = upcoming(db, participant)
        choice = other(name_fake(trial)) if wrong else name_fake(trial)
        flags = [TrialFlag.BLURRED] if trial.kind is TrialKind.ATTENTION else []
        answer = SubmittedResponse(choice, rt_ms=640, first_ms=100, second_ms=100, flags=flags)
        respond(db, participant, trial, answer)
    return participant


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({}, ()),
        ({"attention_checks_correct": 8}, ()),
        ({"attention_checks_correct": 7}, ("attention_checks",)),
        (
            {
                "attention_checks_correct": 7,
                "attention_checks_planned": 7,
                "attention_checks_shown": 7,
            },
            (),
        ),
        (
            {
                "attention_checks_correct": 2,
                "attention_checks_planned": 7,
                "attention_checks_shown": 7,
            },
            (),
        ),
        ({"attention_checks_correct": 2, "attention_checks_shown": 9}, ()),
        ({"fast_answers": 13}, ("too_fast",)),
        ({"fast_answers": 12}, ()),
        ({"left_answers": 46, "right_answers": 4}, ("side_bias",)),
        ({"left_answers": 4, "right_answers": 46}, ("side_bias",)),
        ({"left_answers": 45, "right_answers": 5}, ()),
        ({"alternations": 47}, ("alternation",)),
        ({"alternations": 46}, ()),
        ({"disturbed_trials": 26}, ("timing",)),
        ({"disturbed_trials": 25}, ()),
        ({"outcome": Outcome.ABANDONED, "completed_trials": 44}, ("incomplete",)),
        ({"outcome": Outcome.ABANDONED, "completed_trials": 45}, ()),
        (
            {
                "outcome": Outcome.ACTIVE,
                "answered_trials": 3,
                "left_answers": 3,
                "right_answers": 0,
                "fast_answers": 3,
            },
            (),
        ),
        (
            {"outcome": Outcome.RETURNED, "answered_trials": 2, "completed_trials": 2},
            ("returned", "incomplete"),
        ),
        (
            {
                "outcome": Outcome.SCREENED_OUT,
                "answered_trials": 0,
                "left_answers": 0,
                "right_answers": 0,
            },
            ("screened_out",),
        ),
    ],
)
def test_reasons_are_the_rules_of_the_plan(
    change: dict[str, Any], reasons: tuple[str, ...]
) -> None:
    assert find_reasons(replace(GOOD, **change), PLANNED) == reasons


def test_single_images_and_ties_have_no_side() -> None:
    assert find_reasons(replace(GOOD, left_answers=0, right_answers=0), PLANNED) == ()


def test_the_rules_are_those_that_were_frozen(db: Session, study: Study) -> None:
    rules = PlannedExclusions(attention_checks_min_planned=1, attention_checks_min_correct=1)
    freeze_study(db, study, AnalysisPlan(exclusions=rules), "aa")
    take_part(db, study, "right")
    take_part(db, study, "wrong", wrong=True)
    wrong, right = list_participant_summaries(db, study)
    assert (right.reasons, wrong.reasons) == ((), ("attention_checks",))


def test_counts_leave_out_practice_and_voided_trials(db: Session, study: Study) -> None:
    person = take_part(db, study, "p", trials=4)
    (trial, *_) = upcoming(db, person)
    begin(db, person, trial)
    replacement.void_interrupted_trials(db, person)
    (trial, *_) = upcoming(db, person)
    replacement.report_incident(db, person, trial.token, 0, 404)
    (standing,) = list_participant_summaries(db, study)
    assert (standing.planned_trials, standing.answered_trials, standing.incident_count) == (5, 2, 1)
    assert standing.attention_checks_planned == 1
    assert (
        standing.disturbed_trials
        == standing.attention_checks_correct
        == standing.attention_checks_answered
    )


def test_progress_summarizes_live_participants(db: Session, study: Study) -> None:
    freeze_study(db, study, AnalysisPlan(participants=4), "aa")
    first = take_part(db, study, "first")
    first.started_at -= timedelta(minutes=10)
    second = take_part(db, study, "second")
    second.started_at -= timedelta(minutes=20)
    silent = take_part(db, study, "silent", trials=1)
    silent.last_seen_at -= timedelta(days=1)
    delete_participant(db, take_part(db, study, "gone"))
    progress = measure_progress(db, study)
    assert (progress.started, progress.planned, progress.is_blinded) == (4, 4, True)
    assert {word: count for word, count in progress.participants_by_outcome.items() if count} == {
        "complete": 2, "abandoned": 1, "withdrawn": 1,
    }  # fmt: skip
    assert progress.median_minutes == pytest.approx(15, abs=0.2)
    assert (progress.attention_check_pass_rate, progress.attention_checks_exclude) == (1.0, False)
    assert progress.disturbed_share == pytest.approx(2 / 10)
    assert (progress.excluded_by_rule, progress.excluded_count) == ({"incomplete": 1}, 1)


def test_shares_are_none_without_participants(db: Session, study: Study) -> None:
    progress = measure_progress(db, study)
    assert (progress.started, progress.excluded_count) == (0, 0)
    for share in (
        progress.median_minutes,
        progress.attention_check_pass_rate,
        progress.disturbed_share,
    ):
        assert share is None


def test_simulated_participants_only_count_as_simulated(app: Flask) -> None:
    simulate(app, "short", 2, SimulatedPopulation({"l2": 0.226, "mcl": 0.301}))
    with write_transaction(app.extensions["engine"]) as db:
        progress = measure_progress(db, find_study(db, "short"))
        assert (progress.started, progress.participants_by_outcome["simulated"]) == (0, 2)
        assert len(list_participant_summaries(db, find_study(db, "short"), Mode.SIMULATED)) == 2
