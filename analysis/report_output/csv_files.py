"""The report's numbers as CSV: a row for each method, pair, image, participant, rule."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.formatting import ReportPart
from analysis.report_data import MethodFunnel


def render_rates_csv(methods: Mapping[str, ReportPart]) -> bytes:
    """rates.csv from the report's methods; each number in full."""
    rows = [{"method": method, **_flatten(rate)} for method, rate in methods.items()]
    return _render_csv(rows, ["method"])


def render_differences_csv(differences: Sequence[ReportPart]) -> bytes:
    """differences.csv from the report's differences, in full; single rules stand in the JSON."""
    rows = [
        {key: value for key, value in difference.items() if key != "without_a_rule"}
        for difference in differences
    ]
    return _render_csv([_flatten(row) for row in rows], ["a", "b"])


def render_images_csv(images: Sequence[ReportPart]) -> bytes:
    """images.csv from the report's images."""
    return _render_csv([_flatten(image) for image in images], ["image", "method"])


def render_exclusions_csv(report: ReportPart) -> bytes:
    """exclusions.csv: what every method's rate is by all rules, without each, and by none."""
    unfiltered_rates = {
        method: {"rate": rate["rate_without_exclusions"], "ci95": rate["ci95_without_exclusions"]}
        for method, rate in report["methods"].items()
    }
    without = report["exclusions"]["leave_one_rule_out"]
    rows = [
        _flatten({"left_out_rule": rule, "method": method, **_rate_and_interval(rate)})
        for rule, rates in {"": report["methods"], **without, "all": unfiltered_rates}.items()
        for method, rate in rates.items()
    ]
    return _render_csv(rows, ["left_out_rule", "method"])


def render_participants_csv(report: ReportPart, funnels: Mapping[str, MethodFunnel]) -> bytes:
    """participants.csv: who counts or why not, and each one's trials and rate with every method."""
    entries = report["exclusions"]["participants"]
    rows: list[dict[str, Any]] = [
        {
            "participant": entry["participant"],
            "excluded": entry["excluded"],
            "reasons": " ".join(entry["reasons"]),
            "flagged": entry["flagged"],
            **{f"{method}_{key}": None for method in funnels for key in ("trials", "rate")},
        }
        for entry in entries
    ]
    for method, method_funnel in funnels.items():
        funnel = method_funnel.funnel
        for code, trials, rate in zip(
            funnel.participant.tolist(), funnel.trials.tolist(), funnel.rate.tolist(), strict=True
        ):
            rows[code] |= {f"{method}_trials": trials, f"{method}_rate": rate}
    return _render_csv(rows, ["participant"])


def _rate_and_interval(rate: ReportPart) -> ReportPart:
    return {key: rate[key] for key in ("rate", "ci95")}


def _flatten(entry: ReportPart) -> dict[str, Any]:
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


def _render_csv(rows: Sequence[ReportPart], columns: list[str]) -> bytes:
    """columns: the first ones, there even without a row; what a row does not have stays empty."""
    header = dict.fromkeys([*columns, *(column for row in rows for column in row)])
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, list(header), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode()
