"""Estimates of ratings: the mean opinion on each scale."""

from dataclasses import asdict

from analysis.formatting import ReportDict
from analysis.tasks.judged import JudgedSample
from analysis.tasks.means import compare_means, estimate_mean

TITLE = "How are the methods rated?"
ESTIMATE_TITLES: dict[str, str] = {}


def describe(sample: JudgedSample) -> ReportDict:
    """Return `methods`, `differences` and `pairs` of report.json."""
    judgments = sample.judgments
    scales = sorted(set(judgments.scale.tolist()))
    methods: ReportDict = {method: {"mean_opinion": {}} for method in sample.methods}
    differences = []
    for scale in scales:
        on_scale = judgments.scale == scale
        for method in sample.methods:
            own = on_scale & (judgments.method == method)
            estimate = estimate_mean(
                judgments.value[own], sample.participant[own], sample.image[own]
            )
            methods[method]["mean_opinion"][scale] = asdict(estimate)
        differences += compare_means(
            f"mean_opinion:{scale}",
            judgments.value[on_scale],
            judgments.method[on_scale].tolist(),
            sample.participant[on_scale],
            sample.image[on_scale],
        )
    return {"methods": methods, "differences": [asdict(one) for one in differences], "pairs": []}


def is_check_passed(foil: float, photograph: float) -> bool:
    """Return whether an attention check is passed, by the total scores of foil and photograph."""
    return foil <= photograph
