"""`study new`, `manifest`, `import`, `freeze`: a study is made."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from study_server.commands.context import (
    PATH_TYPE,
    SLUG_ARGUMENT,
    STUDY_TOML_ARGUMENT,
    open_database,
    show_progress,
)
from study_server.commands.wording import print_unfilled_placeholders
from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.protocol.model import create_protocol, format_toml, read_protocol
from study_server.protocol.presets import PRESETS
from study_server.settings import find_resource_folder
from study_server.stimuli.audit import AuditFinding, format_findings
from study_server.stimuli.folders import write_manifest
from study_server.stimuli.importing import AuditFailedError, import_study
from study_server.storage.engine import write_transaction
from study_server.studies import lookup
from study_server.studies.design import AnalysisPlan, format_default_plan, hash_wording, read_plan
from study_server.studies.design import freeze_study as freeze_study
from study_server.wording.files import read_wording, write_wording


@click.command()
@SLUG_ARGUMENT
@click.option("--preset", type=click.Choice(list(PRESETS)), default="zhang2016", show_default=True)
@click.option("--out", type=PATH_TYPE, default=Path("study.toml"), show_default=True)
def new(slug: str, preset: str, out: Path) -> None:
    """Write a commented protocol file, and what its participants will read, to edit both.

    The texts, consent, instructions, question and debriefing, are in the folder wording beside it
    (of another study there: wording-SLUG), in every language that the program speaks;
    `languages`
    in the protocol says which of them participants may read. docs/wording.md tells more.
    """
    texts = "wording" if not (out.parent / "wording").exists() else f"wording-{slug}"
    protocol = create_protocol(slug, preset).model_copy(update={"wording": texts})
    if out.exists():
        raise StudyError(f"{out} is already there; give another --out, or remove it")
    with atomic_write(out) as temporary:
        temporary.write_text(f"{format_toml(protocol)}\n{format_default_plan()}", encoding="utf-8")
    folder = out.parent / protocol.wording
    write_wording(protocol, folder)
    click.echo(f"{out}, {folder}: edit them, then `study import {out} outputs/manifest.csv`")


def _parse_folders(
    _ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    pairs = [value.partition("=") for value in values]
    for (name, _, folder), value in zip(pairs, values, strict=True):
        if not (name and folder):
            raise click.BadParameter(f"{value!r} is not like gan=folder")
    folders = {name: Path(folder) for name, _, folder in pairs}
    if len(folders) < len(pairs):
        raise click.BadParameter("a name is given twice; put its images into one folder")
    return folders


@click.command()
@click.option(
    "--method", "folders", metavar="NAME=FOLDER", multiple=True, required=True,
    callback=_parse_folders,
    help="A folder of PNG files for each: real=photographs, then any models, and foil=controls.",
)  # fmt: skip
@click.option("--unpaired", is_flag=True, help="No fake is made from one of the photographs.")
@click.option("--out", type=PATH_TYPE, default=Path("manifest.csv"), show_default=True)
def manifest(folders: dict[str, Path], unpaired: bool, out: Path) -> None:
    """Write a manifest for images of any generator, to be imported.

    \b
    study manifest --method real=photographs --method gan=fakes --method foil=controls

    Files of the same name below their folders are one photograph and its fakes. All are 8-bit RGB
    PNG, of one size; --out lies above the folders.
    """

    def progress(files: Iterable[Any], total: int) -> Iterable[Any]:
        return show_progress(files, total, "reading images")

    stimuli = write_manifest(out, folders, not unpaired, progress)
    click.echo(f"{out}: {stimuli} stimuli; `study import study.toml {out}` is next")


@click.command("import")
@STUDY_TOML_ARGUMENT
@click.argument("manifest", type=PATH_TYPE)
@click.option("--accept", is_flag=True, help="Go on in spite of warnings, and keep them on record.")
def import_command(protocol_file: Path, manifest: Path, accept: bool) -> None:
    """Check, audit, re-encode and store a study's stimuli: all of it or nothing.

    The audit looks for all that could tell a fake from its photograph beside its colors, and for
    photographs that are in it twice. A fake that is its photograph is refused; the rest are
    warnings, which `study freeze` writes into the design of a study that accepts them.
    """
    protocol = read_protocol(protocol_file)
    folder = protocol_file.parent / protocol.wording
    wording = read_wording(protocol, folder)
    settings, engine = open_database()

    def progress(photographs: Iterable[Any], total: int) -> Iterable[Any]:
        return show_progress(photographs, total, "auditing and storing photographs")

    try:
        stored = import_study(
            engine, protocol, manifest, settings.stimuli_folder, accept, wording, progress
        )
    except AuditFailedError as error:
        _print(error.findings)
        raise
    _print(stored.accepted_findings)
    accepted = (
        f", warnings accepted: {len(stored.accepted_findings)}" if stored.accepted_findings else ""
    )
    slug = protocol.slug
    click.echo(
        f"{slug}: {stored.stimulus_count} stimuli stored{accepted}; `study freeze {slug}` is next"
    )
    print_unfilled_placeholders(protocol, folder)


def _print(findings: list[AuditFinding]) -> None:
    for line in format_findings(findings):
        click.echo(line, err=True)


@click.command()
@SLUG_ARGUMENT
@click.option(
    "--plan", "plan_path", type=PATH_TYPE, help="plan.toml; without it the defaults hold."
)
@click.option("--out", type=PATH_TYPE, default=Path("design.json"), show_default=True)
def freeze(slug: str, plan_path: Path | None, out: Path) -> None:
    """Fix the design before the first live participant, for good.

    That is the protocol, the wording, the seed, the stimuli and the plan of the analysis. Its
    SHA-256 stands in every exported row. A changed study is imported under another slug. `study
    new` shows the plan's defaults.
    """
    plan = read_plan(plan_path) if plan_path else AnalysisPlan()
    if out.exists():
        raise StudyError(f"{out} is already there; give another --out, or remove it")
    _, engine = open_database()
    with atomic_write(out) as temporary, write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        design = freeze_study(
            db, study, plan, hash_wording(db, study, find_resource_folder("templates"))
        )
        temporary.write_text(design, encoding="utf-8")
        sha256 = study.design_sha256
    click.echo(f"{out}: SHA-256 {sha256}; `study open {slug}` lets people in")
