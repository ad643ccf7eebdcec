"""Delete a study with everything that belongs to it, or make room to import it again."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.files import remove_path
from study_server.jobs.queue import find_running_job, request_job
from study_server.jobs.stimulus_import import upload_folder_of
from study_server.object_storage.bucket import Bucket, open_bucket
from study_server.settings import Settings
from study_server.storage.models import (
    AcceptedWarning,
    Job,
    MethodCount,
    PairCount,
    Participant,
    Response,
    Stimulus,
    StimulusCount,
    Study,
    Trial,
)
from study_server.vocabulary import JobKind, Mode, StudyState


@dataclass(frozen=True)
class StudyContents:
    """The contents of a study that its deletion removes."""

    participants: dict[Mode, int]
    live_answers: int
    stimuli: int
    is_frozen: bool

    def describe(self) -> str:
        """Return the contents as text, such as `48 stimuli, 3 simulated participants`."""
        parts = [format_count(self.stimuli, "stimulus", "stimuli")]
        parts += [
            format_count(count, f"{mode} participant", f"{mode} participants")
            for mode, count in self.participants.items()
            if count
        ]
        if self.live_answers:
            parts.append(format_count(self.live_answers, "live answer", "live answers"))
        return ", ".join([*parts, *(["the frozen design"] if self.is_frozen else [])])


def measure_contents(db: Session, study: Study) -> StudyContents:
    """Count what belongs to a study."""
    by_mode = (
        select(Participant.mode, func.count().label("people"))
        .where(Participant.study_id == study.id)
        .group_by(Participant.mode)
    )
    counts = {row.mode: row.people for row in db.execute(by_mode)}
    live_answers = (
        select(func.count())
        .select_from(Response)
        .join(Trial)
        .join(Participant)
        .where(Participant.study_id == study.id, Participant.mode == Mode.LIVE)
    )
    stimuli = select(func.count()).where(Stimulus.study_id == study.id)
    return StudyContents(
        participants={mode: counts.get(mode, 0) for mode in Mode},
        live_answers=db.scalar(live_answers) or 0,
        stimuli=db.scalar(stimuli) or 0,
        is_frozen=study.design is not None,
    )


def require_replaceable(db: Session, study: Study) -> StudyContents:
    """Return the contents of a study that may be imported again.

    Raises StudyError as `require_deletable` does, or if live participants have answered.
    """
    require_deletable(db, study)
    contents = measure_contents(db, study)
    if contents.live_answers:
        answers = format_count(contents.live_answers, "live answer", "live answers")
        raise StudyError(
            f"study {study.slug!r} already exists and has {answers}; change the slug in study.toml"
        )
    return contents


def delete_study(db: Session, study: Study, settings: Settings) -> set[Path]:
    """Delete a study and all of its rows; return the paths of its stimuli, uploads and reports.

    Requests the job that erases traces of participants in the database's files. The caller removes
    the paths once the deletion is committed. Raises StudyError as `require_deletable` does.
    """
    require_deletable(db, study)
    paths = {settings.stimuli_folder / name for name in _list_folders(db, study)}
    paths |= {upload_folder_of(job) for job in _list_imports(db, study)}
    reports = settings.reports_folder(study.slug)
    paths |= {reports, *reports.glob("*")}
    _delete_participants(db, study)  # first, because their trials refer to the stimuli
    db.execute(delete(Study).where(Study.id == study.id))
    db.expire_all()
    return paths


def _list_imports(db: Session, study: Study) -> list[Job]:
    jobs = select(Job).where(Job.study_id == study.id, Job.kind == JobKind.IMPORT)
    return list(db.scalars(jobs))


def delete_stimuli(db: Session, study: Study) -> set[str]:
    """Delete a draft's stimuli, accepted warnings and participants.

    Returns the names of the folders of the stimuli, which the caller removes once the deletion is
    committed.
    """
    folders = _list_folders(db, study)
    _delete_participants(db, study)
    for table in (StimulusCount, PairCount, MethodCount, AcceptedWarning, Stimulus):
        db.execute(delete(table).where(table.study_id == study.id))
    db.expire_all()
    return folders


def _delete_participants(db: Session, study: Study) -> None:
    """Delete a study's participants, and request the job that erases their traces."""
    people = Participant.study_id == study.id
    if db.scalar(select(Participant.id).where(people).limit(1)) is not None:
        request_job(db, JobKind.ERASE_TRACES, requested_by="deletion of a study")
    db.execute(delete(Participant).where(people))


def _list_folders(db: Session, study: Study) -> set[str]:
    files = db.scalars(select(Stimulus.file).where(Stimulus.study_id == study.id))
    return {file.partition("/")[0] for file in files}


def remove_stimuli(
    stimuli_folder: Path, folders: Collection[str], bucket: Bucket | None = None
) -> None:
    """Delete the folders of deleted stimuli, and their copies in the bucket.

    Raises StudyError if the bucket does not allow it.
    """
    for folder in folders:
        remove_path(stimuli_folder / folder)
    if bucket is not None:
        try:
            bucket.delete_folders(folders)
        except StudyError as error:
            raise StudyError(
                f"{error}; the stimuli are deleted here, but not there: run "
                "`study check --repair` later"
            ) from error


def remove_objects(settings: Settings, paths: Collection[Path]) -> None:
    """Delete from the bucket, if there is one, the stimuli whose folders are among these paths.

    Raises StudyError if the bucket does not allow it.
    """
    folders = [path.name for path in paths if path.parent == settings.stimuli_folder]
    remove_stimuli(settings.stimuli_folder, folders, open_bucket(settings.stimuli_url))


def require_deletable(db: Session, study: Study) -> None:
    """Raise StudyError if people may be taking part, or if a background job is running.

    A job would write the study's files again.
    """
    require_not_open(study)
    if find_running_job(db, study) is not None:
        raise StudyError(
            f"a background job of study {study.slug!r} is running; wait until it has finished"
        )


def require_not_open(study: Study) -> None:
    """Raise StudyError if people may be taking part."""
    if study.state is StudyState.OPEN:
        raise StudyError(
            f"study {study.slug!r} is open, so people may be taking part; run "
            f"`study pause {study.slug}` first"
        )
