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
    AuditFinding,
    audit_collection,
    audit_image,
    find_training_images,
    hash_pixels,
)
from study_server.stimuli.files import (
    load_stimulus,
    remove_folder,
    store_stimulus,
    temporary_folder,
)
from study_server.stimuli.manifest import (
    ManifestRow,
    RowsByImage,
    group_by_image,
    read_manifest,
    select_rows,
)
from study_server.stimuli.perception import perceptual_hash
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import AcceptedWarning, Stimulus, Study
from study_server.vocabulary import REAL_METHOD, StudyState
from study_server.wording.files import TextsByPart, compose_wording
from study_server.wording.stored import store_wording

TrackProgress = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True)
class ImportSummary:
    """What an import stored, and what was accepted for it."""

    stimulus_count: int
    accepted_findings: list[AuditFinding]


class AuditFailedError(StudyError):
    """The audit found something that nobody has accepted, or that nobody may."""

    def __init__(self, manifest: Path, findings: list[AuditFinding]) -> None:
        self.findings = findings
        refused = sum(finding.is_refused for finding in findings)
        remedy = (
            "make those stimuli again, or take them out of the manifest"
            if refused
            else "mend them, or give --accept: the frozen design will list them"
        )
        super().__init__(
            f"{manifest}: the audit refused {refused} and warned of {len(findings) - refused}; "
            f"{remedy}"
        )


class _StoredImage(NamedTuple):
    """A photograph and its fakes, looked at and stored."""

    image: str
    files: dict[str, str]  # by method
    digests: dict[str, bytes]  # by method
    phash: int | None  # of the photograph, where there is one
    findings: list[AuditFinding]


def import_study(
    engine: Engine,
    protocol: Protocol,
    manifest: Path,
    folder: Path,
    accept_warnings: bool = False,
    wording: TextsByPart | None = None,
    progress: TrackProgress = lambda photographs, total: photographs,
) -> ImportSummary:
    """Check and audit everything, store every stimulus, then the study: all of it or nothing.

    folder: where stimuli live; the study's go into a new folder there, of a random name, since
    another database may share the place.
    wording: what participants read; the defaults unless given.
    accept_warnings: whether to go on in spite of warnings, which are kept with the study.
    progress: wraps the photographs that are done one by one, for a progress bar.
    Raises StudyError; Confounded where the audit says no.
    """
    images = select_rows(manifest, group_by_image(manifest, read_manifest(manifest)), protocol)
    with read_session(engine) as db:
        _require_new_slug(db, protocol.slug)
    recolored = protocol.stimuli == "recolored"
    with temporary_folder(folder) as temporary:
        take = partial(_process_image, manifest, temporary, recolored)
        with ThreadPoolExecutor() as threads:  # decoders, hashes and disks leave Python free
            stored_images = list(progress(threads.map(take, images.items()), len(images)))
        findings = _collect_findings(images, stored_images, practice=protocol.practice > 0)
        if any(finding.is_refused for finding in findings) or (findings and not accept_warnings):
            raise AuditFailedError(manifest, findings)
        wording = wording or compose_wording(protocol)
        _insert(
            engine,
            _build_study(protocol, manifest),
            wording,
            images,
            stored_images,
            findings,
            temporary,
        )
    return ImportSummary(sum(len(photograph.files) for photograph in stored_images), findings)


def _process_image(
    manifest: Path, folder: Path, recolored: bool, photograph: tuple[str, Mapping[str, ManifestRow]]
) -> _StoredImage:
    """Decode every file once: audit it, fingerprint it, store it."""
    image, rows = photograph
    pixels = {method: load_stimulus(manifest, row) for method, row in rows.items()}
    return _StoredImage(
        image,
        {method: store_stimulus(of, folder) for method, of in pixels.items()},
        {method: hash_pixels(of) for method, of in pixels.items()},
        perceptual_hash(pixels[REAL_METHOD]) if REAL_METHOD in pixels else None,
        list(audit_image(image, pixels, recolored)),
    )


def _collect_findings(
    images: RowsByImage, stored_images: list[_StoredImage], practice: bool
) -> list[AuditFinding]:
    """What was found in each photograph, then among all."""
    digests = {(t.image, method): of for t in stored_images for method, of in t.digests.items()}
    hashes = {t.image: t.phash for t in stored_images if t.phash is not None}
    splits = {image: next(iter(rows.values())).split for image, rows in images.items()}
    return [
        *(finding for photograph in stored_images for finding in photograph.findings),
        *audit_collection(digests, hashes, practice),
        *find_training_images(splits),
    ]


def _insert(
    engine: Engine,
    study: Study,
    wording: TextsByPart,
    images: RowsByImage,
    stored_images: list[_StoredImage],
    accepted: list[AuditFinding],
    temporary: Path,
) -> None:
    """In one short transaction: a study that is running must not wait for its answers' turn.

    The folder gets its name last, when nothing but the commit can fail.
    """
    slug, study_folder = study.slug, temporary.with_name(secrets.token_hex(8))
    try:
        with write_transaction(engine) as db:
            _require_new_slug(db, slug)
            db.add(study)
            db.flush()
            store_wording(db, study, wording)
            for photograph in stored_images:
                for method, name in photograph.files.items():
                    row = images[photograph.image][method]
                    db.add(_build_stimulus(study, row, f"{study_folder.name}/{name}"))
            for number, finding in enumerate(accepted):
                warning = f"{finding.confound}: {finding.message}"
                db.add(AcceptedWarning(study_id=study.id, number=number, message=warning))
            db.flush()
            temporary.rename(study_folder)
    except BaseException as error:
        remove_folder(study_folder)
        if isinstance(error, IntegrityError):  # somebody else imported it in the meantime
            raise _duplicate_slug_error(slug) from error
        raise


def _require_new_slug(db: Session, slug: str) -> None:
    if db.scalar(select(Study.id).where(Study.slug == slug)) is not None:
        raise _duplicate_slug_error(slug)


def _duplicate_slug_error(slug: str) -> StudyError:
    return StudyError(f"study {slug!r} is already here; give study.toml another slug")


def _build_study(protocol: Protocol, manifest: Path) -> Study:
    return Study(
        slug=protocol.slug,
        title=protocol.title,
        state=StudyState.DRAFT,
        protocol=protocol.canonical_json(),
        presentation=protocol.presentation,
        question=protocol.question,
        schedule_seed=secrets.token_hex(16),
        identity_key=secrets.token_bytes(32),
        manifest_sha256=hashlib.sha256(manifest.read_bytes()).hexdigest(),
        created_at=now(),
    )


def _build_stimulus(study: Study, row: ManifestRow, file: str) -> Stimulus:
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
