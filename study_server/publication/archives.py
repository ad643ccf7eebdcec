"""A publication as one zip file: written by `study publish`, requested from the Data page."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.jobs.queue import request_job
from study_server.publication.facts import PublicationFacts, read_facts, write_facts
from study_server.publication.publishing import (
    Publication,
    describe_withdrawals,
    publish_study,
    require_new,
    require_publishable,
)
from study_server.publication.stimuli import StimulusChoice, find_tags
from study_server.settings import Settings
from study_server.storage.models import Job, Study
from study_server.vocabulary import JobKind, Mode

ZIP_SUFFIX = ".zip"
PUBLISHED_MODES = (Mode.LIVE, Mode.SIMULATED)


@dataclass(frozen=True)
class PublicationState:
    """The state of publishing a study, as the Data page shows it.

    modes: the participants that can be published now. obstacle: why live participants cannot, or
    "". withdrawals: how many withdrew, or "". archives: the participants of the files that can be
    downloaded. facts: the authors and the license of the last publication of any study, or None.
    """

    modes: tuple[Mode, ...]
    obstacle: str
    withdrawals: str
    archives: tuple[Mode, ...]
    facts: PublicationFacts | None


def publish_archive(
    engine: Engine, settings: Settings, publication: Publication, out: Path
) -> list[str]:
    """Write the zip file `out`, with a folder named after the study, or nothing.

    Returns what was changed to protect participants. Raises StudyError as `publish_study` does.
    """
    require_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".") as name, atomic_write(out) as temporary:
        notes = publish_study(engine, settings, publication, Path(name) / publication.slug)
        base = str(temporary.with_suffix(""))  # make_archive appends the suffix again
        shutil.make_archive(base, "zip", root_dir=name, base_dir=publication.slug)
    return notes


def request_publication(
    db: Session,
    settings: Settings,
    study: Study,
    facts: PublicationFacts,
    mode: Mode,
    stimuli: StimulusChoice,
    by: str,
) -> Job:
    """Keep the facts, and request the job that publishes a study as a zip file.

    Raises StudyError if the study cannot be published.
    """
    if mode not in PUBLISHED_MODES:
        raise StudyError("previews cannot be published; choose live or simulated participants")
    _require_publishable(db, study, mode)
    write_facts(facts, settings.instance_folder)
    payload = {
        "file": str(settings.publication_path(study.slug, mode, study.withdrawn_count)),
        "mode": mode,
        "withdrawn": study.withdrawn_count,
        **facts.model_dump(mode="json"),
        "with_stimuli": stimuli.is_included,
        "stimuli_url": stimuli.address,
    }
    return request_job(db, JobKind.PUBLISH, requested_by=by, study_id=study.id, payload=payload)


def find_archive(settings: Settings, study: Study, mode: Mode) -> Path | None:
    """Return the zip file of a publication, unless a participant has withdrawn since."""
    file = settings.publication_path(study.slug, mode, study.withdrawn_count)
    return file if file.is_file() else None


def read_state(db: Session, settings: Settings, study: Study) -> PublicationState:
    """Return which participants can be published, and which have been."""
    obstacles = {mode: _find_obstacle(db, study, mode) for mode in PUBLISHED_MODES}
    return PublicationState(
        modes=tuple(mode for mode, obstacle in obstacles.items() if not obstacle),
        obstacle=obstacles[Mode.LIVE],
        withdrawals=describe_withdrawals(study),
        archives=tuple(mode for mode in PUBLISHED_MODES if find_archive(settings, study, mode)),
        facts=_read_kept_facts(settings),
    )


def _read_kept_facts(settings: Settings) -> PublicationFacts | None:
    try:
        return read_facts(settings.instance_folder)
    except StudyError:  # a damaged file, which the next publication replaces
        return None


def _find_obstacle(db: Session, study: Study, mode: Mode) -> str:
    try:
        _require_publishable(db, study, mode)
    except StudyError as error:
        return str(error)
    return ""


def _require_publishable(db: Session, study: Study, mode: Mode) -> None:
    require_publishable(db, study, mode)
    find_tags(study, None)
