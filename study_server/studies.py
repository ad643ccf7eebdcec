"""Studies as a researcher handles them: bring one in, open it, count who came."""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from study_server import stimuli
from study_server.clock import now
from study_server.database import reading, transaction
from study_server.errors import StudyError
from study_server.models import Participant, Response, Stimulus, Study, Trial
from study_server.protocol import Protocol, stored_protocol
from study_server.words import Mode, Outcome, State

Rows = Iterable[stimuli.Row]


@dataclass(frozen=True)
class Imported:
    """What an import stored, and what the researcher should know, a sentence each."""

    stimuli: int
    warnings: list[str]


def import_study(
    engine: Engine,
    protocol: Protocol,
    manifest: Path,
    folder: Path,
    progress: Callable[[list[stimuli.Row]], Rows] = iter,
) -> Imported:
    """Check everything, store every stimulus, then the study: all of it or nothing.

    folder: where stimuli live; the study's go into a new folder there, of a random name, since
    another database may share the place.
    progress: wraps the rows that are stored one by one, for a progress bar.
    Raises StudyError.
    """
    rows = stimuli.read_manifest(manifest)
    stimuli.check(manifest, rows, protocol)
    wanted = [row for row in rows if row.method in stimuli.wanted_methods(protocol)]
    with reading(engine) as db:
        _refuse_second(db, protocol.slug)
    own = folder / secrets.token_hex(8)
    own.mkdir(parents=True)
    try:
        files = [f"{own.name}/{stimuli.store(manifest, row, own)}" for row in progress(wanted)]
        _insert(engine, _study(protocol, manifest), wanted, files)
    except BaseException:
        stimuli.remove(own)
        raise
    return Imported(len(wanted), _warnings(wanted))


def _insert(engine: Engine, study: Study, rows: list[stimuli.Row], files: list[str]) -> None:
    """In one short transaction: a study that is running must not wait for its answers' turn."""
    slug = study.slug
    try:
        with transaction(engine) as db:
            _refuse_second(db, slug)
            db.add(study)
            db.flush()
            db.add_all(_stimulus(study, *pair) for pair in zip(rows, files, strict=True))
    except IntegrityError as error:  # somebody else imported it in the meantime
        raise _already_here(slug) from error


def _refuse_second(db: Session, slug: str) -> None:
    if db.scalar(select(Study.id).where(Study.slug == slug)) is not None:
        raise _already_here(slug)


def _already_here(slug: str) -> StudyError:
    return StudyError(f"study {slug!r} is already here; give study.toml another slug")


def _study(protocol: Protocol, manifest: Path) -> Study:
    return Study(
        slug=protocol.slug,
        title=protocol.title,
        state=State.DRAFT,
        protocol=protocol.canonical(),
        presentation=protocol.presentation,
        question=protocol.question,
        schedule_seed=secrets.token_hex(16),
        key=secrets.token_bytes(32),
        manifest_sha256=hashlib.sha256(manifest.read_bytes()).hexdigest(),
        created_at=now(),
    )


def _stimulus(study: Study, row: stimuli.Row, file: str) -> Stimulus:
    return Stimulus(
        study_id=study.id,
        image=row.image,
        method=row.method,
        file=file,
        width=row.width,
        height=row.height,
        split=row.split,
        checkpoint=row.checkpoint,
    )


def _warnings(rows: list[stimuli.Row]) -> list[str]:
    trained = {row.image for row in rows if row.split == "train"}
    if not trained:
        return []
    return [f"{len(trained)} photographs are of the train split: the models have seen them"]


def find(db: Session, slug: str) -> Study:
    """Raises StudyError when there is no such study."""
    study = db.scalar(select(Study).where(Study.slug == slug))
    if study is None:
        known = ", ".join(db.scalars(select(Study.slug).order_by(Study.slug))) or "none yet"
        raise StudyError(f"no study {slug!r}; there are: {known}")
    return study


def all_studies(db: Session, state: State | None = None) -> list[Study]:
    """In the order they were brought in, those in `state` or all."""
    query = select(Study).order_by(Study.id)
    return list(db.scalars(query if state is None else query.where(Study.state == state)))


def images(db: Session, study: Study) -> list[str]:
    """The photographs of a study."""
    query = select(Stimulus.image).where(Stimulus.study_id == study.id).distinct()
    return sorted(db.scalars(query))


def silent_since(study: Study) -> datetime:
    """Whoever was last seen before this moment has abandoned the study."""
    return now() - timedelta(minutes=stored_protocol(study.protocol).abandoned_after_minutes)


def counts(db: Session, study: Study) -> dict[str, int]:
    """Live participants by outcome, and how many previewed or were simulated."""
    people = select(Participant.mode, Participant.outcome, Participant.seen_at)
    totals = {str(word): 0 for word in (*Outcome, Mode.PREVIEW, Mode.SIMULATED)}
    for mode, outcome, seen_at in db.execute(people.where(Participant.study_id == study.id)):
        silent = outcome is Outcome.ACTIVE and seen_at < silent_since(study)
        reached = Outcome.ABANDONED if silent else outcome
        totals[reached if mode is Mode.LIVE else mode] += 1
    return totals


def answers(db: Session, study: Study) -> int:
    """How many answers are stored."""
    query = (
        select(func.count())
        .select_from(Response)
        .join(Trial)
        .join(Participant)
        .where(Participant.study_id == study.id)
    )
    return db.scalar(query) or 0
