"""Signal detection theory: sensitivity to fakes, separated from response bias.

Macmillan & Creelman 2005: pairs are two-alternative forced choices, single images yes-no answers.
A rate of 0 or 1 takes the log-linear correction (Hautus 1995).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.inference.clusters import contrast_df, contrast_variance
from analysis.inference.intervals import Interval, t_quantile
from analysis.trials import AnyTrials, Factor, Trials

REAL_METHOD = "real"  # the method of single images that are photographs


@dataclass(frozen=True)
class SignalDetection:
    """d' and criterion; None if they cannot be estimated.

    Pairs: a hit is `left` when left was right, a false alarm `left` when it was not; a criterion
    below 0 is a bias to the left. Single images: a hit is a fake called fake, a false alarm a
    photograph called fake; a criterion below 0 is a bias to `fake`. d_prime: 0 is chance level.
    se, ci95, df: for new people and new images; df from the fewer people or images of hits and
    false alarms. flags: `no_trials` (of either kind), `rate_at_bound` (corrected, no interval),
    `one_participant`, `one_image` (of either kind: the interval does not generalize over that
    factor).
    """

    hit_rate: float | None = None
    false_alarm_rate: float | None = None
    d_prime: float | None = None
    criterion: float | None = None
    se: float | None = None
    ci95: Interval | None = None
    df: int | None = None
    flags: tuple[str, ...] = ()


def estimate_sdt_pairs(trials: AnyTrials, left: NDArray[np.bool_]) -> SignalDetection:
    """Estimate d' and criterion of pairs. left (n,): whether the left image was chosen.

    A pair carries more information than a single image, so its z is divided by sqrt(2).
    """
    return _estimate_sdt(
        trials, said_signal=left, is_signal=left != trials.fooled, scale=1 / sqrt(2)
    )


def estimate_sdt_single(trials: Trials, method: str) -> SignalDetection:
    """Estimate d' of a method's single fakes against the photographs.

    `fooled` is an error of either kind.
    """
    return estimate_sdt_of(select_with_photographs(trials, method), method)


def estimate_sdt_of(both: AnyTrials, method: str) -> SignalDetection:
    """Estimate d' and criterion of a method's single fakes and photographs, both in the trials."""
    signal = both.method == method
    return _estimate_sdt(both, said_signal=both.fooled != signal, is_signal=signal, scale=1.0)


def d_prime_from_rate(rate: float | None) -> float | None:
    """Return the d' of pairs that a fooling rate implies without side bias; None at 0 and 1."""
    return None if rate in (None, 0, 1) else float(-sqrt(2) * special.ndtri(rate))


def select_with_photographs(trials: Trials, method: str) -> Trials:
    """Select a method's fakes and the photographs that the same participants saw."""
    fakes = trials.method == method
    by_same_participants = np.isin(trials.participant, trials.participant[fakes])
    return trials.select(fakes | (by_same_participants & (trials.method == REAL_METHOD)))


def _estimate_sdt(
    trials: AnyTrials, said_signal: NDArray[np.bool_], is_signal: NDArray[np.bool_], scale: float
) -> SignalDetection:
    signals, noises = trials.count(is_signal), trials.count(~is_signal)
    if 0 in (signals, noises):
        return SignalDetection(flags=("no_trials",))
    hits, alarms = trials.count(said_signal & is_signal), trials.count(said_signal & ~is_signal)
    at_bound = hits in (0, signals) or alarms in (0, noises)
    correction = 0.5 if at_bound else 0.0  # log-linear: half a trial to either answer
    rates = (
        (hits + correction) / (signals + 2 * correction),
        (alarms + correction) / (noises + 2 * correction),
    )
    z_hit, z_alarm = special.ndtri(rates).tolist()
    all_factors: Sequence[Factor] = trials.factors
    dfs = [contrast_df(codes, is_signal) for codes in all_factors]
    is_raised_by_flag = {
        "rate_at_bound": at_bound,
        "one_participant": dfs[0] is None,
        "one_image": None in dfs[1:],
    }
    d_prime = scale * (z_hit - z_alarm)
    partial = SignalDetection(
        *(hits / signals, alarms / noises),
        d_prime=d_prime,
        criterion=-(z_hit + z_alarm) / 2,
        flags=tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised),
    )
    factors: list[Factor] = [
        codes for codes, df in zip(all_factors, dfs, strict=True) if df is not None
    ]
    if at_bound or not factors:
        return partial
    width = np.where(
        is_signal, signals * _normal_density(z_hit), -noises * _normal_density(z_alarm)
    )
    influence = scale * (said_signal - np.where(is_signal, *rates)) / width
    df = min(df for df in dfs if df is not None)
    independent = trials.total(influence**2)  # the least that the variance may be
    variance = max(contrast_variance(influence, factors, is_signal), independent)
    half = t_quantile(df) * sqrt(variance)
    ci95 = (d_prime - half, d_prime + half)
    return replace(partial, se=sqrt(variance), ci95=ci95, df=df)


def _normal_density(z: float) -> float:
    """Return the density of the standard normal distribution: the slope of a rate in its z."""
    return exp(-(z**2) / 2) / sqrt(2 * pi)
