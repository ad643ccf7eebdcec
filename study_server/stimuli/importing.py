"""A manifest and a protocol -> a study: checked, audited, stored; all of it or nothing."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.errors import StudyError
from study_server.protocol.model import Protocol
from study_server.stimuli.audit import (
    Finding,
    audit_collection,
    audit_photograph,
    digest,
    find_trained,
)
from study_server.stimuli.files import load, remove, store, temporary_folder
from study_server.stimuli.manifest import Images, Row, by_image, choose_rows, read_manifest
from study_server.stimuli.perception import perceptual_hash
from study_server.storage.engine import reading, transaction
from study_server.storage.models import AcceptedWarning, Stimulus, Study
from study_server.vocabulary import REAL, State
from study_server.wording.files import TextsByPart, compose_wording
from study_server.wording.stored import store_wording

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True)
class Imported:
    """What an import stored, and what was accepted for it."""

    stimuli: int
    accepted: list[Finding]


class Confounded(StudyError):
    """The audit found something that nobody has accepted, or that nobody may."""

    def __init__(self, manifest: Path, findings: list[Finding]) -> None:
        self.findings = findings
        refused = sum(finding.refused for finding in findings)
        remedy = (
            "make those stimuli again, or take them out of the manifest"
            if refused
            else "mend them, or give --accept: the frozen design will list them"
        )
        super().__init__(
            f"{manifest}: the audit refused {refused} and warned of {len(findings) - refused}; "
            f"{remedy}"
        )


class _Taken(NamedTuple):
    """A photograph and its fakes, looked at and stored."""

    image: str
    files: dict[str, str]  # by method
    digests: dict[str, bytes]  # by method
    phash: int | None  # of the photograph, where there is one
    findings: list[Finding]


def import_study(
    engine: Engine,
    protocol: Protocol,
    manifest: Path,
    folder: Path,
    accept: bool = False,
    wording: TextsByPart | None = None,
    progress: Progress = lambda photographs, total: photographs,
) -> Imported:
    """Check and audit everything, store every stimulus, then the study: all of it or nothing.

    folder: where stimuli live; the study's go into a new folder there, of a random name, since
    another database may share the place.
    wording: what participants read; the defaults unless given.
    accept: whether to go on in spite of warnings, which are kept with the study.
    progress: wraps the photographs that are done one by one, for a progress bar.
    Raises StudyError; Confounded where the audit says no.
    """
    images = choose_rows(manifest, by_image(manifest, read_manifest(manifest)), protocol)
    with reading(engine) as db:
        _refuse_second(db, protocol.slug)
    recolored = protocol.stimuli == "recolored"
    with temporary_folder(folder) as temporary:
        take = partial(_take, manifest, temporary, recolored)
        with ThreadPoolExecutor() as threads:  # decoders, hashes and disks leave Python free
            taken = list(progress(threads.map(take, images.items()), len(images)))
        findings = _audit(images, taken, practice=protocol.practice > 0)
        if any(finding.refused for finding in findings) or (findings and not accept):
            raise Confounded(manifest, findings)
        wording = wording or compose_wording(protocol)
        _insert(engine, _study(protocol, manifest), wording, images, taken, findings, temporary)
    return Imported(sum(len(photograph.files) for photograph in taken), findings)


def _take(
    manifest: Path, folder: Path, recolored: bool, photograph: tuple[str, Mapping[str, Row]]
) -> _Taken:
    """Decode every file once: audit it, fingerprint it, store it."""
    image, rows = photograph
    pixels = {method: load(manifest, row) for method, row in rows.items()}
    return _Taken(
        image,
        {method: store(of, folder) for method, of in pixels.items()},
        {method: digest(of) for method, of in pixels.items()},
        perceptual_hash(pixels[REAL]) if REAL in pixels else None,
        list(audit_photograph(image, pixels, recolored)),
    )


def _audit(images: Images, taken: list[_Taken], practice: bool) -> list[Finding]:
    """What was found in each photograph, then among all."""
    digests = {(t.image, method): of for t in taken for method, of in t.digests.items()}
    hashes = {t.image: t.phash for t in taken if t.phash is not None}
    splits = {image: next(iter(rows.values())).split for image, rows in images.items()}
    return [
        *(finding for photograph in taken for finding in photograph.findings),
        *audit_collection(digests, hashes, practice),
        *find_trained(splits),
    ]


def _insert(
    engine: Engine,
    study: Study,
    wording: TextsByPart,
    images: Images,
    taken: list[_Taken],
    accepted: list[Finding],
    temporary: Path,
) -> None:
    """In one short transaction: a study that is running must not wait for its answers' turn.

    The folder gets its name last, when nothing but the commit can fail.
    """
    slug, own = study.slug, temporary.with_name(secrets.token_hex(8))
    try:
        with transaction(engine) as db:
            _refuse_second(db, slug)
            db.add(study)
            db.flush()
            store_wording(db, study, wording)
            for photograph in taken:
                for method, name in photograph.files.items():
                    row = images[photograph.image][method]
                    db.add(_stimulus(study, row, f"{own.name}/{name}"))
            for number, finding in enumerate(accepted):
                warning = f"{finding.confound}: {finding.line}"
                db.add(AcceptedWarning(study_id=study.id, number=number, warning=warning))
            db.flush()
            temporary.rename(own)
    except BaseException as error:
        remove(own)
        if isinstance(error, IntegrityError):  # somebody else imported it in the meantime
            raise _already_here(slug) from error
        raise


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


def _stimulus(study: Study, row: Row, file: str) -> Stimulus:
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
