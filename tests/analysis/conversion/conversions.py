"""Convert small tables in tests."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from analysis.convert import convert
from tests.analysis.shell import run_here

Table = Sequence[Mapping[str, object]]


def write_table(path: Path, rows: Table, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Write a table whose columns are those of the first row."""
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def run_convert(table: Path, *options: str) -> CompletedProcess[str]:
    """Run the command on a table; its output folder is `out` beside the table."""
    return run_here(convert, table, "--out", str(table.parent / "out"), *options)


def convert_rows(folder: Path, rows: Table, *options: str) -> list[dict[str, str]]:
    """Convert rows and return those of responses.csv."""
    done = run_convert(write_table(folder / "table.csv", rows), *options, "--replace")
    assert done.returncode == 0, done.stderr
    return read_rows(folder / "out" / "responses.csv")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def refuse_rows(folder: Path, rows: Table, *options: str) -> str:
    """Return the one-line message with which the command refuses rows; it writes nothing."""
    done = run_convert(write_table(folder / "table.csv", rows), *options)
    assert done.returncode == 2, done.stdout
    assert done.stderr.count("\n") == 1
    assert not (folder / "out").exists()
    return done.stderr.removeprefix("Error: ").strip()
