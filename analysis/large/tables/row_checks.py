"""Check every row against docs/formats.md, as `analysis.inputs.row_checks` does, by counting.

Columns with few values are checked once for each of their combinations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.inputs.responses import ResponsesError
from analysis.inputs.row_checks import (
    ALLOWED_VALUES,
    FLAGS,
    PAIR_ANSWERS,
    PATTERNS,
    REAL_METHOD,
    REQUIRED_COLUMNS,
    SINGLE_ANSWERS,
    TRUTH_COLUMNS,
)
from analysis.large.connection import NUMBERS, Source
from analysis.large.tables.combinations import COUNTED, build_combinations

MAX_COUNT = 999_999_999
HAS_TRUTH, SINGLE = "question <> ''", "presentation = 'single'"


@dataclass(frozen=True)
class RowCheck:
    """A condition that no row may meet, in SQL, and what is expected of the column instead."""

    column: str
    wrong: str
    expected: str


def check_rows(source: Source) -> None:
    """Raise ResponsesError at a row that contradicts the format; its first one for this rule.

    Builds the table of combinations.
    """
    if not source.rows:
        raise ResponsesError(f"{source.name}: contains no trials; nobody has taken part yet")
    blinded = f"{HAS_TRUTH} AND {SINGLE} AND truth = '' AND image = '' AND method = ''"
    checks = list(_iterate_checks())
    build_combinations(source)
    if source.fetch_row(f"SELECT count(*) FROM combination WHERE {blinded}")[0]:
        raise ResponsesError(
            f"{source.name}: {_locate(source, blinded, 'truth')[0]}: truth, image and method are "
            "empty, as in a blinded export; wait until the study is complete, or export again with "
            "--unblind (logged)"
        )
    wrong = {*_list_wrong(source, checks, "combination"), *_list_wrong(source, checks, "source")}
    for check in checks:
        if check in wrong:
            place, value = _locate(source, check.wrong, check.column)
            raise ResponsesError(
                f"{source.name}: {place}: {check.column} is {value!r}, expected {check.expected}"
            )


def _list_wrong(source: Source, checks: list[RowCheck], table: str) -> list[RowCheck]:
    """Return the checks that rows of a table fail, of those whose columns it is for."""
    own = [check for check in checks if (check.column in COUNTED) == (table == "source")]
    counted = ", ".join(f"count(*) FILTER (WHERE {check.wrong})" for check in own)
    counts = source.fetch_row(f"SELECT {counted} FROM {table}")
    return [check for check, count in zip(own, counts, strict=True) if count]


def _iterate_checks() -> Iterator[RowCheck]:
    no_truth = " AND ".join(f"{column} = ''" for column in TRUTH_COLUMNS)
    for column, allowed in ALLOWED_VALUES.items():
        wrong = f"{column} NOT IN {_quote(allowed)}"
        if column == "question":
            wrong += f" AND NOT ({no_truth})"
        yield RowCheck(column, wrong, " or ".join(allowed))
    for column in REQUIRED_COLUMNS:
        yield RowCheck(column, f"{column} = ''", "a value")
    for column in ("method", "task"):
        pattern, expected = PATTERNS[column]
        yield RowCheck(column, f"NOT regexp_full_match({column}, '{pattern}')", expected)
    for column, required in (("position", True), ("block", False), ("repeat_of", False)):
        wrong = f"NOT coalesce({column} BETWEEN 0 AND {MAX_COUNT}, {not required})"
        yield RowCheck(column, wrong, PATTERNS[column][1])
    yield RowCheck(
        "candidates", "NOT coalesce(candidates BETWEEN 1 AND 9, FALSE)", PATTERNS["candidates"][1]
    )
    for column in NUMBERS:
        wrong = f"NOT coalesce(isfinite({column}) AND {column} >= 0, TRUE)"
        yield RowCheck(column, wrong, PATTERNS[column][1])
    flags = "|".join(FLAGS)
    yield RowCheck(
        "flags",
        f"NOT regexp_full_match(flags, '(({flags})( ({flags}))*)?')",
        f"only {', '.join(FLAGS)}, separated by spaces",
    )
    for column in ("truth", "answer"):
        for rows, known in ((f"NOT {SINGLE}", PAIR_ANSWERS), (SINGLE, SINGLE_ANSWERS)):
            wrong = f"{rows} AND {HAS_TRUTH} AND {column} NOT IN {_quote((*known, ''))}"
            yield RowCheck(column, wrong, " or ".join(known))
    yield from _iterate_image_checks()


def _iterate_image_checks() -> Iterator[RowCheck]:
    for column in ("image", "method"):
        yield RowCheck(column, f"{HAS_TRUTH} AND {column} = ''", "a value")
    single, pair = f"{SINGLE} AND {HAS_TRUTH}", f"NOT {SINGLE} AND {HAS_TRUTH}"
    real = f"method = '{REAL_METHOD}'"
    yield RowCheck("method", f"{pair} AND {real}", "the method that made the pair's fake")
    yield RowCheck("real_image", f"{single} AND real_image <> ''", "empty for a single image")
    yield RowCheck("real_image", f"{pair} AND real_image = ''", "the pair's photograph")
    for rows, truth, label in ((real, "real", "real"), (f"NOT {real}", "fake", "a model or foil")):
        wrong = f"{single} AND {rows} AND truth NOT IN ('{truth}', '')"
        yield RowCheck("truth", wrong, f"{truth!r} because the method is {label}")


def _locate(source: Source, wrong: str, column: str) -> tuple[str, str]:
    """Return the place of the first wrong row, and its value in a column."""
    row, value = source.fetch_row(
        f"SELECT row_number, coalesce({column}::VARCHAR, '') FROM source WHERE {wrong} "
        "ORDER BY row_number LIMIT 1"
    )
    return f"row {row}", value


def _quote(words: tuple[str, ...]) -> str:
    return f"({', '.join(repr(word) for word in words)})"
