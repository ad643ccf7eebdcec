"""The report of an audit that a page shows: its findings, with thumbnails of their stimuli.

It is a file beside the upload, because the audit runs in a process of its own.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from study_server.files import atomic_write
from study_server.protocol.model import Protocol
from study_server.stimuli.audit import AuditFinding
from study_server.stimuli.images import InvalidImageError, read_image_file
from study_server.stimuli.manifest import read_manifest
from study_server.stimuli.thumbnails import render_thumbnail_or_none

MAX_FINDINGS_SHOWN = 6  # of a kind
MAX_STIMULI_SHOWN = 4  # of a finding


class ShownStimulus(BaseModel):
    """A stimulus of a finding. thumbnail: a PNG in base64; empty if it cannot be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    method: str
    thumbnail: str


class ShownFinding(BaseModel):
    """A finding of the audit, with its stimuli."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str
    stimuli: tuple[ShownStimulus, ...]


class FindingKind(BaseModel):
    """The findings of one kind, the first of them in detail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    confound: str
    is_refused: bool
    count: int
    shown: tuple[ShownFinding, ...]


class AuditReport(BaseModel):
    """The result of an import.

    message: what was done, or why nothing was stored. basis: a hash of the stimuli and the protocol
    that were audited. kinds: findings that must be accepted, or mended, before an import.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str
    basis: str = ""
    kinds: tuple[FindingKind, ...] = ()

    @property
    def is_acceptable(self) -> bool:
        """True if there are findings, and all of them may be accepted."""
        return bool(self.kinds) and not any(kind.is_refused for kind in self.kinds)


def build_audit_report(
    message: str, manifest: Path, protocol: Protocol, findings: Iterable[AuditFinding]
) -> AuditReport:
    """Return the report of an audit whose findings were not accepted."""
    files = {(row.image, row.method): row.path for row in read_manifest(manifest)}
    by_kind: dict[str, list[AuditFinding]] = {}
    for finding in sorted(findings, key=lambda finding: not finding.is_refused):
        by_kind.setdefault(finding.confound, []).append(finding)
    kinds = tuple(
        FindingKind(
            confound=confound,
            is_refused=same[0].is_refused,
            count=len(same),
            shown=tuple(
                ShownFinding(message=finding.message, stimuli=tuple(_show(finding, files)))
                for finding in islice(same, MAX_FINDINGS_SHOWN)
            ),
        )
        for confound, same in by_kind.items()
    )
    return AuditReport(message=message, basis=hash_basis(manifest, protocol), kinds=kinds)


def _show(finding: AuditFinding, files: dict[tuple[str, str], Path]) -> Iterator[ShownStimulus]:
    for image, method in islice(finding.stimuli, MAX_STIMULI_SHOWN):
        try:
            thumbnail = render_thumbnail_or_none(read_image_file(files[image, method]))
        except (InvalidImageError, OSError):
            thumbnail = None
        encoded = base64.b64encode(thumbnail or b"").decode()
        yield ShownStimulus(image=image, method=method, thumbnail=encoded)


def hash_basis(manifest: Path, protocol: Protocol) -> str:
    """Return a hash of what an audit depends on: the manifest, which has hashes, and the protocol.

    The findings that somebody accepted belong to it.
    """
    audited = manifest.read_bytes() + protocol.canonical_json().encode()
    return hashlib.sha256(audited).hexdigest()


def write_audit_report(path: Path, report: AuditReport) -> None:
    """Write a report for `read_audit_report`."""
    with atomic_write(path, private=True) as temporary:
        temporary.write_text(report.model_dump_json(), encoding="utf-8")


def read_audit_report(path: Path) -> AuditReport | None:
    """Return the report, or None if there is none."""
    try:
        return AuditReport.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
