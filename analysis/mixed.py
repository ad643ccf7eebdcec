"""Rates by the crossed logistic mixed model: a sensitivity analysis beside the default ones.

The rate of new people and new images integrates the random effects out; it is not the rate of an
average person at an average image, which the intercept gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf, pi, sqrt

import numpy as np
from scipy import special  # type: ignore[import-untyped]  # scipy ships no types

from analysis.clusters import count_clusters
from analysis.fooling import Trials
from analysis.intervals import Interval, t_quantile, two_sided_p
from analysis.laplace import Fit, fit_crossed

MOST_TRIALS = 20_000  # more take longer than people like to wait
LOGISTIC_VARIANCE = pi**2 / 3
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)


@dataclass(frozen=True)
class Mixed:
    """One method's model; None where the data allow none, and a flag says why.

    beta, se, sd_participant, sd_image: log odds. marginal_rate: of new people and new images, with
    ci95 by the delta method on the log odds, t. icc: share of the latent variance. flags:
    `too_many_trials`, `no_trials`, `one_participant`, `one_image`, `one_trial_each_participant`,
    `one_trial_each_image`, `rate_at_bound`, and those of `Fit`.
    """

    beta: float | None = None
    se: float | None = None
    marginal_rate: float | None = None
    ci95: Interval | None = None
    sd_participant: float | None = None
    sd_image: float | None = None
    icc_participant: float | None = None
    icc_image: float | None = None
    deviance: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contrast:
    """beta(a) - beta(b): a log odds ratio, with Wald's z."""

    a: str
    b: str
    log_odds_ratio: float
    se: float
    z: float
    p: float


@dataclass(frozen=True)
class JointMixed:
    """All methods in one model with common random intercepts; empty where a flag says why.

    methods: each one's beta and rate, with the SDs and the deviance of the whole. chi2, df, p: the
    likelihood ratio test of equal methods. It and the contrasts reject too often where images
    react differently to methods. flags: as in `Mixed`, and `one_method`.
    """

    methods: dict[str, Mixed]
    contrasts: tuple[Contrast, ...] = ()
    chi2: float | None = None
    df: int | None = None
    p: float | None = None
    flags: tuple[str, ...] = ()


def mixed_rates(
    trials: Trials, methods: Sequence[str], most_trials: float = MOST_TRIALS
) -> dict[str, Mixed]:
    """A model of every method alone; none where the methods together have more trials."""
    if len(trials.fooled) > most_trials:
        return {method: Mixed(flags=("too_many_trials",)) for method in methods}
    return {method: _fit_one(trials.of(method)) for method in methods}


def joint_model(
    trials: Trials, methods: Sequence[str], most_trials: float = MOST_TRIALS
) -> JointMixed:
    """One model of all the methods that have trials."""
    tried = [method for method in sorted(methods) if (trials.method == method).any()]
    trials = trials.only(np.isin(trials.method, tried))
    obstacles = _joint_obstacles(trials, tried, most_trials)
    if obstacles:
        return JointMixed({}, flags=obstacles)
    group = np.searchsorted(tried, trials.method)
    fit, equal = (
        fit_crossed(trials.fooled, codes, trials.participant, trials.image)
        for codes in (group, np.zeros_like(group))
    )
    if fit.covariance is None or equal.covariance is None:
        return JointMixed({}, flags=fit.flags or equal.flags)
    df, people_and_images = len(tried) - 1, _smaller(trials)
    chi2 = max(equal.deviance - fit.deviance, 0.0)
    return JointMixed(
        {method: _describe(fit, index, people_and_images) for index, method in enumerate(tried)},
        tuple(_contrast(fit, tried, a, b) for a, b in combinations(range(len(tried)), 2)),
        *(chi2, df, float(special.chdtrc(df, chi2)), fit.flags),
    )


def _fit_one(trials: Trials) -> Mixed:
    obstacles = _obstacles(trials)
    if obstacles:
        return Mixed(flags=obstacles)
    alone = np.zeros(len(trials.fooled), dtype=np.int64)
    fit = fit_crossed(trials.fooled, alone, trials.participant, trials.image)
    return _describe(fit, 0, _smaller(trials))


def _obstacles(trials: Trials) -> tuple[str, ...]:
    """Why neither variance, or only one of them, can be told from that of single answers."""
    n, fooled = len(trials.fooled), int(trials.fooled.sum())
    if n == 0:
        return ("no_trials",)
    people, images = count_clusters(trials.participant), count_clusters(trials.image)
    raised = {
        "one_participant": people == 1,
        "one_image": images == 1,
        "one_trial_each_participant": people == n,
        "one_trial_each_image": images == n,
        "rate_at_bound": fooled in (0, n),
    }
    return tuple(flag for flag, is_raised in raised.items() if is_raised)


def _joint_obstacles(trials: Trials, tried: list[str], most_trials: float) -> tuple[str, ...]:
    if len(trials.fooled) > most_trials:
        return ("too_many_trials",)
    if len(tried) < 2:
        return ("one_method",)
    rates = [trials.fooled[trials.method == method].mean() for method in tried]
    return ("rate_at_bound",) if min(rates) == 0 or max(rates) == 1 else _obstacles(trials)


def _smaller(trials: Trials) -> int:
    return min(count_clusters(trials.participant), count_clusters(trials.image))


def _describe(fit: Fit, index: int, clusters: int) -> Mixed:
    """What the model says of the method at this index. clusters: people or images, the fewer."""
    if fit.covariance is None:
        return Mixed(flags=fit.flags)
    beta, sd = float(fit.beta[index]), sqrt(fit.sds @ fit.sds)
    rate, by_beta, by_sd = _integrate(beta, sd)
    slopes = np.zeros(len(fit.covariance))
    slopes[index] = by_beta
    slopes[-2:] = by_sd * fit.sds / (sd or 1.0)
    se = sqrt(slopes @ fit.covariance @ slopes) / (rate * (1 - rate))
    half, middle = t_quantile(clusters - 1) * se, special.logit(rate)
    sd_participant, sd_image = fit.sds.tolist()
    return Mixed(
        beta=beta,
        se=sqrt(fit.covariance[index, index]),
        marginal_rate=rate,
        ci95=(float(special.expit(middle - half)), float(special.expit(middle + half))),
        sd_participant=sd_participant,
        sd_image=sd_image,
        icc_participant=sd_participant**2 / (sd**2 + LOGISTIC_VARIANCE),
        icc_image=sd_image**2 / (sd**2 + LOGISTIC_VARIANCE),
        deviance=fit.deviance,
        flags=fit.flags,
    )


def _integrate(beta: float, sd: float) -> tuple[float, float, float]:
    """The mean of expit(beta + sd * normal), and its slopes in beta and sd (Gauss-Hermite)."""
    weights = WEIGHTS / WEIGHTS.sum()
    rates = special.expit(beta + sd * NODES)
    slopes = weights * rates * (1 - rates)
    return float(weights @ rates), float(slopes.sum()), float(slopes @ NODES)


def _contrast(fit: Fit, methods: Sequence[str], a: int, b: int) -> Contrast:
    assert fit.covariance is not None
    ratio = float(fit.beta[a] - fit.beta[b])
    se = sqrt(fit.covariance[a, a] + fit.covariance[b, b] - 2 * fit.covariance[a, b])
    return Contrast(methods[a], methods[b], ratio, se, ratio / se, two_sided_p(ratio / se, inf))
