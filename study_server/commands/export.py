"""The commands `study export` and `bundle`, which write data and designs to files."""

from pathlib import Path

import click

from study_server.commands.context import (
    PATH_TYPE,
    SLUG_ARGUMENT,
    open_database,
)
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.export import csv_files, psych_ds
from study_server.export.output_folder import require_own_folder
from study_server.export.preregistration import build_preregistration
from study_server.export.zip_stream import stream_zip, write_folder
from study_server.files import atomic_write
from study_server.participants import outcomes
from study_server.storage.engine import read_session, snapshot_session, write_transaction
from study_server.studies import lookup
from study_server.studies.action_log import COMMAND_LINE
from study_server.studies.unblinding import decide_blinding
from study_server.vocabulary import Mode


def _parse_modes(_ctx: click.Context, _option: click.Parameter, value: str) -> tuple[Mode, ...]:
    try:
        return tuple(Mode(word.strip()) for word in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: unknown mode; modes are {', '.join(Mode)}") from error


@click.command("export")
@SLUG_ARGUMENT
@click.option(
    "--out",
    type=PATH_TYPE,
    help="File for the responses; the other files are written next to it.  "
    "[default: responses.csv or responses.parquet]",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice((csv_files.CSV, csv_files.PARQUET)),
    default=csv_files.CSV,
    show_default=True,
    help="Format of the tables; Parquet is for millions of trials.",
)
@click.option(
    "--psych-ds",
    "psych_ds_folder",
    metavar="DIR",
    type=PATH_TYPE,
    help="Write a Psych-DS dataset to DIR instead.",
)
@click.option(
    "--mode",
    "modes",
    callback=_parse_modes,
    default=",".join(Mode),
    show_default=True,
    help="Kinds of participants to export, separated by commas.",
)
@click.option(
    "--unblind",
    is_flag=True,
    help="Include the truth before the planned sample is complete; this is logged.",
)
@click.option(
    "--bom",
    is_flag=True,
    help="Begin each CSV file with a byte order mark, so that Excel shows umlauts and accents.",
)
def export_command(
    slug: str,
    out: Path | None,
    file_format: str,
    psych_ds_folder: Path | None,
    modes: tuple[Mode, ...],
    unblind: bool,
    bom: bool,
) -> None:
    """Export responses and all other tables, with codebook.csv and design.json.

    Until the planned number of participants have finished or the study is closed, the export is
    blinded: the truth of live trials is left out. --unblind includes it and is logged permanently
    in unblinding.csv.
    """
    as_parquet = file_format == csv_files.PARQUET
    if as_parquet and (bom or psych_ds_folder is not None):
        raise click.UsageError("--format parquet cannot be combined with --bom or --psych-ds")
    out = out or Path(f"responses.{file_format}")
    _, engine = open_database()
    if psych_ds_folder is None:
        require_own_folder(out, slug)
    # short, for people are answering; and a look stays on record
    with write_transaction(engine) as db:
        study = lookup.find_study(db, slug)
        lookup.require_stimuli(study)
        outcomes.update_lapsed_outcomes(db, study)
        blinded = decide_blinding(db, study, COMMAND_LINE if unblind else "")
    with snapshot_session(engine) as db:
        study = lookup.find_study(db, slug)
        if psych_ds_folder is not None:
            write_folder(psych_ds.iterate_files(db, study, modes, blinded), psych_ds_folder)
            click.echo(f"{psych_ds_folder}: Psych-DS dataset; its README.md lists what to add")
            return
        trials, people = csv_files.export_study(
            db, study, out, modes, blinded, bom=bom, as_parquet=as_parquet
        )
        others = csv_files.list_other_files(study, file_format)
    trials_text = format_count(trials, "trial", "trials")
    click.echo(
        f"{out}: {trials_text} from {format_count(people, 'participant', 'participants')}; beside "
        f"it: {', '.join(others)}"
    )
    click.echo(f"next, run `python -m analysis.report {out} --out {out.with_name('report')}`")


@click.command()
@SLUG_ARGUMENT
@click.option("--out", type=PATH_TYPE, help="Folder or .zip file to write.  [default: SLUG.zip]")
def bundle(slug: str, out: Path | None) -> None:
    """Write the files for a preregistration: the frozen design and its sources.

    These are design.json, study.toml, wording/, plan.toml, the unblinding log, SHA256SUMS and,
    once the study is closed, the schedule seed.
    """
    out = out or Path(f"{slug}.zip")
    _, engine = open_database()
    with read_session(engine) as db:
        texts = build_preregistration(db, lookup.find_study(db, slug))
    files = [(path, [text]) for path, text in texts.items()]
    if out.suffix != ".zip":
        write_folder(files, out)
    elif out.exists():
        raise StudyError(f"{out} already exists; use another --out, or remove it")
    else:
        with atomic_write(out) as temporary, temporary.open("wb") as file:
            file.writelines(stream_zip(files))
    click.echo(f"{out}: {len(files)} files for the design of {slug}")
