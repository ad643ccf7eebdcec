"""The report's numbers as CSV: a row for each method, pair, image, participant, rule."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.report_data import People

Entry = Mapping[str, Any]


def write_rates(methods: Mapping[str, Entry]) -> bytes:
    """rates.csv from the report's methods; each number in full."""
    rows = [{"method": method, **_flatten(rate)} for method, rate in methods.items()]
    return _write(rows, ["method"])


def write_differences(differences: Sequence[Entry]) -> bytes:
    """differences.csv from the report's differences, in full; single rules stand in the JSON."""
    rows = [
        {key: value for key, value in difference.items() if key != "without_a_rule"}
        for difference in differences
    ]
    return _write([_flatten(row) for row in rows], ["a", "b"])


def write_images(images: Sequence[Entry]) -> bytes:
    """images.csv from the report's images."""
    return _write([_flatten(image) for image in images], ["image", "method"])


def write_exclusions(report: Entry) -> bytes:
    """exclusions.csv: what every method's rate is by all rules, without each, and by none."""
    everybody = {
        method: {"rate": rate["rate_without_exclusions"], "ci95": rate["ci95_without_exclusions"]}
        for method, rate in report["methods"].items()
    }
    without = report["exclusions"]["leave_one_rule_out"]
    rows = [
        _flatten({"left_out_rule": rule, "method": method, **_pick(rate)})
        for rule, rates in {"": report["methods"], **without, "all": everybody}.items()
        for method, rate in rates.items()
    ]
    return _write(rows, ["left_out_rule", "method"])


def write_participants(report: Entry, people: Mapping[str, People]) -> bytes:
    """participants.csv: who counts or why not, and each one's trials and rate with every method."""
    entries = report["exclusions"]["participants"]
    rows: list[dict[str, Any]] = [
        {
            "participant": entry["participant"],
            "excluded": entry["excluded"],
            "reasons": " ".join(entry["reasons"]),
            "flagged": entry["flagged"],
            **{f"{method}_{key}": None for method in people for key in ("trials", "rate")},
        }
        for entry in entries
    ]
    for method, found in people.items():
        funnel = found.funnel
        for code, trials, rate in zip(
            funnel.participant.tolist(), funnel.trials.tolist(), funnel.rate.tolist(), strict=True
        ):
            rows[code] |= {f"{method}_trials": trials, f"{method}_rate": rate}
    return _write(rows, ["participant"])


def _pick(rate: Entry) -> Entry:
    return {key: rate[key] for key in ("rate", "ci95")}


def _flatten(entry: Entry) -> dict[str, Any]:
    """Intervals as two columns, a test's values under its name; lists other than flags stay out."""
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        if "ci9" in key:
            flat[f"{key}_low"], flat[f"{key}_high"] = value or (None, None)
        elif isinstance(value, tuple) and key != "flags":  # of the two methods
            flat[f"{key}_a"], flat[f"{key}_b"] = value
        elif key == "flags":
            flat[key] = " ".join(value)
        elif isinstance(value, Mapping):
            flat |= {f"{key}_{inner}": number for inner, number in _flatten(value).items()}
        elif not isinstance(value, list):
            flat[key] = value
    return flat


def _write(rows: Sequence[Entry], columns: list[str]) -> bytes:
    """columns: the first ones, there even without a row; what a row does not have stays empty."""
    header = dict.fromkeys([*columns, *(column for row in rows for column in row)])
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, list(header), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode()
