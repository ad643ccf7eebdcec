"""Files that a spreadsheet has saved, and cells that no spreadsheet runs as formulas."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_server.csv_cells import format_row, guard_formulas, read_csv, remove_guard
from study_server.errors import StudyError

DIALECTS = {"comma": ",", "semicolon": ";", "tab": "\t"}
DANGEROUS = [
    "=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "'=1", "a;=1+1;b", "a\t=1+1\tb", "a\n=1+1",
    'a;"=1+1"', "a; =1", " =1", ";=1", "a;'=1", ";;=1", 'x";=1;"',
]  # fmt: skip


def opened(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line as a spreadsheet with this dialect splits it."""
    return [
        cell
        for row in csv.reader(io.StringIO(line, newline=""), delimiter=delimiter)
        for cell in row
    ]


@pytest.mark.parametrize("delimiter", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("text", DANGEROUS)
def test_no_dialect_begins_a_formula(text: str, delimiter: str) -> None:
    line = format_row({"a": 7, "b": text, "c": "plain", "d": text}, ["a", "b", "c", "d"])
    assert [
        cell for cell in opened(line, delimiter) if cell.lstrip('"')[:1] in "=+-@" and cell
    ] == []


@given(st.text("=+-@\t\r\n;,'\"a ", max_size=12))
def test_a_guard_is_removed_without_a_trace(text: str) -> None:
    assert remove_guard(guard_formulas(text)) == text


def test_numbers_are_plain_and_texts_are_quoted() -> None:
    cells = {"a": -1, "b": True, "c": 0.12345, "d": "x", "e": "", "f": None, "g": 'say "hi"'}
    assert format_row(cells, list(cells)) == '-1,1,0.123,"x",,,"say ""hi"""\n'


SAVED_BY = {
    "the platform": "name,note\nKühe,1\n".encode(),
    "a German Excel": "name;note\r\nKühe;1\r\n".encode("cp1252"),
    "a French Excel, as CSV UTF-8": "\ufeffname;note\r\nKühe;1\r\n".encode(),
    "Excel, as Unicode text": "name\tnote\r\nKühe\t1\r\n".encode("utf-16"),
    "a program that names the separator": "sep=;\r\nname;note\r\nKühe;1\r\n".encode(),
}


@pytest.mark.parametrize("content", SAVED_BY.values(), ids=SAVED_BY)
def test_every_dialect_of_excel_is_read(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(content)
    table = read_csv(file)
    assert table.columns == ["name", "note"]
    ((line, row),) = table.rows
    assert row == {"name": "Kühe", "note": "1"}
    assert line == (3 if content.startswith(b"sep=") else 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2,3\n", "t.csv:2: 3 values for 2 columns; check the separators"),
        (b'a,b\n1,"2\n', "t.csv:2: not valid CSV"),
        (b"a,b\n\x81,2\n", "unknown encoding; save the file as CSV UTF-8"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(
    content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    with pytest.raises(StudyError) as refused:
        read_csv(file)
    assert message in str(refused.value)
    with pytest.raises(StudyError, match="no such file"):
        read_csv(tmp_path / "nothing.csv")
