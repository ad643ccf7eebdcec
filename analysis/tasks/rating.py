"""Estimates of ratings: the mean opinion score on each scale."""

import numpy as np

from analysis.api.comparison import compare_methods
from analysis.formatting import ReportDict
from analysis.inference.estimates import describe_estimates, estimate_mean_scores
from analysis.tasks.interim import InterimDifference, compare_methods_within_people
from analysis.tasks.judged import JudgedSample, list_differences, list_estimates

TITLE = "How are the methods rated?"
ESTIMATE_TITLES: dict[str, str] = {}


def describe(sample: JudgedSample) -> ReportDict:
    """Return `methods`, `differences`, `pairs` and `unconnected` of report.json."""
    judgments = sample.judgments
    compared = {}
    for scale in sorted(set(judgments.scale.tolist())):
        rows = judgments.scale == scale
        scores = estimate_mean_scores(
            judgments.value[rows],
            np.searchsorted(sample.methods, judgments.method[rows]).astype(np.int64),
            sample.participant[rows],
            sample.image[rows],
            sample.methods,
        )
        compared[scale] = compare_methods(scores, describe_estimates(scores))
    methods = list_estimates({scale: one.estimates for scale, one in compared.items()})
    return {
        "methods": {method: {"mean_opinion": entry} for method, entry in methods.items()},
        "differences": list_differences(
            {f"mean_opinion:{scale}": comparison for scale, comparison in compared.items()}
        ),
        "pairs": [],
        "unconnected": [],
    }


def list_interim(sample: JudgedSample) -> list[InterimDifference]:
    """Return the differences between mean scores, on each scale, that the monitor watches."""
    judgments = sample.judgments
    differences: list[InterimDifference] = []
    method = np.searchsorted(sample.methods, judgments.method).astype(np.int64)
    for scale in sorted(set(judgments.scale.tolist())):
        rows = judgments.scale == scale
        factors = sample.participant[rows], sample.image[rows]
        differences += compare_methods_within_people(
            f"mean_opinion:{scale}", judgments.value[rows], method[rows], sample.methods, factors
        )
    return differences


def is_check_passed(foil: float, photograph: float) -> bool:
    """Return whether an attention check is passed, by the total scores of foil and photograph."""
    return foil <= photograph
