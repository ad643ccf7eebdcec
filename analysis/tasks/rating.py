"""Estimates of ratings: mean opinion scores, differences from the original, raters, and images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from analysis.api.comparison import MethodComparison, compare_methods
from analysis.formatting import ReportDict
from analysis.inference.estimates import Estimate, EstimateDifference, describe_estimates
from analysis.inference.intervals import Interval
from analysis.inference.joint_estimates import JointEstimates, estimate_mean_scores
from analysis.inference.judged.image_scores import ImageScores, rank_images_by_score
from analysis.inference.judged.raters import describe_raters
from analysis.inputs.responses import ResponsesError
from analysis.tasks.interim import InterimDifference, compare_methods_within_people
from analysis.tasks.judged import (
    REAL_METHOD,
    JudgedSample,
    TieModel,
    describe_images,
    list_differences,
    list_estimates,
)
from analysis.trials import BoolArray

LABEL = "Rating"
TITLE = "How are the methods rated?"
ANSWER = "rated one image"
STRENGTHS = ""
ESTIMATE_TITLES = {
    "mean_opinion": "Mean opinion score",
    "dmos": "Difference of the mean opinion score from that of the original (DMOS)",
}
MAX_GRADES = 11  # a scale with more different scores is a slider, described by its quantiles
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def describe(sample: JudgedSample, ties: TieModel) -> ReportDict:
    """Return the estimates of report.json.

    Raises ResponsesError if Davidson's model is asked for, because ratings have no ties.
    """
    if ties == "davidson":
        raise ResponsesError("--ties davidson is for the task preference; leave it out")
    methods: dict[str, ReportDict] = {method: {} for method in sample.methods}
    compared: dict[str, MethodComparison] = {}
    images: dict[tuple[str, str | None], ImageScores] = {}
    raters: list[ReportDict] = []
    for scale in sorted(set(sample.judgments.scale.tolist())):
        part = _select_scale(sample, scale)
        scores, ends = _estimate_scores(part), sample.scale_ends.get(scale)
        comparison = compare_methods(scores, describe_estimates(scores, ends))
        compared[f"mean_opinion:{scale}"] = comparison
        described = {
            "mean_opinion": comparison.estimates,
            "dmos": _describe_differences_from_original(part, comparison.differences),
        }
        for method, entry in list_estimates(described).items():
            for name, estimate in entry.items():
                methods[method].setdefault(name, {})[scale] = estimate
        for method, spread in _describe_scores(part).items():
            methods[method].setdefault("scores", {})[scale] = spread
        images |= {(method, scale): ranking for method, ranking in _rank_images(part, ends)}
        raters += _list_raters(part, scale)
    return {
        "methods": methods,
        "differences": list_differences(compared),
        "raters": raters,
        **describe_images(images),
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


def _select_scale(sample: JudgedSample, scale: str) -> JudgedSample:
    rows: BoolArray = sample.judgments.scale == scale
    return replace(
        sample,
        judgments=sample.judgments.select(rows),
        participant=sample.participant[rows],
        image=sample.image[rows],
    )


def _estimate_scores(part: JudgedSample) -> JointEstimates:
    return estimate_mean_scores(
        part.judgments.value,
        np.searchsorted(part.methods, part.judgments.method).astype(np.int64),
        part.participant,
        part.image,
        part.methods,
    )


def _describe_differences_from_original(
    part: JudgedSample, differences: Sequence[EstimateDifference]
) -> dict[str, Estimate]:
    """Return method - original, the differential mean opinion score; empty without an original."""
    described = {}
    for one in differences:
        if REAL_METHOD not in (one.a, one.b):
            continue
        method, sign = (one.a, 1) if one.b == REAL_METHOD else (one.b, -1)
        rows = part.judgments.method == method
        described[method] = Estimate(
            value=sign * one.difference,
            se=one.se,
            ci95=_orient(one.ci95, sign),
            ci95_fixed_images=_orient(one.ci95_fixed_images, sign),
            df=one.df,
            participants=len(np.unique(part.participant[rows])),
            images=len(np.unique(part.image[rows])),
            trials=int(rows.sum()),
            flags=one.flags,
        )
    return described


def _orient(interval: tuple[float, float] | None, sign: int) -> tuple[float, float] | None:
    if interval is None or sign > 0:
        return interval
    return -interval[1], -interval[0]


def _describe_scores(part: JudgedSample) -> Mapping[str, ReportDict]:
    """Return how often each grade was given to each method, and quantiles where there are many."""
    grades = np.unique(part.judgments.value)
    described = {}
    for method in part.methods:
        scores = part.judgments.value[part.judgments.method == method]
        if not len(scores):
            continue
        counts = {f"{grade:g}": int((scores == grade).sum()) for grade in grades}
        described[method] = {
            "grades": counts if len(grades) <= MAX_GRADES else None,
            "quantiles": np.quantile(scores, QUANTILES).tolist(),
        }
    return described


def _rank_images(part: JudgedSample, ends: Interval | None) -> Iterator[tuple[str, ImageScores]]:
    """Yield each rated method with its images, the best rated first."""
    for method in part.methods:
        rows = part.judgments.method == method
        if rows.any():
            scores, images = part.judgments.value[rows], part.image[rows]
            yield method, rank_images_by_score(scores, images, part.image_names, ends)


def _list_raters(part: JudgedSample, scale: str) -> Iterator[ReportDict]:
    """Yield the bias and the inconsistency of each participant with enough ratings."""
    _, stimulus = np.unique(
        np.stack([part.image, np.searchsorted(part.methods, part.judgments.method)]),
        axis=1,
        return_inverse=True,
    )
    raters = describe_raters(part.judgments.value, part.participant, stimulus.ravel())
    for code, ratings, bias, inconsistency in zip(
        raters.participant.tolist(),
        raters.ratings.tolist(),
        raters.bias.tolist(),
        raters.inconsistency.tolist(),
        strict=True,
    ):
        yield {
            "participant": part.participant_names[code],
            "scale": scale,
            "ratings": ratings,
            "bias": bias,
            "inconsistency": inconsistency,
        }


def is_check_passed(foil: float, photograph: float) -> bool:
    """Return whether an attention check is passed, by the total scores of foil and photograph."""
    return foil <= photograph
