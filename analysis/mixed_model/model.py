"""Rates by the crossed logistic mixed model: a sensitivity analysis beside the default ones.

The rate of new people and new images integrates the random effects out; it is not the rate of an
average person at an average image, which the intercept gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, pi, sqrt

import numpy as np
from scipy import special

from analysis.inference.intervals import Interval, t_quantile, two_sided_p
from analysis.mixed_model.fit import MixedFit, fit_crossed
from analysis.trials import FloatArray, Trials, count_clusters

MAX_MIXED_TRIALS = 20_000  # more take longer than people like to wait
MAX_MIXED_PAIR_TRIALS = 10_000  # the same, of the model of two methods
LOGISTIC_VARIANCE = pi**2 / 3
QUADRATURE_NODES, QUADRATURE_WEIGHTS = np.polynomial.hermite_e.hermegauss(60)


@dataclass(frozen=True)
class MixedRate:
    """One method's model; None where the data allow none, and a flag says why.

    beta, se, sd_participant, sd_image: log odds. marginal_rate: of new people and new images, with
    ci95 by the delta method on the log odds, t. icc: share of the latent variance. flags:
    `too_many_trials`, `no_trials`, `one_participant`, `one_image`, `one_trial_each_participant`,
    `one_trial_each_image`, `rate_at_bound`, and those of `MixedFit`.
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
class MixedDifference:
    """rate(a) - rate(b) by the model of both methods, in which people and images react to each.

    difference: of the marginal rates, with Student's t. log_odds_ratio, log_odds_se: of the betas.
    sd_participant, sd_image: of a and of b, log odds; correlation_: between the two, None where a
    level has no variance or none met both. p_intercepts: Wald's p of the usual model, with random
    intercepts only, which rejects too often where images react differently to methods.
    """

    difference: float
    se: float
    ci95: Interval
    t: float
    df: int
    p: float
    log_odds_ratio: float
    log_odds_se: float
    sd_participant: tuple[float, float]
    sd_image: tuple[float, float]
    correlation_participant: float | None
    correlation_image: float | None
    deviance: float
    p_intercepts: float | None


def fit_mixed_rates(
    trials: Trials | None, methods: Sequence[str], most_trials: float = MAX_MIXED_TRIALS
) -> dict[str, MixedRate]:
    """Fit a model of each method; none if the methods together have too many trials.

    trials: None if there are more than most_trials.
    """
    if trials is None or len(trials.fooled) > most_trials:
        return {method: MixedRate(flags=("too_many_trials",)) for method in methods}
    return {method: _fit_one(trials.for_method(method)) for method in methods}


def fit_mixed_difference(
    trials: Trials | None,
    a: str,
    b: str,
    df: int | None,
    most_trials: float = MAX_MIXED_PAIR_TRIALS,
) -> tuple[MixedDifference | None, tuple[str, ...]]:
    """Fit the model of two methods with trials, or return None and the flags that say why not.

    df: of Student's t, as the default interval has it; None where that has none. most_trials: of
    the two methods together.
    """
    if trials is None:
        return None, ("too_many_trials",)
    if len(trials.for_method(a).fooled) + len(trials.for_method(b).fooled) > most_trials:
        return None, ("too_many_trials",)
    both = trials.select((trials.method == a) | (trials.method == b))
    group = (both.method == b).astype(np.int64)
    rates = [both.fooled[group == one].mean() for one in (0, 1)]
    obstacles = ("rate_at_bound",) if {0, 1} & set(rates) else _fit_obstacles(both)
    if obstacles or df is None:
        return None, obstacles or ("not_identified",)
    model_data = both.fooled, group, both.participant, both.image
    fit = fit_crossed(*model_data, random_slopes=True)
    if fit.covariance is None:
        return None, fit.flags
    return _to_mixed_difference(fit, df, _wald_p(fit_crossed(*model_data))), fit.flags


def _fit_one(trials: Trials) -> MixedRate:
    obstacles = _fit_obstacles(trials)
    if obstacles:
        return MixedRate(flags=obstacles)
    alone = np.zeros(len(trials.fooled), dtype=np.int64)
    fit = fit_crossed(trials.fooled, alone, trials.participant, trials.image)
    participants, images = count_clusters(trials.participant), count_clusters(trials.image)
    return _to_mixed_rate(fit, min(participants, images))


def _fit_obstacles(trials: Trials) -> tuple[str, ...]:
    """Return flags for why one or both variances cannot be separated from that of answers."""
    n, fooled = len(trials.fooled), int(trials.fooled.sum())
    if n == 0:
        return ("no_trials",)
    participants, images = count_clusters(trials.participant), count_clusters(trials.image)
    is_raised_by_flag = {
        "one_participant": participants == 1,
        "one_image": images == 1,
        "one_trial_each_participant": participants == n,
        "one_trial_each_image": images == n,
        "rate_at_bound": fooled in (0, n),
    }
    return tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)


def _to_mixed_rate(fit: MixedFit, clusters: int) -> MixedRate:
    """Convert the fitted model of one method. clusters: the smaller number of people or images."""
    if fit.covariance is None:
        return MixedRate(flags=fit.flags)
    rate, slopes = _marginal_rate(fit, 0)
    se = sqrt(slopes @ fit.covariance @ slopes) / (rate * (1 - rate))
    half, middle = t_quantile(clusters - 1) * se, special.logit(rate)
    sd_participant, sd_image = fit.sds[:, 0].tolist()
    latent = sd_participant**2 + sd_image**2 + LOGISTIC_VARIANCE
    return MixedRate(
        beta=float(fit.beta[0]),
        se=sqrt(fit.covariance[0, 0]),
        marginal_rate=rate,
        ci95=(float(special.expit(middle - half)), float(special.expit(middle + half))),
        sd_participant=sd_participant,
        sd_image=sd_image,
        icc_participant=sd_participant**2 / latent,
        icc_image=sd_image**2 / latent,
        deviance=fit.deviance,
        flags=fit.flags,
    )


def _to_mixed_difference(fit: MixedFit, df: int, p_intercepts: float | None) -> MixedDifference:
    assert fit.covariance is not None
    (rate_a, by_a), (rate_b, by_b) = (_marginal_rate(fit, group) for group in (0, 1))
    difference, slopes = rate_a - rate_b, by_a - by_b
    se = sqrt(slopes @ fit.covariance @ slopes)
    half = t_quantile(df) * se
    sd_participant, sd_image = ((float(a), float(b)) for a, b in fit.sds)
    return MixedDifference(
        difference=difference,
        se=se,
        ci95=(difference - half, difference + half),
        t=difference / se,
        df=df,
        p=two_sided_p(difference / se, df),
        log_odds_ratio=float(fit.beta[0] - fit.beta[1]),
        log_odds_se=sqrt(_contrast_variance(fit.covariance)),
        sd_participant=sd_participant,
        sd_image=sd_image,
        correlation_participant=_loading_correlation(fit.participant_loadings),
        correlation_image=_loading_correlation(fit.image_loadings),
        deviance=fit.deviance,
        p_intercepts=p_intercepts,
    )


def _marginal_rate(fit: MixedFit, group: int) -> tuple[float, FloatArray]:
    """Return a group's marginal rate, and its gradient in the parameters of `fit.covariance`."""
    loads = np.stack([fit.participant_loadings, fit.image_loadings])  # (2, G, K)
    sd = float(np.sqrt(np.square(loads[:, group]).sum()))
    rate, by_beta, by_sd = _marginal_rate_and_slopes(float(fit.beta[group]), sd)
    of_betas, of_loads = np.zeros_like(fit.beta), np.zeros_like(loads)
    of_betas[group] = by_beta
    of_loads[:, group] = by_sd * loads[:, group] / (sd or 1.0)
    return rate, np.concatenate([of_betas, of_loads.ravel()])


def _marginal_rate_and_slopes(beta: float, sd: float) -> tuple[float, float, float]:
    """Return the mean of expit(beta + sd * normal) and its gradient in beta and sd.

    By Gauss-Hermite quadrature.
    """
    weights = QUADRATURE_WEIGHTS / QUADRATURE_WEIGHTS.sum()
    rates = special.expit(beta + sd * QUADRATURE_NODES)
    slopes = weights * rates * (1 - rates)
    return float(weights @ rates), float(slopes.sum()), float(slopes @ QUADRATURE_NODES)


def _loading_correlation(loads: FloatArray) -> float | None:
    """Return the correlation of a level's effects in two groups. loads (2, 2)."""
    sizes = np.sqrt((loads**2).sum(axis=1))
    met = loads[1, 0] != 0
    return float(loads[0] @ loads[1] / sizes.prod()) if met and sizes.all() else None


def _wald_p(fit: MixedFit) -> float | None:
    if fit.covariance is None:
        return None
    z = (fit.beta[0] - fit.beta[1]) / sqrt(_contrast_variance(fit.covariance))
    return two_sided_p(float(z), inf)


def _contrast_variance(covariance: FloatArray) -> float:
    return float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
