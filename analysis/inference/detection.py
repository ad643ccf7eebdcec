"""How well people tell fakes from photographs, apart from how they lean (signal detection theory).

Macmillan & Creelman 2005: pairs are two-alternative forced choices, single images yes-no answers.
A rate of 0 or 1 takes the log-linear correction (Hautus 1995).
"""

from dataclasses import dataclass, replace
from math import exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.inference.clusters import multiway_variance
from analysis.inference.intervals import Interval, t_quantile
from analysis.inference.rates import Rate, fooling_rate
from analysis.trials import Trials

REAL = "real"  # the method of single images that are photographs


@dataclass(frozen=True)
class Detection:
    """d' and criterion; None where the data cannot tell.

    Pairs: a hit is `left` where left was right, a false alarm `left` where it was not; a criterion
    below 0 leans to the left. Single images: a hit is a fake called fake, a false alarm a
    photograph called fake; below 0 leans to `fake`. d_prime: 0 is no better than chance. se, ci95,
    df: for new people and new images. flags: `no_trials` (of either kind), `rate_at_bound`
    (corrected, no interval), `one_participant`, `one_image` (the interval leaves that factor out).
    """

    hit_rate: float | None = None
    false_alarm_rate: float | None = None
    d_prime: float | None = None
    criterion: float | None = None
    se: float | None = None
    ci95: Interval | None = None
    df: int | None = None
    flags: tuple[str, ...] = ()


def detect_in_pairs(trials: Trials, left: NDArray[np.bool_]) -> Detection:
    """left (n,): the side chosen was the left one.

    Two images tell more than one, so the z of pairs count for 1 / sqrt(2).
    """
    return _detect(trials, said=left, signal=left != trials.fooled, scale=1 / sqrt(2))


def detect_single(trials: Trials, method: str) -> Detection:
    """One method's fakes against the photographs; `fooled` is an error of either kind."""
    both = _with_photographs(trials, method)
    signal = both.method == method
    return _detect(both, said=both.fooled != signal, signal=signal, scale=1.0)


def error_rate(trials: Trials, method: str) -> Rate:
    """Share of errors over one method's single fakes and the photographs; 0.5 is not chance."""
    return fooling_rate(_with_photographs(trials, method))


def d_prime_of_rate(rate: float | None) -> float | None:
    """d' of pairs at a fooling rate, had nobody leaned to a side; None at 0 and 1, and of None."""
    return None if rate in (None, 0, 1) else float(-sqrt(2) * special.ndtri(rate))


def _with_photographs(trials: Trials, method: str) -> Trials:
    """One method's fakes, and the photographs that the same people judged among them."""
    fakes = trials.method == method
    theirs = np.isin(trials.participant, trials.participant[fakes])
    return trials.select(fakes | (theirs & (trials.method == REAL)))


def _detect(
    trials: Trials, said: NDArray[np.bool_], signal: NDArray[np.bool_], scale: float
) -> Detection:
    signals, noises = int(signal.sum()), int((~signal).sum())
    if 0 in (signals, noises):
        return Detection(flags=("no_trials",))
    hits, alarms = int((said & signal).sum()), int((said & ~signal).sum())
    at_bound = hits in (0, signals) or alarms in (0, noises)
    extra = 0.5 if at_bound else 0.0  # log-linear: half a trial to either answer
    rates = (hits + extra) / (signals + 2 * extra), (alarms + extra) / (noises + 2 * extra)
    z_hit, z_alarm = special.ndtri(rates).tolist()
    people, images, *_ = trials.factor_levels
    raised = {
        "rate_at_bound": at_bound,
        "one_participant": people == 1,
        "one_image": images == 1,
    }
    d_prime = scale * (z_hit - z_alarm)
    counted = Detection(
        *(hits / signals, alarms / noises),
        d_prime=d_prime,
        criterion=-(z_hit + z_alarm) / 2,
        flags=tuple(flag for flag, is_raised in raised.items() if is_raised),
    )
    if at_bound or people == images == 1:
        return counted
    width = np.where(signal, signals * _density(z_hit), -noises * _density(z_alarm))
    influence = scale * (said - np.where(signal, *rates)) / width
    factors, df = trials.estimable_factors()
    independent = float(influence @ influence)  # the least that the variance may be
    variance = max(multiway_variance(influence, factors), independent)
    half = t_quantile(df) * sqrt(variance)
    ci95 = (d_prime - half, d_prime + half)
    return replace(counted, se=sqrt(variance), ci95=ci95, df=df)


def _density(z: float) -> float:
    """Of the standard normal: the slope of a rate in its z."""
    return exp(-(z**2) / 2) / sqrt(2 * pi)
