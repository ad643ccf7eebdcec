"""Tests of records: rows, wide rows, items, and values in JSON."""

from pathlib import Path

import pytest

from analysis.conversion.column_map import ColumnMap
from analysis.conversion.notes import Notes
from analysis.conversion.records import Records, build_records
from analysis.conversion.source_table import SourceRow, SourceTable
from tests.analysis.conversion.conversions import (
    MAP,
    SINGLE,
    convert_rows,
    make_refusal_test,
    run_convert,
    write_table,
)


def build(values: dict[str, str], column_map: ColumnMap) -> Records:
    """Return the records of a table with one row."""
    table = SourceTable("own.csv", list(values), [SourceRow(2, values)])
    return build_records(table, column_map, None, Notes())


def test_the_first_column_that_the_table_has_is_chosen() -> None:
    column_map = ColumnMap(columns={"rt": ("time", "*.rt"), "image": ("stim", "stimulus")})
    (record,) = build({"stimulus": "oak", "key.rt": "0.5"}, column_map).rows
    assert record.values == {"image": "oak", "rt": "0.5"}
    assert (record["method"], record.place) == ("", "own.csv: line 2")


def test_codes_of_methods_count_in_answers_that_name_methods() -> None:
    column_map = ColumnMap(
        columns={"method1": ("a",), "answer": ("won",), "score": ("grade",)},
        codes={"method": {"1": "mcl"}},
    )
    (record,) = build({"a": "1", "won": "1", "grade": "1"}, column_map).rows
    assert record.values == {"method1": "mcl", "answer": "mcl", "score": "1"}


@pytest.mark.parametrize("cell", ['{"selected": "left"}', '[{"selected": "left"}]', "left"])
def test_a_cell_with_json_has_the_value_of_its_key(cell: str) -> None:
    column_map = ColumnMap(columns={"answer": ("said",)}, json_keys={"answer": "selected"})
    (record,) = build({"said": cell}, column_map).rows
    assert record["answer"] == "left"


def test_a_wide_table_gives_what_a_long_one_gives(tmp_path: Path) -> None:
    cells = {("oak", "mcl"): "fake", ("oak", "real"): "real", ("elm_tree", "l2"): "real"}
    long = [
        {"who": who, "stim": stim, "by": by, "said": said, "rt": 500 + len(said)}
        for who in ("p1", "p2")
        for (stim, by), said in cells.items()
    ]
    wide = [
        {"who": who, "age": "30"}
        | {f"{stim}_{by}": said for (stim, by), said in cells.items()}
        | {f"{stim}_{by}_rt": 500 + len(said) for (stim, by), said in cells.items()}
        for who in ("p1", "p2")
    ]
    method = "{method:mcl|l2|real}"
    wide_map = ("participant=who", f"answer={{image}}_{method}", f"rt={{image}}_{method}_rt")
    assert convert_rows(tmp_path, wide, *wide_map) == convert_rows(tmp_path, long, *MAP)


def test_items_tell_what_a_question_showed(tmp_path: Path) -> None:
    rows = [{"who": "p1", "Q1": "fake", "Q2": "real"}]
    items = [
        {"item": "1", "image": "oak", "method": "mcl"},
        {"item": "2", "image": "elm", "method": "real"},
    ]
    path = write_table(tmp_path / "items.csv", items, delimiter=";")
    options = ("participant=who", "answer=Q{item}", "--items", str(path))
    converted = convert_rows(tmp_path, rows, *options)
    assert [(row["image"], row["method"]) for row in converted] == [("oak", "mcl"), ("elm", "real")]
    del items[1]
    write_table(path, items)
    done = run_convert(tmp_path / "table.csv", *options, "--replace")
    assert "table.csv: line 2: item '2' is not in items.csv" in done.stderr


REFUSALS = [
    (SINGLE, ("participant=whom",), "no column 'whom' for participant"),
    (SINGLE, (*MAP, "--where", "by=GAN"), "no row is left"),
    (SINGLE, (*MAP, "--split", "stim={kind}.png"), "no value of stim fits {kind}.png"),
    (SINGLE, ("participant=who", "answer={image}_{method}"), "no column fits {image}_{method}"),
    ([{"who": "p1", "a_b_c": "fake"}], ("participant=who", "answer={image}_{method}"),
     "'a_b_c' fits {image}_{method} in several ways"),
]  # fmt: skip

test_columns_and_rows_that_are_not_there_are_refused_in_one_line = make_refusal_test(REFUSALS)
