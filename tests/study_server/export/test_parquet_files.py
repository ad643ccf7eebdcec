"""Tests of exports as Parquet."""

import csv
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flask import Flask

from analysis.inputs.parquet.files import read_text_table
from study_server.errors import StudyError
from study_server.export.codebook import CODEBOOK_COLUMNS, TABLE_COLUMNS
from study_server.export.csv_files import export_study
from study_server.export.parquet_files import ROWS_PER_GROUP, TYPED_COLUMNS, write_parquet
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import write_transaction
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode
from tests.conftest import simulate


def test_each_table_has_the_columns_and_the_cells_of_its_csv_file(
    app: Flask, tmp_path: Path
) -> None:
    simulate(app, "short", 3, SimulatedPopulation({"l2": 0.3, "mcl": 0.4}))
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        for name in ("responses.csv", "responses.parquet"):
            as_parquet = name.endswith("parquet")
            counts = export_study(
                db, study, tmp_path / name, list(Mode), False, as_parquet=as_parquet
            )
    assert counts[1] == 3
    for table, columns in {**TABLE_COLUMNS, "codebook": CODEBOOK_COLUMNS}.items():
        read = read_text_table(tmp_path / f"{table}.parquet")
        with (tmp_path / f"{table}.csv").open(newline="") as file:
            lines = file.read().removeprefix("hue-and-eye/2\n").splitlines(keepends=True)
        rows = list(csv.DictReader(lines))
        assert read.column_names == list(columns)
        numbers = {name for name, kind in TYPED_COLUMNS.get(table, {}).items() if kind == "number"}
        assert [
            {name: _trim(cell) if name in numbers else cell for name, cell in row.items()}
            for row in rows
        ] == read.to_pylist()
    assert len(pq.read_table(tmp_path / "responses.parquet")) == counts[0]


def _trim(cell: str) -> str:
    """Return a number without the decimals that it does not need."""
    return cell.removesuffix(".0")


@pytest.mark.slow(3)
def test_many_rows_leave_in_the_memory_of_two_row_groups(tmp_path: Path) -> None:
    def peak_bytes(rows: int) -> int:
        tracemalloc.start()
        cells = ({"text": "a", "number": number} for number in range(rows))
        assert write_parquet(tmp_path / "t.parquet", "t", ("text", "number"), cells) == rows
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    two, five = peak_bytes(2 * ROWS_PER_GROUP), peak_bytes(5 * ROWS_PER_GROUP)
    assert five < 1.2 * two
    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == 5


def test_a_failed_export_leaves_no_file(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, object]]:
        yield {"text": "a"}
        raise StudyError("the database went away")

    with pytest.raises(StudyError, match="went away"):
        write_parquet(tmp_path / "t.parquet", "t", ("text",), rows())
    assert list(tmp_path.iterdir()) == []


def test_without_pyarrow_one_line_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(StudyError, match="pip install 'hue-and-eye\\[server,parquet\\]'"):
        write_parquet(tmp_path / "t.parquet", "t", ("text",), ())


def test_times_and_numbers_have_types(tmp_path: Path) -> None:
    row = {"position": 3, "rt_ms": 640, "first_ms": 100.25, "second_ms": "",
           "started_at": "2026-01-05T10:00:00.250+00:00"}  # fmt: skip
    write_parquet(tmp_path / "responses.parquet", "responses", row, [row])
    table = pq.read_table(tmp_path / "responses.parquet")
    assert table["position"].type == pa.int64()
    assert table["started_at"].type == pa.timestamp("ms", "UTC")
    assert read_text_table(tmp_path / "responses.parquet").to_pylist() == [
        {name: str(cell) for name, cell in row.items()}
    ]
