"""Tests of what needs a researcher's attention."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.jobs.queue import request_job
from study_server.monitoring import alerts
from study_server.monitoring.alerts import find_alerts
from study_server.monitoring.exposure_accuracy import ExposureAccuracy
from study_server.participants.participation import store_comment
from study_server.storage.models import Study
from study_server.studies.exclusion_counts import list_participant_summaries
from study_server.vocabulary import JobKind, JobState, PayState, RecruitmentSource, StudyState
from tests.study_server.monitoring.people import take_part


def sentences(db: Session, study: Study, folder: Path, off: int = 0) -> list[str]:
    """Return the alerts if this many of 100 exposures were off by more than a frame."""
    db.flush()
    people = list_participant_summaries(db, study)
    accuracy = ExposureAccuracy(images=100, off=off, median_ms=0, p95_ms=0)
    found = find_alerts(db, study, people, accuracy, folder)
    return [alert.sentence for alert in found]


def test_a_quiet_study_needs_nothing(db: Session, study: Study, tmp_path: Path) -> None:
    take_part(db, study, "p")
    assert sentences(db, study, tmp_path, off=5) == []


def test_each_problem_is_a_sentence(
    db: Session, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_comment(take_part(db, study, "p"), "Hello.")
    study.stop_at = 1
    job = request_job(db, JobKind.REPORT, requested_by="ada", study_id=study.id)
    job.state, job.message, job.finished_at = JobState.FAILED, "no answers", now()
    monkeypatch.setattr(alerts, "MIN_FREE_BYTES", 1 << 60)
    places, exposures, comments, jobs, disk = sentences(db, study, tmp_path, off=6)
    assert places == "1 participant is complete or under way, and enrollment stops at 1."
    assert exposures.startswith("6.0% of the exposures were off by more than a frame.")
    assert comments == "1 comment is unread."
    assert jobs == "The last report job failed: no answers."
    assert "GB is free on the server's disk" in disk
    study.state = StudyState.CLOSED
    assert places not in sentences(db, study, tmp_path / "not" / "there")


def test_participants_who_wait_to_be_paid_are_counted(
    db: Session, study: Study, tmp_path: Path
) -> None:
    first, second = take_part(db, study, "p"), take_part(db, study, "q")
    first.source = second.source = RecruitmentSource.PROLIFIC
    assert sentences(db, study, tmp_path) == ["2 participants are waiting to be paid."]
    first.pay_state = PayState.PAID
    waiting = "1 participant is waiting to be paid."
    assert sentences(db, study, tmp_path) == [waiting]
