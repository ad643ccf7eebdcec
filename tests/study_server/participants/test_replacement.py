"""Disturbed, interrupted and broken trials are kept or replaced, never lost or duplicated."""

import csv
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from study_server.export.codebook import INCIDENT_COLUMNS
from study_server.export.csv_files import export_study
from study_server.participants import current_trial, enrollment, participation, replacement, scoring
from study_server.participants.current_trial import VoidedTrialError
from study_server.participants.responses import SubmittedResponse
from study_server.storage.engine import write_transaction
from study_server.storage.models import Incident, Participant, Response, Trial
from study_server.studies.lookup import find_study
from study_server.tasks.task import InvalidAnswerError
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, TrialFlag, TrialKind
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.acting import LEFT, begin, fake_of, name_fake, other, respond, upcoming

SLOW = SubmittedResponse(LEFT, 800, 1000.0, 1050.0, flags=[TrialFlag.SLOW_FRAME], message_id="slow")
FINE = SubmittedResponse(LEFT, 800, 1000.0, 1000.0, message_id="fine")


@pytest.fixture
def study(engine: Engine, manifest: Path, tmp_path: Path) -> str:
    """Create a study that replaces disturbed trials: 1 practice, 3 tests, 1 attention check."""
    protocol = short_protocol("strict", disturbed="replace", practice=1, trials=3, prefetch=1)
    return open_study(engine, protocol, manifest, tmp_path / "instance")


def enroll(db: Session, slug: str) -> Participant:
    return enrollment.enroll_participant(
        db, find_study(db, slug), "p", Mode.LIVE, RecruitmentSource.LINK
    )


def next_test(db: Session, participant: Participant) -> Trial:
    """Answer the practice trial and return the first test trial."""
    (practice, *_) = upcoming(db, participant)
    if practice.kind is TrialKind.PRACTICE:
        respond(db, participant, practice, SubmittedResponse(LEFT, 1, 1, 1))
    return upcoming(db, participant)[0]


def test_a_disturbed_trial_is_replaced_and_its_answer_kept_with_it(
    engine: Engine, study: str
) -> None:
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        trial = next_test(db, participant)
        respond(db, participant, trial, SLOW)
        (again, *_) = upcoming(db, participant)
        assert trial.voided
        assert trial.response is not None
        assert trial.response.slow_frame
        assert (again.place, again.attempt) == (trial.place, 1)
        assert fake_of(again).image != fake_of(trial).image
        assert current_trial.count_progress(db.connection(), participant) == (1, 5)
        assert scoring.count_correct(db, participant) == (0, 0)


def test_an_answer_resent_after_its_trial_was_replaced_changes_nothing(
    engine: Engine, study: str
) -> None:
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        trial = next_test(db, participant)
        for _ in range(3):
            respond(db, participant, trial, SLOW)
        attempts = select(func.count()).select_from(Trial).where(Trial.place == trial.place)
        assert db.scalar(attempts) == 2


def test_a_permanently_slow_display_can_finish(engine: Engine, study: str) -> None:
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        while trials := upcoming(db, participant):
            answer = SubmittedResponse(LEFT, 1, 1, 1, flags=[TrialFlag.HIDDEN])
            respond(db, participant, trials[0], answer)
        assert participant.outcome is Outcome.COMPLETE
        attempts = select(Trial.kind, func.max(Trial.attempt)).group_by(Trial.place, Trial.kind)
        for kind, last in db.execute(attempts):
            assert last == (0 if kind is TrialKind.PRACTICE else 2)


def test_disturbed_trials_are_kept_without_the_replacement_rule(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    slug = open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        participant = enroll(db, slug)
        trial = next_test(db, participant)
        respond(db, participant, trial, SLOW)
        assert not trial.voided


def test_an_image_that_fails_to_load_only_adds_an_incident(
    engine: Engine, study: str, tmp_path: Path
) -> None:
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        trial = next_test(db, participant)
        for _ in range(2):  # reported again, it changes nothing
            replacement.report_incident(db, participant, trial.token, 1, 500)
        (again, *_) = upcoming(db, participant)
        assert (again.place, again.attempt) == (trial.place, 1)
        assert db.scalar(select(func.count()).select_from(Incident)) == 1
        image = fake_of(trial).image
    with write_transaction(engine) as db:
        export_study(
            db, find_study(db, study), tmp_path / "responses.csv", list(Mode), blinded=False
        )
    with (tmp_path / "incidents.csv").open(newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert list(row) == list(INCIDENT_COLUMNS)
    assert (row["image"], row["slot"], row["status"]) == (image, "1", "500")
    assert len((tmp_path / "responses.csv").read_text().splitlines()) == 1 + 1  # practice alone


def test_an_answered_or_voided_trial_has_no_incident(engine: Engine, study: str) -> None:
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        trial = next_test(db, participant)
        respond(db, participant, trial, FINE)
        with pytest.raises(VoidedTrialError):
            replacement.report_incident(db, participant, trial.token, 0, None)


def test_two_answers_may_share_a_message_id(engine: Engine, study: str) -> None:
    """A front end may number its answers per trial, so ids are only unique within a trial."""
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        for _ in range(2):
            trial = next_test(db, participant)
            respond(db, participant, trial, FINE)
        assert db.scalar(select(func.count()).select_from(Response)) == 3
        assert current_trial.count_progress(db.connection(), participant) == (3, 5)


def test_the_protocol_says_how_many_trials_are_fetched_ahead(engine: Engine, study: str) -> None:
    with write_transaction(engine) as db:
        person = participation.to_current_participant(enroll(db, study))
        assert len(current_trial.load_upcoming_trials(db.connection(), person).trials) == 1 + 1


def test_a_disturbed_qualification_trial_does_not_screen_out(
    engine: Engine, manifest: Path, tmp_path: Path
) -> None:
    changes = {"qualification": 2, "qualification_min_correct": 1.0, "disturbed": "replace"}
    protocol = short_protocol("strict", practice=0, **changes)
    open_study(engine, protocol, manifest, tmp_path / "instance")
    with write_transaction(engine) as db:
        participant = enroll(db, "strict")
        (first, *_) = upcoming(db, participant)
        wrong = SubmittedResponse(other(name_fake(first)), 1, 1, 1, flags=[TrialFlag.SLOW_FRAME])
        respond(db, participant, first, wrong)
        for _ in range(2):
            (trial, *_) = upcoming(db, participant)
            respond(db, participant, trial, SubmittedResponse(name_fake(trial), 1, 1, 1))
        assert participant.outcome is Outcome.ACTIVE
        assert scoring.count_correct(db, participant, TrialKind.QUALIFICATION) == (2, 2)


def test_a_started_trial_cannot_be_reported_as_unseen(engine: Engine, study: str) -> None:
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        (trial, *_) = upcoming(db, participant)
        begin(db, participant, trial)
        with pytest.raises(InvalidAnswerError, match="it has started"):
            replacement.report_incident(db, participant, trial.token, 0, 500)
        assert not trial.voided


def test_trials_cannot_be_chosen_by_reporting_incidents(engine: Engine, study: str) -> None:
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        for _ in range(replacement.MAX_ATTEMPTS_AFTER_INCIDENTS):
            (trial, *_) = upcoming(db, participant)
            replacement.report_incident(db, participant, trial.token, 0, 500)
        (trial, *_) = upcoming(db, participant)
        with pytest.raises(InvalidAnswerError):
            replacement.report_incident(db, participant, trial.token, 0, 500)


def test_positions_follow_the_order_shown(engine: Engine, study: str, tmp_path: Path) -> None:
    """The next trial started before the disturbed one was replaced, so it was seen first."""
    with write_transaction(engine) as db:
        participant = enroll(db, study)
        while (trial := upcoming(db, participant)[0]).kind is TrialKind.PRACTICE:
            respond(db, participant, trial, SubmittedResponse(name_fake(trial), 1, 1, 1))
        first, second, *_ = upcoming(db, participant)
        begin(db, participant, first)
        begin(db, participant, second)
        respond(db, participant, first, SLOW)
        (again, *_) = upcoming(db, participant)
        begin(db, participant, again)
        db.flush()
        query = text("SELECT started_at FROM responses_export ORDER BY position")
        moments = [str(moment) for moment in db.scalars(query)]
        assert len(moments) == 3 + first.place
        assert moments == sorted(moments)
