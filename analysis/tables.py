"""The report's tables as CSV: one row a method, one row a pair of methods."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]


def write_rates(methods: Mapping[str, Entry]) -> bytes:
    """rates.csv from the report's methods; each number in full."""
    rows = [{"method": method, **_flatten(rate)} for method, rate in methods.items()]
    return _write(rows, ["method"])


def write_differences(differences: Sequence[Entry]) -> bytes:
    """differences.csv from the report's differences; each number in full."""
    return _write([_flatten(difference) for difference in differences], ["a", "b"])


def _flatten(entry: Entry) -> dict[str, Any]:
    """Intervals as two columns, a test's values under its name; lists other than flags stay out."""
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        if key.startswith("ci95"):
            flat[f"{key}_low"], flat[f"{key}_high"] = value or (None, None)
        elif key == "flags":
            flat[key] = " ".join(value)
        elif isinstance(value, Mapping):
            flat |= {f"{key}_{inner}": number for inner, number in value.items()}
        elif not isinstance(value, list):
            flat[key] = value
    return flat


def _write(rows: Sequence[Entry], columns: list[str]) -> bytes:
    """columns: the header where there is no row to tell it."""
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, list(rows[0]) if rows else columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode()
