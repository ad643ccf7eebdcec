"""Write CSV cells that no spreadsheet runs as formulas."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Where a spreadsheet would begin a formula: at the start of a text, or where its dialect separates
# cells in the middle of one.
FORMULA_START = re.compile(r"\A(?=[ ']*[=+\-@\t\r])|(?<=[;\t\r\n])(?=[ \"']*[=+\-@])")


def render_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Render rows as CSV; values that a row lacks are empty.

    columns: the first columns, present even without rows.
    """
    header = dict.fromkeys([*columns, *(column for row in rows for column in row)])
    lines = [",".join(_quote(column) for column in header)]
    lines += [",".join(_format_cell(row.get(column)) for column in header) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode()


def _format_cell(value: object) -> str:
    """Format numbers as they are, and texts in quotes, without formulas that spreadsheets run."""
    if value is None or value == "":
        return ""
    return _quote(FORMULA_START.sub("'", value)) if isinstance(value, str) else str(value)


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
