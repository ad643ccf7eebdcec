"""Find the distinct combinations of the columns with few values, so that rows are read once."""

from analysis.inputs.row_checks import ALLOWED_VALUES
from analysis.large.connection import NUMBERS, WHOLE_NUMBERS, Source

WITH_FEW_VALUES = (
    "study",
    *ALLOWED_VALUES,
    "candidates",
    "task",
    "method",
    "truth",
    "answer",
    "flags",
    "design_sha256",
)
WITH_MANY_VALUES = ("participant", "image", "real_image")  # only whether they are empty
COUNTED = tuple(name for name in (*WHOLE_NUMBERS, *NUMBERS) if name not in WITH_FEW_VALUES)


def build_combinations(source: Source) -> None:
    """Build the table of combinations: `n` rows each, `is_same` if both images are.

    Where a column of many values is not empty, it is an asterisk.
    """
    few = ", ".join(WITH_FEW_VALUES)
    many = ", ".join(f"if({name} = '', '', '*') AS {name}" for name in WITH_MANY_VALUES)
    source.run(
        f"CREATE TEMP TABLE combination AS SELECT {few}, {many}, image = real_image AS is_same, "
        "count(*) AS n FROM source GROUP BY ALL"
    )


def select_combinations(source: Source, rows: str) -> None:
    """Build the view `selected_combination` of the rows that meet a condition in SQL."""
    source.run(f"CREATE TEMP VIEW selected_combination AS SELECT * FROM combination WHERE {rows}")


def list_values(source: Source, column: str, rows: str = "TRUE") -> list[str]:
    """Return the values of a column of few values, in alphabetical order."""
    return source.fetch_words(
        f"SELECT DISTINCT {column} FROM combination WHERE {rows} ORDER BY {column}"
    )


def count_values(source: Source, column: str, rows: str) -> dict[str, int]:
    """Return the number of selected rows with each value of a column, in alphabetical order."""
    found = source.connection.execute(
        f"SELECT {column}::VARCHAR, sum(n)::BIGINT FROM selected_combination WHERE {rows} "
        f"GROUP BY {column}"
    ).fetchall()
    return dict(sorted(found))
