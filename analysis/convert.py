"""The command `python -m analysis.convert`, which converts data collected elsewhere."""

import re
import tempfile
from pathlib import Path

import click

from analysis.conversion.column_map import (
    FIELDS,
    ColumnMap,
    parse_codes,
    parse_columns,
    parse_constants,
    parse_keep,
    parse_patterns,
    read_built_in,
)
from analysis.conversion.conversion import convert_table
from analysis.conversion.notes import ConversionError
from analysis.conversion.tasks.catalog import CONVERTED_TASKS
from analysis.files import atomic_write_files, run_command
from analysis.inputs.judgments import JUDGMENTS, read_judgments
from analysis.inputs.responses import ResponsesError
from analysis.inputs.sources import read_responses

FILE_TYPE = click.Path(dir_okay=False, path_type=Path)
UNITS = click.Choice(["s", "ms"])
WRITTEN_FILES = ("responses.csv", "participants.csv", JUDGMENTS.file)
EPILOG = "\b\nFields:\n" + "\n".join(f"  {name:<13} {text}" for name, text in FIELDS.items())


@click.command(name="convert", epilog=EPILOG)
@click.argument("file", type=FILE_TYPE)
@click.argument("more_columns", nargs=-1, metavar="[FIELD=COLUMN]...")
@click.option(
    "--from", "program", type=click.Choice(list(read_built_in())), help="Program that wrote FILE."
)
@click.option(
    "--task",
    type=click.Choice(list(CONVERTED_TASKS)),
    help="Task of the participants. [default: inferred from the fields]",
)
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Column of a field; more pairs may follow. '{image}_{method}' matches several columns.",
)
@click.option(
    "--split",
    multiple=True,
    metavar="COLUMN=PATTERN",
    help="Extract fields from a column, as in stimulus='img/{method}/{image}.png'.",
)
@click.option(
    "--set", "constants", multiple=True, metavar="FIELD=VALUE", help="Give all rows the same value."
)
@click.option(
    "--code",
    "codes",
    multiple=True,
    metavar="FIELD:VALUE=MEANING",
    help="Say what a value means, as in answer:1=fake.",
)
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Convert only rows with this value; repeat it for other values.",
)
@click.option("--items", type=FILE_TYPE, help="Table with more fields for each value of `item`.")
@click.option(
    "--missing", multiple=True, metavar="VALUE", help="Additional value to read as missing."
)
@click.option(
    "--rt-unit", type=UNITS, help="Unit of the response times. [default: inferred from the data]"
)
@click.option(
    "--exposure-unit", type=UNITS, help="Unit of the exposures. [default: inferred from the data]"
)
@click.option(
    "--assign-sides", is_flag=True, help="Assign the sides of pairs if FILE does not contain them."
)
@click.option("--study", help="Name of the study. [default: the name of FILE]")
@click.option("--replace", is_flag=True, help="Replace an earlier conversion in the folder.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for responses.csv, participants.csv and, if people compared or rated images, "
    "judgments.csv.",
)
def convert(
    file: Path,
    more_columns: tuple[str, ...],
    program: str | None,
    task: str | None,
    columns: tuple[str, ...],
    split: tuple[str, ...],
    constants: tuple[str, ...],
    codes: tuple[str, ...],
    where: tuple[str, ...],
    items: Path | None,
    missing: tuple[str, ...],
    rt_unit: str | None,
    exposure_unit: str | None,
    assign_sides: bool,
    study: str | None,
    replace: bool,
    out: Path,
) -> None:
    """Convert FILE, a CSV or Parquet file of another program, for `python -m analysis.report`.

    Name the column of each field with --map FIELD=COLUMN, unless --from knows it. Where FILE is
    ambiguous, the command stops and names the option that settles it. It prints how it read FILE.
    """
    try:
        own_columns = parse_columns([*columns, *more_columns])
        own_map = ColumnMap(
            task=task or "",
            columns=own_columns,
            required=frozenset(own_columns),
            patterns=parse_patterns(split),
            constants=parse_constants(constants),
            codes=parse_codes(codes),
            keep=parse_keep(where),
            missing=missing,
            rt_unit=rt_unit or "",
            exposure_unit=exposure_unit or "",
        )
        column_map = read_built_in()[program].merge(own_map) if program else own_map
        name = study or _to_slug(file.stem)
        _refuse_existing(file, out, replace)
        conversion = convert_table(
            file, column_map, study=name, items_path=items, assign_sides=assign_sides
        )
        _check_files(conversion.files)
        atomic_write_files(out, conversion.files)
    except (ConversionError, ResponsesError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}; use another folder with --out"
        raise click.ClickException(reason) from error
    _remove_outdated(out, set(conversion.files))
    click.echo("\n".join(conversion.summary))
    click.echo(f"written: {', '.join(str(out / file_name) for file_name in conversion.files)}")


def _to_slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "study"


def _refuse_existing(file: Path, out: Path, replace: bool) -> None:
    for name in WRITTEN_FILES:
        path = out / name
        if path.exists() and path.resolve() == file.resolve():
            raise ConversionError(f"{path} is the table itself; use another folder with --out")
        if path.exists() and not replace:
            raise ConversionError(
                f"{path} exists; use another folder with --out, or replace it with --replace"
            )


def _check_files(files: dict[str, bytes]) -> None:
    """Read the files as the report does, before they are written where they stay."""
    with tempfile.TemporaryDirectory() as folder:
        atomic_write_files(Path(folder), files)
        path = str(Path(folder, "responses.csv"))
        responses = read_responses(path)
        if JUDGMENTS.file in files:
            read_judgments(path, responses)


def _remove_outdated(out: Path, written: set[str]) -> None:
    """Remove the files of an earlier conversion that this one does not have."""
    for name in WRITTEN_FILES:
        if name not in written:
            (out / name).unlink(missing_ok=True)


if __name__ == "__main__":
    run_command(convert)
