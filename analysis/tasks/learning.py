"""Learning over the test: how estimates change with the position of a trial.

A slope compares the trials of the same person with each other (both the answers and the places are
centered on the person), so that people who leave early do not look like a change. Its standard
error is two-way clustered like every other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt

import numpy as np

from analysis.formatting import ReportDict
from analysis.inference.clusters import floored_variance
from analysis.inference.contrasts import MIN_VARIANCE, adjust_holm, t_test
from analysis.inference.estimates import Estimate
from analysis.inference.intervals import t_quantile
from analysis.tasks.answers import ScoredAnswers
from analysis.trials import BoolArray, Codes, Factor, FloatArray, count_clusters, sum_by_cluster

PARTS = 5
PART_NAMES = [str(part) for part in range(PARTS)]
NO_SLOPE = {"slope": None, "se": None, "ci95": None, "t": None, "df": None, "p": None}


@dataclass(frozen=True)
class Trend:
    """The answers about a method by their place in the test.

    of: the estimate. product, square (n,): of each answer, the place times the value and the place
    times itself, both centered on the participant. participant, image (n,): codes. places: number
    of places in the test. parts: the means of its fifths, by number from 0.
    """

    of: str
    method: str
    product: FloatArray
    square: FloatArray
    participant: Factor
    image: Factor
    places: int
    parts: Mapping[int, Estimate]


def list_trends(all_answers: Sequence[ScoredAnswers]) -> list[Trend]:
    """Return the trend of each method and scale."""
    return [
        _find_trend(answers, method, answers.method == code)
        for answers in all_answers
        for code, method in enumerate(answers.methods)
    ]


def describe_learning(trends: Sequence[Trend]) -> list[ReportDict]:
    """Return the `learning` of report.json: each method's slope, and its means in five parts.

    p values are adjusted over all methods and scales by Holm.
    """
    described = [
        {
            "of": trend.of,
            "method": trend.method,
            **_describe_slope(trend),
            "parts": _describe_parts(trend),
        }
        for trend in trends
    ]
    for entry, p in zip(described, adjust_holm([one["p"] for one in described]), strict=True):
        entry["p_holm"] = p
    return described


def _find_trend(answers: ScoredAnswers, method: str, chosen: BoolArray) -> Trend:
    participant, image = answers.participant[chosen], answers.image[chosen]
    place = center_on(participant, answers.order[chosen].astype(np.float64))
    value = center_on(participant, answers.value[chosen])
    places = int(answers.order.max(initial=0)) + 1
    part = answers.order * PARTS // places
    _, estimates = answers.estimate_means(part, PART_NAMES, chosen)
    means = dict(enumerate(estimates.values()))
    return Trend(answers.of, method, place * value, place**2, participant, image, places, means)


def _describe_slope(trend: Trend) -> ReportDict:
    """Return the change of the mean per trial, for new participants and new images."""
    product = float(sum_by_cluster(trend.image, trend.product).sum())
    spread = float(sum_by_cluster(trend.image, trend.square).sum())
    factors = [codes for codes in (trend.participant, trend.image) if count_clusters(codes) > 1]
    if not spread or not factors:
        return dict(NO_SLOPE)
    slope = product / spread
    variance = floored_variance((trend.product - slope * trend.square) / spread, factors)
    if variance < MIN_VARIANCE:
        return NO_SLOPE | {"slope": slope}
    df = min(map(count_clusters, factors)) - 1
    test, half = t_test(slope, sqrt(variance), df), t_quantile(df) * sqrt(variance)
    interval = slope - half, slope + half
    return {"slope": slope, "se": sqrt(variance), "ci95": interval, **asdict(test)}


def center_on(codes: Codes, values: FloatArray) -> FloatArray:
    """Return the values (n,) minus the mean of their cluster. codes (n,): the clusters."""
    counts = np.bincount(codes)
    means = np.bincount(codes, weights=values) / np.maximum(counts, 1)
    centered: FloatArray = values - means[codes]
    return centered


def _describe_parts(trend: Trend) -> list[ReportDict]:
    """Return the mean in each fifth of the test. first, last: places of trials, from 1."""
    return [
        {
            "first": -(-one * trend.places // PARTS) + 1,
            "last": -(-(one + 1) * trend.places // PARTS),
            "value": estimate.value,
            "ci95": estimate.ci95,
            "trials": estimate.trials,
        }
        for one, estimate in trend.parts.items()
        if estimate.trials
    ]
