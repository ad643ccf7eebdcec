"""Open, pause and close a study, and count the places that are taken."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.object_storage.bucket import open_bucket
from study_server.object_storage.mirror import fetch, find_missing, require_stimuli_here
from study_server.settings import Settings, find_resource_folder
from study_server.storage.models import Participant, Study
from study_server.studies import lookup
from study_server.studies.design import hash_wording, open_recruitment
from study_server.studies.unblinding import record_reopening
from study_server.vocabulary import Mode, Outcome, RecruitmentSource, StudyState


def open_study(db: Session, study: Study, settings: Settings, by: str) -> bool:
    """Open a study; return whether this was logged as an early unblinding, because it was closed.

    by: a researcher, or "command line". Raises StudyError unless the study is frozen, its pages are
    unchanged, a linked study has its key, and this server has the stimuli of its bucket.
    """
    lookup.require_person_key(study, settings.person_key)
    if settings.stimuli_url:
        require_stimuli_here(db, study, settings.stimuli_folder)
    wording = hash_wording(db, study, find_resource_folder("templates"))
    was_logged = record_reopening(db, study, by)
    open_recruitment(study, wording)
    return was_logged


def fetch_stimuli(db: Session, study: Study, settings: Settings) -> None:
    """Fetch what this server lacks of a study's stimuli, if they are in a bucket.

    Raises StudyError that names a stimulus which the bucket does not give.
    """
    bucket = open_bucket(settings.stimuli_url)
    if bucket is not None:
        missing = find_missing(db, study, settings.stimuli_folder)
        fetch(bucket, settings.stimuli_folder, missing)


def stop_recruitment(study: Study, state: StudyState) -> None:
    """Pause or close a study: nobody new can start, and those who have started can finish."""
    study.state = state


@dataclass(frozen=True)
class SourceCount:
    """The live participants from one source who are complete, under way, and all who started."""

    source: RecruitmentSource
    complete: int
    active: int
    started: int


def count_by_source(db: Session, study: Study) -> list[SourceCount]:
    """Count the live participants of each source."""
    query = (
        select(Participant.source, Participant.outcome, func.count())
        .where(Participant.study_id == study.id, Participant.mode == Mode.LIVE)
        .group_by(Participant.source, Participant.outcome)
    )
    counts = {(source, outcome): people for source, outcome, people in db.execute(query)}
    return [
        SourceCount(
            source=source,
            complete=counts.get((source, Outcome.COMPLETE), 0),
            active=counts.get((source, Outcome.ACTIVE), 0),
            started=sum(counts.get((source, outcome), 0) for outcome in Outcome),
        )
        for source in RecruitmentSource
    ]
