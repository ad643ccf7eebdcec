"""Learning over the test: how estimates change with the place of a trial.

A slope compares the trials of the same person with each other (both the answers and the places are
centered on the person), so that people who leave early do not look like a change. Its standard
error is two-way clustered like every other.
"""

from collections.abc import Sequence
from dataclasses import asdict
from math import sqrt

import numpy as np

from analysis.formatting import ReportDict
from analysis.inference.clusters import floored_variance
from analysis.inference.contrasts import MIN_VARIANCE, adjust_holm, t_test
from analysis.inference.intervals import t_quantile
from analysis.tasks.answers import ScoredAnswers
from analysis.trials import BoolArray, Codes, FloatArray, count_clusters

PARTS = 5
NO_SLOPE = {"slope": None, "se": None, "ci95": None, "t": None, "df": None, "p": None}


def describe_learning(all_answers: Sequence[ScoredAnswers]) -> list[ReportDict]:
    """Return the `learning` of report.json: each method's slope, and its means in five parts.

    p values are adjusted over all methods and scales by Holm.
    """
    described = [
        {
            "of": answers.of,
            "method": method,
            **_describe_slope(answers, answers.method == code),
            "parts": _describe_parts(answers, answers.method == code),
        }
        for answers in all_answers
        for code, method in enumerate(answers.methods)
    ]
    for entry, p in zip(described, adjust_holm([one["p"] for one in described]), strict=True):
        entry["p_holm"] = p
    return described


def _describe_slope(answers: ScoredAnswers, chosen: BoolArray) -> ReportDict:
    """Return the change of the mean per trial, for new participants and new images."""
    participant, image = answers.participant[chosen], answers.image[chosen]
    place = center_on(participant, answers.order[chosen].astype(np.float64))
    value = center_on(participant, answers.value[chosen])
    spread = float(place @ place)
    factors = [codes for codes in (participant, image) if count_clusters(codes) > 1]
    if not spread or not factors:
        return dict(NO_SLOPE)
    slope = float(place @ value) / spread
    variance = floored_variance(place * (value - slope * place) / spread, factors)
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


def _describe_parts(answers: ScoredAnswers, chosen: BoolArray) -> list[ReportDict]:
    """Return the mean in each fifth of the test. first, last: places of trials, from 1."""
    trials = int(answers.order.max(initial=0)) + 1
    part = answers.order * PARTS // trials
    _, estimates = answers.estimate_means(part, [str(one) for one in range(PARTS)], chosen)
    return [
        {
            "first": -(-one * trials // PARTS) + 1,
            "last": -(-(one + 1) * trials // PARTS),
            "value": estimate.value,
            "ci95": estimate.ci95,
            "trials": estimate.trials,
        }
        for one, estimate in enumerate(estimates.values())
        if estimate.trials
    ]
