"""Tests of the choice between memory and DuckDB."""

from pathlib import Path

import pytest

from analysis.inputs.responses import ResponsesError
from analysis.large import engine
from analysis.large.engine import explain_memory, is_counted
from tests.analysis.rows import make_row, write_parquet


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(write_parquet(tmp_path / "responses.parquet", [make_row()]))


def test_small_files_and_other_sources_are_read_into_memory(file: str) -> None:
    assert not is_counted(file, "auto")
    assert not is_counted("responses.csv", "auto")
    assert not is_counted("sqlite:///study.sqlite", "auto")
    assert not is_counted(file, "memory")
    assert is_counted(file, "duckdb")


def test_large_files_are_counted(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "DUCKDB_ROWS", 1)
    assert is_counted(file, "auto")
    monkeypatch.setattr(engine, "find_spec", lambda _: None)
    assert not is_counted(file, "auto")  # DuckDB is not installed, but the rows fit in memory
    monkeypatch.setattr(engine, "MAX_MEMORY_ROWS", 0)
    assert is_counted(file, "auto")


def test_too_many_trials_for_memory_are_refused(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert explain_memory(file, "auto", "covariates") == (
        "reading all trials into memory, because DuckDB does not count covariates"
    )
    monkeypatch.setattr(engine, "MAX_MEMORY_ROWS", 0)
    with pytest.raises(ResponsesError, match="DuckDB does not count covariates; use --engine"):
        explain_memory(file, "auto", "covariates")
