"""The report's numbers as CSV: a row for each method, pair, image, participant, rule."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.csv_cells import render_csv
from analysis.findings.report_data import MethodFunnel
from analysis.formatting import ReportPart


def render_rates_csv(methods: Mapping[str, ReportPart]) -> bytes:
    """Render rates.csv from the report's methods, at full precision."""
    rows = [{"method": method, **flatten(rate)} for method, rate in methods.items()]
    return render_csv(rows, ["method"])


def render_differences_csv(differences: Sequence[ReportPart]) -> bytes:
    """Render differences.csv at full precision; results without single rules are only in JSON."""
    rows = [
        {key: value for key, value in difference.items() if key != "without_a_rule"}
        for difference in differences
    ]
    return render_csv([flatten(row) for row in rows], ["a", "b"])


def render_images_csv(images: Sequence[ReportPart]) -> bytes:
    """Render images.csv from the report's images."""
    return render_csv([flatten(image) for image in images], ["image", "method"])


def render_exclusions_csv(report: ReportPart) -> bytes:
    """Render exclusions.csv: the rates under all rules, without each rule, and under none."""
    unfiltered_rates = {
        method: {"rate": rate["rate_without_exclusions"], "ci95": rate["ci95_without_exclusions"]}
        for method, rate in report["methods"].items()
    }
    without = report["exclusions"]["leave_one_rule_out"]
    rows = [
        flatten({"left_out_rule": rule, "method": method, **_rate_and_interval(rate)})
        for rule, rates in {"": report["methods"], **without, "all": unfiltered_rates}.items()
        for method, rate in rates.items()
    ]
    return render_csv(rows, ["left_out_rule", "method"])


def render_participants_csv(report: ReportPart, funnels: Mapping[str, MethodFunnel]) -> bytes:
    """Render participants.csv: exclusions, and the trials and rate of each method."""
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
    return render_csv(rows, ["participant"])


def _rate_and_interval(rate: ReportPart) -> ReportPart:
    return {key: rate[key] for key in ("rate", "ci95")}


def flatten(entry: ReportPart) -> dict[str, Any]:
    """Flatten an entry into columns: intervals as low and high, nested values as name_key.

    Lists are omitted, except for flags.
    """
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        if "ci9" in key:
            flat[f"{key}_low"], flat[f"{key}_high"] = value or (None, None)
        elif isinstance(value, tuple) and key != "flags":  # one value per method
            flat[f"{key}_a"], flat[f"{key}_b"] = value
        elif key == "flags":
            flat[key] = " ".join(value)
        elif isinstance(value, Mapping):
            flat |= {f"{key}_{inner}": number for inner, number in flatten(value).items()}
        elif not isinstance(value, list):
            flat[key] = value
    return flat
