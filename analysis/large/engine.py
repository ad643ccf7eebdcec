"""Choose whether a report reads all trials into memory or counts them with DuckDB."""

from importlib.util import find_spec
from pathlib import Path

from analysis.inputs.parquet.files import SUFFIX
from analysis.inputs.responses import ResponsesError
from analysis.large.connection import count_rows

AUTO, MEMORY, DUCKDB = ENGINES = ("auto", "memory", "duckdb")
DUCKDB_ROWS = 1_000_000  # fewer are read as fast
MAX_MEMORY_ROWS = 20_000_000  # more need tens of GB


def is_counted(source: str, engine: str) -> bool:
    """Return True if DuckDB counts the trials of a source.

    engine: one of ENGINES. Raises ResponsesError if the engine cannot read the source, or if there
    are too many trials for memory and DuckDB is not installed.
    """
    if Path(source).suffix != SUFFIX or "://" in source:
        if engine == DUCKDB:
            raise ResponsesError(
                f"{source}: --engine duckdb reads Parquet only; use `study export --format parquet`"
            )
        return False
    if engine != AUTO:
        return engine == DUCKDB
    rows = count_rows(Path(source))
    if rows > MAX_MEMORY_ROWS or find_spec("duckdb"):
        return rows >= DUCKDB_ROWS
    return False


def explain_memory(source: str, engine: str, what: str) -> str:
    """Return why a report reads all trials into memory after all.

    what: what DuckDB does not count. Raises ResponsesError if the engine was chosen, or if there
    are too many trials.
    """
    rows = count_rows(Path(source))
    if engine == DUCKDB or rows > MAX_MEMORY_ROWS:
        raise ResponsesError(
            f"DuckDB does not count {what}; use --engine memory, which needs about 1 GB for each "
            f"million of the {rows:,} trials"
        )
    return f"reading all trials into memory, because DuckDB does not count {what}"
