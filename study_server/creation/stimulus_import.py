"""Import stimuli into a draft from a zip, a folder or a manifest, with a report for a page."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from study_server.counts import format_count
from study_server.creation.replacement import ReplacedStimuli, replace_stimuli, require_draft
from study_server.errors import StudyError
from study_server.object_storage.bucket import open_bucket
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.settings import Settings
from study_server.stimuli.audit import AuditFinding
from study_server.stimuli.audit_report import (
    AuditReport,
    build_audit_report,
    hash_basis,
    read_audit_report,
    write_audit_report,
)
from study_server.stimuli.files import temporary_folder
from study_server.stimuli.folders import TrackProgress, track_nothing
from study_server.stimuli.importing import AuditFailedError
from study_server.stimuli.method_folders import prepare_manifest
from study_server.stimuli.zip_upload import unpack_zip
from study_server.storage.engine import read_session
from study_server.studies.lookup import find_study

BYTES_PER_MB = 1_000_000
UNPACKED_PER_UPLOADED = 2  # the limit of the unpacked files, as a multiple of that of the zip
UNPACKED_STALE_AFTER_S = 24 * 3600  # an import that takes longer is no longer running


class AuditRefusedError(StudyError):
    """The audit has findings that were not accepted; `report` describes them."""

    def __init__(self, report: AuditReport, findings: list[AuditFinding]) -> None:
        self.report, self.findings = report, findings
        super().__init__(report.message)


def import_from(
    engine: Engine,
    settings: Settings,
    slug: str,
    source: Path,
    *,
    reasons: Mapping[str, str],
    seen: AuditReport | None = None,
    track: TrackProgress = track_nothing,
) -> ReplacedStimuli:
    """Import stimuli into a draft, as `replace_stimuli` does.

    source: a zip or a folder with a folder per method, or a manifest. reasons: by kind of finding,
    why it is accepted. seen: the report that the reasons are about; they are not applied to any
    other stimuli or protocol. Raises StudyError, and AuditRefusedError if the audit fails.
    """
    with read_session(engine) as db:
        study = find_study(db, slug)
        require_draft(db, study)
        protocol = parse_stored_protocol(study.protocol)
    with _open_manifest(source, protocol, settings) as manifest:
        if seen is not None and seen.basis != hash_basis(manifest, protocol):
            reasons = {}
        try:
            return replace_stimuli(
                engine,
                slug,
                manifest,
                settings.stimuli_folder,
                accept=lambda finding: reasons.get(finding.confound),
                bucket=open_bucket(settings.stimuli_url),
                track=track,
            )
        except AuditFailedError as error:
            message = _describe(error.findings)
            report = build_audit_report(message, manifest, protocol, error.findings)
            raise AuditRefusedError(report, error.findings) from error


def import_with_report(
    engine: Engine,
    settings: Settings,
    slug: str,
    source: Path,
    report_file: Path,
    *,
    reasons: Mapping[str, str],
    track: TrackProgress = track_nothing,
) -> ReplacedStimuli:
    """Import stimuli as `import_from` does, and write the result or the findings to a file.

    If the file exists, the reasons are about the findings in it.
    """
    seen = read_audit_report(report_file)
    try:
        replaced = import_from(
            engine, settings, slug, source, reasons=reasons, seen=seen, track=track
        )
    except AuditRefusedError as error:
        write_audit_report(report_file, error.report)
        raise
    except StudyError as error:
        write_audit_report(report_file, AuditReport(message=str(error)))
        raise
    write_audit_report(report_file, AuditReport(message=replaced.describe()))
    return replaced


@contextmanager
def _open_manifest(source: Path, protocol: Protocol, settings: Settings) -> Iterator[Path]:
    """Yield the manifest of a source; what was unpacked for it is removed at the end."""
    if source.is_dir():
        yield prepare_manifest(source, protocol)
    elif source.suffix.lower() == ".csv":
        yield source
    elif not source.is_file():
        raise StudyError(f"{source}: no such file; name a zip, a folder or a manifest.csv")
    else:
        limit = UNPACKED_PER_UPLOADED * settings.max_upload_mb * BYTES_PER_MB
        with temporary_folder(settings.uploads_folder, UNPACKED_STALE_AFTER_S) as folder:
            folder.chmod(0o700)
            with _without_path(folder):
                yield prepare_manifest(unpack_zip(source, folder, limit), protocol)


@contextmanager
def _without_path(folder: Path) -> Iterator[None]:
    """Leave the folder of unpacked files, which nobody knows, out of messages."""
    try:
        yield
    except AuditRefusedError:
        raise
    except StudyError as error:
        raise StudyError(str(error).replace(f"{folder}/", "")) from error


def _describe(findings: list[AuditFinding]) -> str:
    refused = sum(finding.is_refused for finding in findings)
    errors = format_count(refused, "error", "errors")
    warnings = format_count(len(findings) - refused, "warning", "warnings")
    return f"The audit found {errors} and {warnings}, so nothing was stored"
