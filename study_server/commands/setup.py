"""The commands `study new`, `manifest`, `import`, `freeze` and `delete`, which set up a study."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from study_server.commands.context import (
    PATH_TYPE,
    SLUG_ARGUMENT,
    STUDY_TOML_ARGUMENT,
    YES_OPTION,
    confirm,
    confirm_by_typing,
    open_database,
    out_option,
    show_progress,
)
from study_server.commands.jobs import erase_traces
from study_server.commands.wording import print_unfilled_placeholders
from study_server.counts import format_count
from study_server.creation.study_files import choose_wording_folder, write_study_files
from study_server.drafts.freezing import load_draft_plan
from study_server.errors import StudyError
from study_server.export.output_folder import default_design_path
from study_server.files import atomic_write, remove_path
from study_server.object_storage.bucket import open_bucket
from study_server.object_storage.mirror import publish_to
from study_server.participants.withdrawal import delete_all_participants
from study_server.protocol.model import Protocol
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol, read_protocol, rename_protocol
from study_server.settings import find_resource_folder
from study_server.stimuli.audit import AuditFinding, format_findings
from study_server.stimuli.folders import (
    count_other_files,
    describe_other_files,
    write_manifest,
)
from study_server.stimuli.images import describe_conversions
from study_server.stimuli.importing import AuditFailedError, import_study
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.studies import lookup
from study_server.studies.action_log import COMMAND_LINE, log_action
from study_server.studies.design import freeze_study as freeze_study
from study_server.studies.design import hash_wording, read_plan
from study_server.studies.removal import (
    delete_study,
    measure_contents,
    remove_objects,
    require_deletable,
    require_replaceable,
)
from study_server.wording.files import read_wording


@click.command()
@SLUG_ARGUMENT
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="zhang2016",
    show_default=True,
    help="Published protocol to start from; docs/protocols.md compares them.",
)
@out_option("study.toml", "Protocol file to write.")
def new(slug: str, preset: str, out: Path) -> None:
    """Create a protocol file with comments, and the texts for participants; edit both.

    The texts (consent, instructions, question and debriefing) are written to the folder wording
    next to the protocol file (or wording-SLUG if wording exists), in every supported language.
    `languages` in the protocol selects the languages offered to participants. See docs/wording.md.
    """
    folder = write_study_files(choose_wording_folder(create_protocol(slug, preset), out), out)
    click.echo(
        f"{out} and {folder}: edit these files, then run `study import {out} outputs/manifest.csv`"
    )


def parse_folders(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """Return the folders of NAME=FOLDER options by name."""
    pairs = [value.partition("=") for value in values]
    for (method, _, folder), value in zip(pairs, values, strict=True):
        if not (method and folder):
            raise click.BadParameter(f"{value!r} is not NAME=FOLDER, such as gan=fakes")
    folders = {method: Path(folder) for method, _, folder in pairs}
    if len(folders) < len(pairs):
        raise click.BadParameter("a method is given twice; put all of its images in one folder")
    return folders


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
        protocol_file, manifest = find_published_files(protocol_file)
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
    _print_findings(stored.accepted_findings)
    if stored.conversions:
        described = describe_conversions(stored.conversions)
        click.echo(f"converted to 8-bit sRGB: {described}", err=True)
    slug, database = protocol.slug, engine.url.render_as_string()
    stimuli = format_count(stored.stimulus_count, "stimulus", "stimuli")
    images = format_count(stored.image_count, "image", "images")
    found = format_count(len(stored.accepted_findings), "warning", "warnings")
    accepted = f"{found} accepted" if stored.accepted_findings else "no warnings"
    click.echo(f"audit of {images}: {accepted}; {describe_audit(protocol)}")
    copied = f" and in {settings.stimuli_url}" if settings.stimuli_url else ""
    click.echo(
        f"{slug}: {stimuli} stored in {settings.stimuli_folder}{copied}, the study in {database}"
    )
    click.echo(f"next, run `study simulate {slug} 20` to rehearse, then `study freeze {slug}`")
    print_unfilled_placeholders(protocol, folder)


def find_published_files(folder: Path) -> tuple[Path, Path]:
    """Return the protocol and the manifest in the folder of a published study.

    Raises StudyError if it is not one.
    """
    files = folder / "materials" / "study.toml", folder / "stimuli" / "manifest.csv"
    for file in files:
        if not file.is_file():
            raise StudyError(f"{file}: no such file, so {folder} is not a published study")
    return files


def describe_audit(protocol: Protocol) -> str:
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


@click.command()
@SLUG_ARGUMENT
@click.option(
    "--plan",
    "plan_path",
    type=PATH_TYPE,
    help="Analysis plan (plan.toml). [default: the plan saved on the study's page, or else the one "
    "that `study new` shows]",
)
@click.option(
    "--out",
    type=PATH_TYPE,
    help="Design file to write.  [default: design.json, or design-SLUG.json beside that of another "
    "study]",
)
def freeze(slug: str, plan_path: Path | None, out: Path | None) -> None:
    """Freeze the design before the first live participant.

    The design is the protocol, the wording, the seed, the stimuli and the analysis plan. Its
    SHA-256 is part of every exported row. Once somebody has taken part, the freeze is permanent: to
    change the study, import it under another slug. Until then, `study unfreeze` returns it to
    draft. `study new` shows the defaults of the plan.

    If a text still has places to fill in, such as [... e-mail address], all of them are listed and
    nothing is frozen: edit the files in wording/, run `study reword study.toml`, and freeze again.
    """
    plan = read_plan(plan_path) if plan_path else None
    out = out or default_design_path(slug)
    if out.exists():
        raise StudyError(f"{out} already exists; use another --out, or remove it")
    _, engine = open_database()
    with atomic_write(out) as temporary, write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        design = freeze_study(
            db,
            study,
            plan or load_draft_plan(study),
            hash_wording(db, study, find_resource_folder("templates")),
        )
        temporary.write_text(design, encoding="utf-8")
        sha256 = study.design_sha256
    click.echo(f"{out}: SHA-256 {sha256}; next, run `study open {slug}`")


@click.command()
@SLUG_ARGUMENT
@YES_OPTION
def delete(slug: str, yes: bool) -> None:
    """Delete a study for good, with its answers, stimuli, reports and unblinding log.

    Asks for the slug to be typed. A study that is open must be paused or closed first. Its folder
    in instance/reports is deleted, too. Backups, exports and reports elsewhere are not touched:
    they keep what they contain until you delete them.
    """
    settings, engine = open_database()
    with read_session(engine) as db:
        study = lookup.find_study(db, slug)
        require_deletable(db, study)
        contents = measure_contents(db, study)
    click.echo(
        f"This deletes study {slug} for good: {contents.describe()}, its texts, its reports, its "
        "unblinding log and the record of who has taken part. Backups and exports are kept.",
        err=True,
    )
    confirm_by_typing(slug, f"Type the slug ({slug}) to delete it", yes)
    with write_session(engine) as db:
        delete_all_participants(db, lookup.find_study(db, slug))
    with write_transaction(engine) as db:
        paths = delete_study(db, lookup.find_study(db, slug), settings)
        log_action(db, slug, "deleted the study", COMMAND_LINE)
    for path in paths:
        remove_path(path)
    remove_objects(settings, paths)
    click.echo(
        f"{slug}: deleted; backups made before, such as those in {settings.backups_folder}, "
        "still contain it"
    )
    erase_traces(engine)
