"""Responses -> the numbers of a report, as plain data (report.json in docs/formats.md)."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from analysis.comparisons import against_chance, against_published, compare_methods, holm
from analysis.exclusions import Counted, count_trials
from analysis.fooling import Rate, fooling_rates
from analysis.published import Published
from analysis.responses import Responses, choose_mode, choose_study

SCHEMA = "hue-and-eye/report/1"


def assemble_report(
    responses: Responses,
    published: Sequence[Published],
    study: str | None = None,
    mode: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything report.json says. The same responses and arguments give an equal report.

    study, mode: which rows; None as in `choose_study` and `choose_mode`. seed: kept in the report
    for whatever draws by chance. Raises ResponsesError where there is nothing to report on.
    """
    recorded = choose_study(responses, study)
    taken = choose_mode(recorded, mode)
    counted = count_trials(responses, taken)
    rates = fooling_rates(counted.trials, counted.methods)
    return {
        "schema": SCHEMA,
        "input": _describe_input(taken),
        "design": _describe_design(taken),
        "exclusions": _describe_exclusions(counted),
        "methods": _describe_methods(counted, rates, published),
        "differences": _describe_differences(counted, rates),
        "software": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("hue-and-eye", "numpy", "scipy")},
        },
        "seed": seed,
    }


def _describe_input(taken: Responses) -> dict[str, Any]:
    return {
        "sha256": taken.sha256,
        "study": str(taken["study"][0]),
        "rows": len(taken),
        "participants": len(np.unique(taken["participant"])),
        "images": len(np.unique(taken["image"])),
        "mode": str(taken["mode"][0]),
    }


def _describe_design(taken: Responses) -> dict[str, Any]:
    """The hash that the rows carry; whether it is the right one, only the design itself tells."""
    found = [digest for digest in np.unique(taken["design_sha256"]).tolist() if digest]
    return {"sha256": found[0] if len(found) == 1 else None, "verdict": "unknown", "deviations": []}


def _describe_exclusions(counted: Counted) -> dict[str, Any]:
    return {
        "rules": asdict(counted.rules),
        "not_applicable": [
            {"rule": rule, "reason": reason} for rule, reason in counted.not_applicable.items()
        ],
        "flow": [asdict(step) for step in counted.flow],
        "participants": [
            {"participant": person, "excluded": bool(reasons), "reasons": list(reasons)}
            for person, reasons in counted.reasons().items()
        ],
        "by_reason": counted.by_reason(),
        "only_reason": counted.only_reason(),
        "co_occurrence": counted.co_occurrence(),
        "leave_one_rule_out": {
            rule: {
                method: {"rate": rate.rate, "ci95": rate.ci95, "trials": rate.trials}
                for method, rate in fooling_rates(trials, counted.methods).items()
            }
            for rule, trials in counted.leave_one_rule_out()
        },
    }


def _describe_methods(
    counted: Counted, rates: dict[str, Rate], published: Sequence[Published]
) -> dict[str, Any]:
    everybody = fooling_rates(counted.everybody, counted.methods)
    chance = {method: against_chance(rate) for method, rate in rates.items()}
    adjusted = holm([test.p for test in chance.values()])
    return {
        method: {
            **asdict(rate),
            "rate_without_exclusions": everybody[method].rate,
            "ci95_without_exclusions": everybody[method].ci95,
            "vs_chance": {**asdict(chance[method]), "p_holm": p_holm},
            "vs_published": _describe_published(method, rate, published),
        }
        for (method, rate), p_holm in zip(rates.items(), adjusted, strict=True)
    }


def _describe_published(
    method: str, rate: Rate, published: Sequence[Published]
) -> list[dict[str, Any]]:
    return [
        {
            "label": other.label,
            "source": f"{other.source}: {other.method}",
            "checked": other.checked,
            "rate": other.rate,
            "se": other.se,
            "se_assumed": other.se_assumed,
            "difference": None if rate.rate is None else rate.rate - other.rate,
            **asdict(against_published(rate, other.rate, other.se)),
        }
        for other in published
        if method in other.compare_with
    ]


def _describe_differences(counted: Counted, rates: dict[str, Rate]) -> list[dict[str, Any]]:
    differences = compare_methods(counted.trials, rates)
    adjusted = holm([difference.p for difference in differences])
    return [
        {**asdict(difference), "p_holm": p_holm}
        for difference, p_holm in zip(differences, adjusted, strict=True)
    ]
