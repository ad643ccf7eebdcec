"""Tests of a whole conversion: its summary and its counts."""

from pathlib import Path

import pytest

from analysis.conversion.column_map import ColumnMap, parse_columns, read_built_in
from analysis.conversion.conversion import convert_table
from analysis.conversion.notes import ConversionError
from tests.analysis.conversion.conversions import (
    MAP,
    SINGLE,
    convert_rows,
    read_judgments,
    refuse_rows,
    write_table,
)


def test_the_summary_counts_trials_people_images_and_missing_answers(tmp_path: Path) -> None:
    table = write_table(tmp_path / "own.csv", [*SINGLE, SINGLE[0] | {"stim": "fir", "said": ""}])
    done = convert_table(table, ColumnMap(columns=parse_columns(MAP[1:])), study="trees")
    assert list(done.files) == ["responses.csv", "participants.csv"]
    assert "converted    4 trials, 2 participants, 3 source images; 1 without an answer" in (
        done.summary
    )


@pytest.mark.parametrize(
    ("values", "line"),
    [(("yes", "yes", "yes"), "all are complete"), (("yes", "yes", "no"), "1 abandoned")],
)
def test_the_summary_says_how_many_participants_did_not_finish(
    values: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    rows = [row | {"end": end} for row, end in zip(SINGLE, values, strict=True)]
    table = write_table(tmp_path / "own.csv", rows)
    column_map = ColumnMap(columns=parse_columns([*MAP[1:], "finished=end"]))
    summary = convert_table(table, column_map, study="trees").summary
    assert f"finished     column end: {line}" in summary


@pytest.mark.parametrize(
    ("column", "options"),
    [
        ("order", []),
        ("best", ["worst=best"]),
        ("rank1", ["rank2=order"]),
        ("answer", ["--task", "preference"]),
        ("method2", ["answer=best"]),
    ],
)
def test_answers_to_a_whole_trial_need_the_methods_of_its_candidates(
    column: str, options: list[str], tmp_path: Path
) -> None:
    rows = [{"who": "p1", "stim": "oak", "best": "mcl", "order": "mcl > l2"}]
    named = ("--map", "participant=who", "image=stim", f"{column}=order")
    assert refuse_rows(tmp_path, rows, *named, *options) == (
        f"table.csv: method1 is not known; {column} needs a row per trial with the method of every "
        "candidate; name their columns with --map method1=COLUMN method2=COLUMN and so on, or, if "
        "all trials have the same candidates, their methods with --set method1=NAME "
        "--set method2=NAME"
    )


def test_candidates_that_are_the_same_in_all_trials_are_named_once(tmp_path: Path) -> None:
    rows = [{"who": "p1", "stim": "oak", "order": "mcl > l2"}]
    named = ("--map", "participant=who", "image=stim", "order=order")
    convert_rows(tmp_path, rows, *named, "--set", "method1=l2", "--set", "method2=mcl")
    assert [row[4] for row in read_judgments(tmp_path)] == ["2", "1"]


def test_a_built_in_map_finds_its_columns(tmp_path: Path) -> None:
    votes = [{"judge": "p1", "prompt": "oak", "model_a": "x", "model_b": "y", "winner": "model_b"}]
    table = write_table(tmp_path / "votes.csv", votes)
    done = convert_table(table, read_built_in()["arena"], study="votes")
    assert "judgments.csv" in done.files
    with pytest.raises(ConversionError, match="participant is not known"):
        convert_table(table, read_built_in()["p910"], study="votes")
