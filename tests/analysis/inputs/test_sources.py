"""A CSV file and a database yield the same rows; errors are one line."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.inputs.responses import RESPONSE_COLUMNS, ResponsesError
from analysis.inputs.sources import read_responses
from tests.analysis.rows import Row, make_row, write_csv


def write_database(path: Path, rows: Sequence[Row]) -> str:
    """Write a SQLite database whose view holds the rows, NULL for empty values; return its URL."""
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE trial ({', '.join(RESPONSE_COLUMNS)})")
        marks = ", ".join("?" * len(RESPONSE_COLUMNS))
        values = [[row[column] or None for column in RESPONSE_COLUMNS] for row in rows]
        database.executemany(f"INSERT INTO trial VALUES ({marks})", values)
        database.execute("CREATE VIEW responses_export AS SELECT * FROM trial")
    database.close()
    return f"sqlite:///{path}"


def test_a_database_reads_like_its_export(tmp_path: Path) -> None:
    rows = [make_row(position=str(position), rt_ms="") for position in range(3)]
    exported = read_responses(str(write_csv(tmp_path / "responses.csv", rows)))
    stored = read_responses(write_database(tmp_path / "study.sqlite", rows[::-1]))
    assert {name: stored[name].tolist() for name in stored.columns} == {
        name: exported[name].tolist() for name in exported.columns
    }


@pytest.mark.parametrize("name", ["=oak", "-oak", "@oak", "+", "'=oak", "'oak", "o=k"])
def test_a_spreadsheet_guard_is_removed(name: str, tmp_path: Path) -> None:
    guarded = name if name in ("'oak", "o=k") else f"'{name}"
    exported = read_responses(str(write_csv(tmp_path / "r.csv", [make_row(image=guarded)])))
    stored = read_responses(write_database(tmp_path / "study.sqlite", [make_row(image=name)]))
    assert exported["image"].tolist() == stored["image"].tolist() == [name]


def test_an_invalid_database_row_is_named_by_its_number(tmp_path: Path) -> None:
    url = write_database(tmp_path / "study.sqlite", [make_row(), make_row(position="1", kind="x")])
    with pytest.raises(ResponsesError, match="row 2: kind is 'x'"):
        read_responses(url)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "r.csv: empty"),
        (",".join(RESPONSE_COLUMNS).encode(), "r.csv: contains no trials"),
        (b"\xff\xfe\x00", "r.csv: not UTF-8"),
        (
            ",".join(RESPONSE_COLUMNS).encode() + b"\ntrees,p1\n",
            "r.csv: line 2: 2 values for 26 columns",
        ),
        (
            ",".join(RESPONSE_COLUMNS).encode() + b'\n"trees',
            "r.csv: line 2: unexpected end of data",
        ),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(ResponsesError) as caught:
        read_responses(str(path))
    assert str(caught.value).startswith(message)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "r.csv", [make_row()])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n")
    assert len(read_responses(str(path))) == 1


@pytest.mark.parametrize("blank", ["", "\n"])
def test_an_invalid_row_is_named_by_its_line_despite_blank_and_quoted_lines(
    tmp_path: Path, blank: str
) -> None:
    path = write_csv(
        tmp_path / "r.csv", [make_row(image='an "oak"', real_image="oak"), make_row(kind="x")]
    )
    path.write_text(path.read_text().replace("an ", f"an\n{blank}"))
    with pytest.raises(ResponsesError, match=f"line {4 + len(blank)}: kind is 'x'"):
        read_responses(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResponsesError, match=r"nothing\.csv: No such file"):
        read_responses(str(tmp_path / "nothing.csv"))


def test_a_missing_database_is_refused_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(ResponsesError, match="no such database file"):
        read_responses(f"sqlite:///{tmp_path / 'nothing.sqlite'}")
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_the_view_is_refused(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.sqlite").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(ResponsesError, match="no view responses_export"):
        read_responses(f"sqlite:///{tmp_path / 'empty.sqlite'}")


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(ResponsesError) as caught:
        read_responses("postgresql://me:secret@127.0.0.1:1/studies")
    assert "127.0.0.1:1/studies" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense://x", "://", "sqlite+nothing:///x"])
def test_an_unknown_url_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(ResponsesError, match=r"\A[^\n]+\Z"):
        read_responses(url)
