"""Delete a study with everything that belongs to it, or make room to import it again."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.jobs.queue import request_job
from study_server.storage.models import (
    AcceptedWarning,
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

    Raises StudyError if it is open, or if live participants have answered.
    """
    require_not_open(study)
    contents = measure_contents(db, study)
    if contents.live_answers:
        answers = format_count(contents.live_answers, "live answer", "live answers")
        raise StudyError(
            f"study {study.slug!r} already exists and has {answers}; change the slug in study.toml"
        )
    return contents


def delete_study(db: Session, study: Study) -> set[str]:
    """Delete a study and all of its rows; return the names of the folders of its stimuli.

    Requests the job that erases traces of participants in the database's files. The caller removes
    the folders once the deletion is committed. Raises StudyError if the study is open.
    """
    require_not_open(study)
    folders = _list_folders(db, study)
    _delete_participants(db, study)  # first, because their trials refer to the stimuli
    db.execute(delete(Study).where(Study.id == study.id))
    db.expire_all()
    return folders


def delete_stimuli(db: Session, study: Study) -> set[str]:
    """Delete a draft's stimuli, accepted warnings and participants; return its folders' names.

    As for `delete_study`, the caller removes the folders once the deletion is committed.
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


def remove_stimuli(stimuli_folder: Path, folders: Iterable[str]) -> None:
    """Delete the folders of a deleted study's stimuli."""
    for folder in folders:
        shutil.rmtree(stimuli_folder / folder, ignore_errors=True)


def require_not_open(study: Study) -> None:
    """Raise StudyError if people may be taking part."""
    if study.state is StudyState.OPEN:
        raise StudyError(
            f"study {study.slug!r} is open, so people may be taking part; run "
            f"`study pause {study.slug}` first"
        )
