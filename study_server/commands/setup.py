"""The commands `study new`, `freeze` and `delete`."""

from pathlib import Path

import click

from study_server.commands.context import (
    PATH_TYPE,
    SLUG_ARGUMENT,
    YES_OPTION,
    confirm_by_typing,
    open_database,
    out_option,
)
from study_server.commands.jobs import erase_traces
from study_server.creation.study_files import choose_wording_folder, write_study_files
from study_server.drafts.freezing import load_draft_plan
from study_server.errors import StudyError
from study_server.export.output_folder import default_design_path
from study_server.files import atomic_write, remove_path
from study_server.participants.withdrawal import delete_all_participants
from study_server.protocol.presets import PRESETS
from study_server.protocol.study_toml import create_protocol
from study_server.settings import find_resource_folder
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.studies import lookup
from study_server.studies.action_log import COMMAND_LINE, log_action
from study_server.studies.design import freeze_study, hash_wording, read_plan
from study_server.studies.removal import (
    delete_study,
    measure_contents,
    remove_objects,
    require_deletable,
)


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
