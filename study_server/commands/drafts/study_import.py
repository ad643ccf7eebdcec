"""The commands `study manifest` and `study import`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from study_server.commands.context import (
    PATH_TYPE,
    STUDY_TOML_ARGUMENT,
    YES_OPTION,
    confirm,
    open_database,
    out_option,
    parse_folders,
    show_progress,
)
from study_server.commands.wording import print_unfilled_placeholders
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.files import remove_path
from study_server.object_storage.bucket import open_bucket
from study_server.object_storage.mirror import publish_to
from study_server.protocol.model import Protocol
from study_server.protocol.study_toml import read_protocol, rename_protocol
from study_server.settings import Settings
from study_server.stimuli.audit import AuditFinding, format_findings
from study_server.stimuli.folders import count_other_files, describe_other_files, write_manifest
from study_server.stimuli.images import describe_conversions
from study_server.stimuli.importing import AuditFailedError, ImportSummary, import_study
from study_server.storage.engine import read_session
from study_server.studies import lookup
from study_server.studies.removal import delete_study, remove_objects, require_replaceable
from study_server.wording.files import read_wording


@click.command()
@click.option(
    "--method", "folders", metavar="NAME=FOLDER", multiple=True, required=True,
    callback=parse_folders,
    help="A method and its folder of images. Repeat it for the photographs (real), each model, and "
    "the controls (foil).",
)  # fmt: skip
@click.option("--unpaired", is_flag=True, help="The fakes are not made from these photographs.")
@out_option("manifest.csv", "Manifest to write.")
def manifest(folders: dict[str, Path], unpaired: bool, out: Path) -> None:
    """Write a manifest for images from any generator.

    \b
    study manifest --method real=photographs --method gan=fakes --method foil=controls

    Files with the same name are a photograph and its fakes. They must have the same width and
    height (with --unpaired, all files must), and --out must be in a folder above them. 8-bit PNG,
    JPEG and WebP files are read; `study import` converts them to sRGB. Other images are refused.
    """

    def track(files: Iterable[Any], total: int) -> Iterable[Any]:
        return show_progress(files, total, "Reading images")

    written = write_manifest(out, folders, paired=not unpaired, track=track)
    for folder in folders.values():
        kinds = count_other_files(folder)
        if kinds:
            click.echo(f"{folder}: skipped {describe_other_files(kinds)}", err=True)
    if written.conversions:
        described = describe_conversions(written.conversions)
        click.echo(f"study import will convert to 8-bit sRGB: {described}", err=True)
    click.echo(
        f"{out}: {written.stimulus_count} stimuli; next, run `study import study.toml {out}`"
    )


@click.command("import")
@STUDY_TOML_ARGUMENT
@click.argument("manifest", type=PATH_TYPE, required=False)
@click.option("--slug", help="Slug of the study, instead of the one in STUDY_TOML.")
@click.option(
    "--accept", is_flag=True, help="Import despite warnings, and record them in the design."
)
@click.option("--reason", default="", help="Why the warnings are accepted; also in the design.")
@YES_OPTION
def import_command(
    protocol_file: Path,
    manifest: Path | None,
    slug: str | None,
    accept: bool,
    reason: str,
    yes: bool,
) -> None:
    """Check, audit, re-encode and store the stimuli of a study (all or none).

    Instead of STUDY_TOML and MANIFEST, the folder of a published study can be given, to repeat that
    study with other people; see `study publish`.

    The audit compares every fake with its photograph, and the photographs with each other; the
    output lists what it looked at. A fake that is identical to its photograph is refused.
    Everything else is a warning; accepted warnings become part of the frozen design.

    A study with the same slug is replaced, after a question, unless live participants have answered
    or it is open.
    """
    if protocol_file.is_dir() and manifest is None:
        protocol_file, manifest = _find_published_files(protocol_file)
    if manifest is None:
        raise click.UsageError("Missing argument 'MANIFEST'.")
    protocol = read_protocol(protocol_file)
    if slug is not None:
        protocol = rename_protocol(protocol, slug)
    folder = protocol_file.parent / protocol.wording
    wording = read_wording(protocol, folder)
    settings, engine = open_database()
    replaced: set[Path] = set()

    def make_room(db: Session, slug: str) -> None:
        existing = lookup.find_or_none(db, slug)
        if existing is not None:
            require_replaceable(db, existing)
            replaced.update(delete_study(db, existing, settings))

    with read_session(engine) as db:
        lookup.require_linked_studies(db, protocol)
        existing = lookup.find_or_none(db, protocol.slug)
        contents = require_replaceable(db, existing) if existing is not None else None
    if contents is not None:
        confirm(f"Replace study {protocol.slug} ({contents.describe()})?", yes)

    def track(images: Iterable[Any], total: int) -> Iterable[Any]:
        return show_progress(images, total, "Auditing and storing images")

    try:
        stored = import_study(
            engine,
            protocol,
            manifest,
            settings.stimuli_folder,
            accept_warnings=accept,
            reason=reason,
            wording=wording,
            make_room=make_room,
            publish=publish_to(open_bucket(settings.stimuli_url)),
            track=track,
        )
    except AuditFailedError as error:
        _print_findings(error.findings)
        raise
    kept = settings.reports_folder(protocol.slug), settings.power_path(protocol.slug)
    for path in replaced - set(kept):
        remove_path(path)
    remove_objects(settings, replaced)
    _print_summary(stored, protocol, settings, engine.url.render_as_string())
    print_unfilled_placeholders(protocol, folder)


def _print_summary(
    stored: ImportSummary, protocol: Protocol, settings: Settings, database: str
) -> None:
    """Print what was stored and where, what the audit looked at, and the next step."""
    _print_findings(stored.accepted_findings)
    if stored.conversions:
        described = describe_conversions(stored.conversions)
        click.echo(f"converted to 8-bit sRGB: {described}", err=True)
    slug = protocol.slug
    stimuli = format_count(stored.stimulus_count, "stimulus", "stimuli")
    images = format_count(stored.image_count, "image", "images")
    found = format_count(len(stored.accepted_findings), "warning", "warnings")
    accepted = f"{found} accepted" if stored.accepted_findings else "no warnings"
    click.echo(f"audit of {images}: {accepted}; {_describe_audit(protocol)}")
    copied = f" and in {settings.stimuli_url}" if settings.stimuli_url else ""
    click.echo(
        f"{slug}: {stimuli} stored in {settings.stimuli_folder}{copied}, the study in {database}"
    )
    click.echo(f"next, run `study simulate {slug} 20` to rehearse, then `study freeze {slug}`")


def _find_published_files(folder: Path) -> tuple[Path, Path]:
    """Return the protocol and the manifest in the folder of a published study.

    Raises StudyError if it is not one.
    """
    files = folder / "materials" / "study.toml", folder / "stimuli" / "manifest.csv"
    for file in files:
        if not file.is_file():
            raise StudyError(f"{file}: no such file, so {folder} is not a published study")
    return files


def _describe_audit(protocol: Protocol) -> str:
    """Return what the audit of `study import` looked at for this protocol."""
    of_pairs = (
        "lightness and colors of each fake against its photograph"
        if protocol.stimuli == "recolored"
        else "fakes equal to their photograph (not at lightness or colors, as stimuli = 'any')"
    )
    return (
        f"it looked at {of_pairs}, gray photographs, equal and similar images, file formats, and "
        "the training split; it cannot see other differences, so look at some pairs yourself"
    )


def _print_findings(findings: list[AuditFinding]) -> None:
    for line in format_findings(findings):
        click.echo(line, err=True)
