"""Tests of reading the Parquet files of an export."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.inputs.parquet.files import list_parts, read_text_table, resolve_source
from analysis.inputs.questionnaire import QUESTIONNAIRE
from analysis.inputs.responses import RESPONSE_COLUMNS, ResponsesError
from analysis.inputs.sources import read_responses
from analysis.report import report
from tests.analysis.rows import Row, make_study, write_csv, write_parquet
from tests.analysis.shell import run_here

ROWS = [
    row | {"rt_ms": f"{800 + place}.5", "exposure_ms": "1000", "second_ms": "",
           "started_at": "2026-01-05T10:00:00.250+00:00"}
    for place, row in enumerate(make_study())
]  # fmt: skip


def write_parts(folder: Path, rows: list[Row], parts: int = 3) -> list[Path]:
    size = -(-len(rows) // parts)
    return [
        write_parquet(folder / f"responses-{part:05}-of-{parts:05}.parquet",
                      rows[part * size : (part + 1) * size])
        for part in range(parts)
    ]  # fmt: skip


def test_the_rows_are_those_of_the_csv_file(tmp_path: Path) -> None:
    of_csv = read_responses(str(write_csv(tmp_path / "responses.csv", ROWS)))
    of_parquet = read_responses(str(write_parquet(tmp_path / "responses.parquet", ROWS)))
    for column in RESPONSE_COLUMNS:
        assert (of_csv[column] == of_parquet[column]).all(), column


def test_a_folder_may_hold_the_rows_in_parts(tmp_path: Path) -> None:
    write_parts(tmp_path, ROWS)
    source = resolve_source(str(tmp_path))
    read = read_responses(source)
    assert read["rt_ms"].tolist() == [row["rt_ms"] for row in ROWS]
    assert len(list_parts(Path(source))) == 3


def test_tables_beside_the_responses_are_parquet_too(tmp_path: Path) -> None:
    answer = dict.fromkeys(QUESTIONNAIRE.columns, "x") | {"value": "=1"}
    write_parquet(tmp_path / "questionnaire.parquet", [answer], "questionnaire")
    ((place, cells),) = QUESTIONNAIRE.read(str(tmp_path / "responses.parquet"))
    assert (place, list(cells)) == ("row 1", list(answer.values()))


def test_a_folder_without_responses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResponsesError, match=r"responses\.parquet: no such file; use the folder"):
        resolve_source(str(tmp_path))


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    write_parts(tmp_path, ROWS)[1].unlink()
    done = run_here(report, tmp_path, "--out", str(tmp_path / "report"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "responses-00001-of-00003.parquet: this part is missing; copy all 3" in done.stderr


def test_parts_of_two_exports_are_refused(tmp_path: Path) -> None:
    write_parts(tmp_path, ROWS)
    write_parts(tmp_path, ROWS, parts=2)
    with pytest.raises(ResponsesError, match=r"parts of responses\.parquet from different exports"):
        resolve_source(str(tmp_path))


@pytest.mark.parametrize("keep", [0.9, 0.1])
def test_a_file_that_was_cut_is_refused_in_one_line(tmp_path: Path, keep: float) -> None:
    file = write_parquet(tmp_path / "responses.parquet", ROWS)
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content))])
    done = run_here(report, file, "--out", str(tmp_path / "report"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "responses.parquet: not a whole Parquet file (" in done.stderr
    assert not (tmp_path / "report").exists()


def test_damage_inside_a_file_is_refused(tmp_path: Path) -> None:
    file = write_parquet(tmp_path / "responses.parquet", ROWS)
    content = bytearray(file.read_bytes())
    content[100:400] = bytes(300)
    file.write_bytes(bytes(content))
    with pytest.raises(ResponsesError, match="not a whole Parquet file"):
        read_responses(str(file))


def test_a_type_that_no_export_has_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pq.write_table(pa.table({"flag": pa.array([True, False])}), file)
    with pytest.raises(ResponsesError, match="column flag: bool is no type of an export"):
        read_text_table(file)
