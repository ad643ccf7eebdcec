"""Tests of the reader of CSV and Parquet files."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from analysis.conversion.notes import ConversionError, Notes
from analysis.conversion.source_table import read_source
from tests.analysis.conversion.conversions import (
    MAP,
    SINGLE,
    convert_rows,
    read_rows,
    run_convert,
    write_table,
)


def test_a_parquet_file_is_read_like_a_csv_file(tmp_path: Path) -> None:
    expected = convert_rows(tmp_path, SINGLE, *MAP)
    columns: dict[str, list[Any]] = {key: [row[key] for row in SINGLE] for key in SINGLE[0]}
    columns["rt"] = [float(value) for value in columns["rt"]]
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    done = run_convert(tmp_path / "table.parquet", *MAP, "--replace")
    assert done.returncode == 0, done.stderr
    assert "(Parquet)" in done.stdout
    assert read_rows(tmp_path / "out" / "responses.csv") == expected


def test_whole_numbers_of_a_parquet_file_stay_whole_beside_missing_ones(tmp_path: Path) -> None:
    columns = {"a": [1.0, None, 2.5], "b": [None, True, False]}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    table = read_source(tmp_path / "table.parquet", Notes())
    assert [row.values for row in table.rows] == [
        {"a": "1", "b": ""}, {"a": "", "b": "True"}, {"a": "2.5", "b": "False"},
    ]  # fmt: skip
    assert table.locate(table.rows[2].line) == "table.parquet: row 3"


def test_spellings_of_missing_values_are_empty(tmp_path: Path) -> None:
    path, notes = tmp_path / "table.csv", Notes()
    path.write_text("a;b;\n NA ;-99;\nn/a;5;\na;b;\nx\n")
    table = read_source(path, notes, missing=("-99",))
    assert [(row.line, row.values) for row in table.rows] == [
        (2, {"a": "", "b": ""}), (3, {"a": "", "b": "5"}), (5, {"a": "x", "b": ""}),
    ]  # fmt: skip
    assert notes.dropped == {"that repeat the header": 1}


def test_a_header_of_several_rows_ends_with_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Q1,Q2\nFirst,Second\n{ImportId:1},{ImportId:2}\n1,2\n")
    (row,) = read_source(path, Notes(), header_mark="ImportId").rows
    assert row.values == {"Q1": "1", "Q2": "2"}
    with pytest.raises(ConversionError, match="no header row contains Mark; export the data"):
        read_source(path, Notes(), header_mark="Mark")


def test_lines_may_end_as_on_an_old_macintosh(tmp_path: Path) -> None:
    table = write_table(tmp_path / "table.csv", SINGLE)
    table.write_bytes(table.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r"))
    done = run_convert(table, *MAP)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 has no names of columns"),
        (b"who,stim\n", "contains no rows"),
        (b"who,who\n1,2\n", "two columns are named 'who'"),
        (b"who,stim\n1,2,3\n", "line 2: 3 values for 2 columns"),
        (b'who,stim\n"1,2\n', "line 2: unexpected end of data"),
        (b"PK\x03\x04...", "an Excel workbook; save it as CSV"),
        (b'[{"who": 1}]', "this is JSON"),
        (b"PAR1....", "write the Parquet file again"),
        (b"who\0,stim\n1,2\n", "not a text file"),
        (b"who\x81,stim\n1,2\n", "unknown encoding"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    done = run_convert(tmp_path / "table.csv", *MAP)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr
