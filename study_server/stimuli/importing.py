"""Import a study: check, audit and store its stimuli, all or none."""

import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.files import remove_path
from study_server.protocol.model import Protocol
from study_server.stimuli.audit import (
    AuditFinding,
    audit_collection,
    audit_image,
    find_format_differences,
    find_training_images,
    hash_pixels,
)
from study_server.stimuli.files import StoredFile, load_stimulus, store_stimulus, temporary_folder
from study_server.stimuli.folders import TrackProgress, track_nothing
from study_server.stimuli.images import ImageFacts, count_conversions
from study_server.stimuli.manifest import (
    ManifestRow,
    RowsByImage,
    group_by_image,
    read_manifest,
    select_rows,
)
from study_server.stimuli.perception import perceptual_hash
from study_server.stimuli.study_rows import add_study
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import AcceptedWarning, Stimulus, Study
from study_server.vocabulary import REAL_METHOD
from study_server.wording.files import TextsByPart, compose_wording

MakeRoom = Callable[[Session, str], None]
PrepareStudy = Callable[[Session, str], Study]  # the second argument: the manifest's SHA-256
GiveReason = Callable[[AuditFinding], str | None]
# Copies the files of a folder elsewhere, below a name, and removes them if the block fails.
Publish = Callable[[Path, str], AbstractContextManager[None]]


@dataclass(frozen=True)
class ImportSummary:
    """The number of stored stimuli, how they were converted, and the accepted warnings.

    image_count: the number of source images. conversions: the number of files by kind of
    conversion.
    """

    stimulus_count: int
    image_count: int
    conversions: Counter[str]
    accepted_findings: list[AuditFinding]


class AuditFailedError(StudyError):
    """The audit found errors, or warnings that were not accepted."""

    def __init__(self, manifest: Path, findings: list[AuditFinding]) -> None:
        self.findings = findings
        refused = sum(finding.is_refused for finding in findings)
        remedy = (
            "make these stimuli again, or remove them from the manifest"
            if refused
            else "fix them, or use --accept; accepted warnings are listed in the frozen design"
        )
        errors = format_count(refused, "error", "errors")
        warnings = format_count(len(findings) - refused, "warning", "warnings")
        super().__init__(f"{manifest}: the audit found {errors} and {warnings}; {remedy}")


def accept_nothing(_finding: AuditFinding) -> str | None:
    """Return None: no warning is accepted."""
    return None


def publish_nowhere(_folder: Path, _name: str) -> AbstractContextManager[None]:
    """Copy nothing: stimuli are kept in the folder of this server only."""
    return nullcontext()


class _StoredImage(NamedTuple):
    """A photograph and its fakes after they were audited and stored."""

    image: str
    files: dict[str, StoredFile]  # by method
    facts: dict[str, ImageFacts]  # by method
    digests: dict[str, bytes]  # by method
    phash: int | None  # of the photograph, if there is one
    findings: list[AuditFinding]


def import_study(
    engine: Engine,
    protocol: Protocol,
    manifest: Path,
    folder: Path,
    *,
    accept_warnings: bool = False,
    reason: str = "",
    wording: TextsByPart | None = None,
    make_room: MakeRoom | None = None,
    publish: Publish = publish_nowhere,
    track: TrackProgress = track_nothing,
) -> ImportSummary:
    """Check and audit all stimuli, then store them and a new study, all or none.

    accept_warnings: whether to import despite warnings, which are stored with the study. reason:
    why they are accepted.
    wording: the texts for participants; by default those for the protocol.
    make_room: called in the transaction that stores the study, to delete an earlier study with this
    slug; by default, an earlier study is an error.
    folder, publish, track: as for `import_stimuli`. Raises StudyError, and AuditFailedError if the
    audit fails.
    """
    texts = wording or compose_wording(protocol)

    def create(db: Session, manifest_sha256: str) -> Study:
        (make_room or _require_new_slug)(db, protocol.slug)
        return add_study(db, protocol, texts, manifest_sha256)

    if make_room is None:
        with read_session(engine) as db:
            _require_new_slug(db, protocol.slug)
    accept: GiveReason = (lambda _finding: reason) if accept_warnings else accept_nothing
    try:
        return import_stimuli(
            engine, protocol, manifest, folder, create, accept=accept, publish=publish, track=track
        )
    except IntegrityError as error:  # another process imported it in the meantime
        raise _duplicate_slug_error(protocol.slug) from error


def import_stimuli(
    engine: Engine,
    protocol: Protocol,
    manifest: Path,
    folder: Path,
    prepare_study: PrepareStudy,
    *,
    accept: GiveReason = accept_nothing,
    publish: Publish = publish_nowhere,
    track: TrackProgress = track_nothing,
) -> ImportSummary:
    """Check and audit all stimuli, then store them in a study, all or none.

    folder: the folder of all stimuli. The study's files go into a new subfolder with a random name,
    because another database may use the same folder.
    prepare_study: called in the transaction that stores the stimuli; returns their study, which has
    none yet. accept: returns the reason why a warning is accepted, or None if it is not.
    publish: copies the files to object storage before they are stored in the database.
    track: wraps the images while they are processed, for a progress bar.
    Raises StudyError, and AuditFailedError if the audit fails.
    """
    images = select_rows(manifest, group_by_image(manifest, read_manifest(manifest)), protocol)
    manifest_sha256 = hashlib.sha256(manifest.read_bytes()).hexdigest()
    with temporary_folder(folder) as temporary:
        process = partial(_process_image, manifest, temporary, protocol.stimuli == "recolored")
        with ThreadPoolExecutor() as threads:  # decoding, hashing and writing release the GIL
            stored_images = list(track(threads.map(process, images.items()), len(images)))
        findings = _collect_findings(images, stored_images, practice=protocol.practice > 0)
        reasons = [None if finding.is_refused else accept(finding) for finding in findings]
        if None in reasons:
            raise AuditFailedError(manifest, findings)
        warnings = [
            AcceptedWarning(message=f"{finding.confound}: {finding.message}", reason=reason or "")
            for finding, reason in zip(findings, reasons, strict=True)
        ]
        study_folder = folder / secrets.token_hex(8)
        with publish(temporary, study_folder.name):
            _insert(
                engine,
                lambda db: prepare_study(db, manifest_sha256),
                images,
                stored_images,
                warnings,
                temporary,
                study_folder,
            )
    facts = [facts for stored in stored_images for facts in stored.facts.values()]
    return ImportSummary(len(facts), len(images), count_conversions(facts), findings)


def _process_image(
    manifest: Path, folder: Path, is_recolored: bool, item: tuple[str, Mapping[str, ManifestRow]]
) -> _StoredImage:
    """Decode every file of an image once; audit, hash and store it."""
    image, rows = item
    loaded = {method: load_stimulus(manifest, row) for method, row in rows.items()}
    pixels = {method: stimulus.pixels for method, stimulus in loaded.items()}
    return _StoredImage(
        image=image,
        facts={method: stimulus.facts for method, stimulus in loaded.items()},
        files={method: store_stimulus(p, folder) for method, p in pixels.items()},
        digests={method: hash_pixels(p) for method, p in pixels.items()},
        phash=perceptual_hash(pixels[REAL_METHOD]) if REAL_METHOD in pixels else None,
        findings=list(audit_image(image, pixels, is_recolored)),
    )


def _collect_findings(
    images: RowsByImage, stored_images: list[_StoredImage], practice: bool
) -> list[AuditFinding]:
    """Return the findings of each image, then those across images."""
    digests = {
        (stored.image, method): digest
        for stored in stored_images
        for method, digest in stored.digests.items()
    }
    hashes = {stored.image: stored.phash for stored in stored_images if stored.phash is not None}
    formats: dict[str, set[str]] = defaultdict(set)
    for stored in stored_images:
        for method, facts in stored.facts.items():
            formats[method].add(facts.format)
    splits = {image: next(iter(rows.values())).split for image, rows in images.items()}
    return [
        *(finding for stored in stored_images for finding in stored.findings),
        *audit_collection(digests, hashes, practice),
        *find_format_differences(formats),
        *find_training_images(splits),
    ]


def _insert(
    engine: Engine,
    prepare_study: Callable[[Session], Study],
    images: RowsByImage,
    stored_images: list[_StoredImage],
    warnings: list[AcceptedWarning],
    temporary: Path,
    study_folder: Path,
) -> None:
    """Store the stimuli in one short transaction, because answers of running studies wait for it.

    The folder is renamed last, when only the commit can still fail.
    """
    try:
        with write_transaction(engine) as db:
            study = prepare_study(db)
            for stored in stored_images:
                for method, name in stored.files.items():
                    row = images[stored.image][method]
                    db.add(_build_stimulus(study, row, study_folder.name, name))
            for number, warning in enumerate(warnings):
                warning.study_id, warning.number = study.id, number
                db.add(warning)
            db.flush()
            temporary.rename(study_folder)
    except BaseException:
        remove_path(study_folder)
        raise


def _build_stimulus(study: Study, row: ManifestRow, folder: str, file: StoredFile) -> Stimulus:
    return Stimulus(
        study_id=study.id,
        image=row.image,
        method=row.method,
        file=f"{folder}/{file.name}",
        file_bytes=file.size_bytes,
        file_sha256=file.sha256,
        width=row.width,
        height=row.height,
        split=row.split,
        checkpoint=row.checkpoint,
        caption=row.caption,
    )


def _require_new_slug(db: Session, slug: str) -> None:
    if db.scalar(select(Study.id).where(Study.slug == slug)) is not None:
        raise _duplicate_slug_error(slug)


def _duplicate_slug_error(slug: str) -> StudyError:
    return StudyError(f"study {slug!r} already exists; change the slug in study.toml")
