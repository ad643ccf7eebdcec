"""Estimates of ratings: the mean opinion score on each scale."""

import numpy as np

from analysis.formatting import ReportDict
from analysis.inference.estimates import (
    compare_estimates,
    describe_estimates,
    estimate_mean_scores,
)
from analysis.tasks.judged import JudgedSample, list_differences, list_estimates

TITLE = "How are the methods rated?"
ESTIMATE_TITLES: dict[str, str] = {}


def describe(sample: JudgedSample) -> ReportDict:
    """Return `methods`, `differences`, `pairs` and `unconnected` of report.json."""
    judgments = sample.judgments
    described, differences = {}, []
    for scale in sorted(set(judgments.scale.tolist())):
        rows = judgments.scale == scale
        scores = estimate_mean_scores(
            judgments.value[rows],
            np.searchsorted(sample.methods, judgments.method[rows]).astype(np.int64),
            sample.participant[rows],
            sample.image[rows],
            sample.methods,
        )
        described[scale] = describe_estimates(scores)
        differences += list_differences(f"mean_opinion:{scale}", compare_estimates(scores))
    methods = list_estimates(described)
    return {
        "methods": {method: {"mean_opinion": entry} for method, entry in methods.items()},
        "differences": differences,
        "pairs": [],
        "unconnected": [],
    }


def is_check_passed(foil: float, photograph: float) -> bool:
    """Return whether an attention check is passed, by the total scores of foil and photograph."""
    return foil <= photograph
