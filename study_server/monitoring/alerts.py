"""Find what needs a researcher's attention in a study."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.jobs.queue import find_newest_jobs
from study_server.monitoring.comments import count_comments
from study_server.monitoring.exposure_accuracy import ExposureAccuracy
from study_server.participants.enrollment import is_study_full
from study_server.payment.records import count_unpaid
from study_server.storage.models import Study
from study_server.studies.exclusion_counts import ParticipantSummary
from study_server.vocabulary import JobState, Outcome, StudyState

MAX_MISSED_SHARE = 0.05  # of exposures
MIN_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Alert:
    """A thing that needs attention. page: the name of the page to go to, or empty."""

    sentence: str
    page: str = ""


def find_alerts(
    db: Session,
    study: Study,
    people: Sequence[ParticipantSummary],
    accuracy: ExposureAccuracy | None,
    instance: Path,
) -> list[Alert]:
    """Return what needs attention.

    people: summaries of all live participants. accuracy: of their exposures. instance: the folder
    with the server's data.
    """
    return [
        *_check_places(db, study, people),
        *_check_payment(db, study),
        *_check_exposures(accuracy),
        *_check_comments(db, study),
        *_check_jobs(db, study),
        *_check_disk(instance),
    ]


def _check_places(db: Session, study: Study, people: Sequence[ParticipantSummary]) -> list[Alert]:
    if study.state is not StudyState.OPEN:
        return []
    taken = sum(person.outcome in (Outcome.ACTIVE, Outcome.COMPLETE) for person in people)
    if study.stop_at is not None and taken >= study.stop_at:
        who = format_count(taken, "participant is", "participants are")
        return [
            Alert(
                f"{who} complete or under way, and enrollment stops at {study.stop_at:,}.",
                "recruit",
            )
        ]
    if is_study_full(db, study):
        return [Alert("Every fake has its planned views, so nobody new can take part.", "recruit")]
    return []


def _check_payment(db: Session, study: Study) -> list[Alert]:
    unpaid = count_unpaid(db, study)
    who = format_count(unpaid, "participant is waiting", "participants are waiting")
    return [Alert(f"{who} to be paid.", "pay")] if unpaid else []


def _check_exposures(accuracy: ExposureAccuracy | None) -> list[Alert]:
    if accuracy is None or accuracy.missed <= MAX_MISSED_SHARE:
        return []
    return [
        Alert(
            f"{accuracy.missed:.1%} of the exposures were off by more than a frame. Look for "
            "participants with slow devices.",
            "participants",
        )
    ]


def _check_comments(db: Session, study: Study) -> list[Alert]:
    _, unread = count_comments(db, study)
    comments = format_count(unread, "comment is", "comments are")
    return [Alert(f"{comments} unread.", "comments")] if unread else []


def _check_jobs(db: Session, study: Study) -> list[Alert]:
    pages = {"simulate": "rehearse", "report": "report", "monitor": "report"}
    return [
        Alert(f"The last {kind} job failed: {job.message}.", pages.get(kind, ""))
        for kind, job in find_newest_jobs(db, study).items()
        if job.state is JobState.FAILED
    ]


def _check_disk(instance: Path) -> list[Alert]:
    folder = next((one for one in (instance, *instance.parents) if one.exists()), None)
    free = shutil.disk_usage(folder).free if folder else MIN_FREE_BYTES
    if free >= MIN_FREE_BYTES:
        return []
    return [
        Alert(
            f"Only {free / 1024**3:.1f} GB is free on the server's disk. Without room, no answer "
            "can be saved."
        )
    ]
