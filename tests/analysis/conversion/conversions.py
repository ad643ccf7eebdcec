"""Small tables of each task, and functions that convert them in tests."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from analysis.convert import convert
from tests.analysis.shell import run_here

Table = Sequence[Mapping[str, object]]

SINGLE = [
    {"who": "p1", "stim": "oak", "by": "MCL", "said": "fake", "rt": "0.8"},
    {"who": "p1", "stim": "elm", "by": "real", "said": "fake", "rt": "1.2"},
    {"who": "p2", "stim": "oak", "by": "L2", "said": "real", "rt": "2.5"},
]
MAP = ("--map", "participant=who", "image=stim", "method=by", "answer=said", "rt=rt")
PAIR = [
    {"who": "p1", "stim": "oak", "by": "mcl", "fake": "left", "key": "left", "ok": "1"},
    {"who": "p1", "stim": "elm", "by": "l2", "fake": "right", "key": "left", "ok": "0"},
]
PAIR_MAP = ("--map", "participant=who", "image=stim", "method=by")
VOTE = [
    {"who": "p1", "stim": "oak", "a": "mcl", "b": "l2", "won": "a"},
    {"who": "p1", "stim": "elm", "a": "l2", "b": "sdxl", "won": "tie"},
]
VOTE_MAP = ("--map", "participant=who", "image=stim", "method1=a", "method2=b", "answer=won")
SCORE = [{"who": "p1", "stim": "oak", "by": "mcl", "vote": "4"}]
SCORE_MAP = ("--map", "participant=who", "image=stim", "method=by", "score=vote")


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


def make_refusal_test(refusals: Sequence[tuple[Table, Sequence[str], str]]) -> Callable[..., None]:
    """Return a test that the command refuses each table with these options and this message."""

    @pytest.mark.parametrize(("rows", "options", "message"), refusals)
    def check_refusal(rows: Table, options: Sequence[str], message: str, tmp_path: Path) -> None:
        assert message in refuse_rows(tmp_path, rows, *options)

    return check_refusal


def change(rows: list[dict[str, str]], **changes: str) -> list[dict[str, str]]:
    """Return the rows with other values in the first."""
    return [rows[0] | changes, *rows[1:]]


def read_judgments(folder: Path) -> list[tuple[str, ...]]:
    """Return position, slot, method, scale, rank and score of each judgment."""
    columns = ("position", "slot", "method", "scale", "rank", "score")
    rows = read_rows(folder / "out" / "judgments.csv")
    return [tuple(row[column] for column in columns) for row in rows]
