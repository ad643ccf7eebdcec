"""Funnel limits for the participants' own fooling rates.

The limits allow for chance and for ordinary differences between participants: a funnel plot with
overdispersion (Spiegelhalter, 2005, Statistics in Medicine 24, 1185-1202).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.trials import (
    AnyTrials,
    BoolArray,
    Codes,
    FloatArray,
    IntArray,
    count_by_cluster,
    sum_by_cluster,
)

INNER_LEVEL, OUTER_LEVEL = 0.95, 0.998  # levels of the inner and the outer limits
MIN_PRECISION = 1e-9


@dataclass(frozen=True)
class Funnel:
    """The rates of K participants with trials, in the order of their codes; every field is (K,).

    low95, high95: at least 95% of participants with as many trials lie between these limits;
    low998, high998: at least 99.8%.
    """

    participant: Codes
    trials: NDArray[np.int64]
    rate: FloatArray
    low95: FloatArray
    high95: FloatArray
    low998: FloatArray
    high998: FloatArray

    @property
    def is_beyond_limits(self) -> BoolArray:
        """Return (K,): whether the rate is outside the 99.8% limits."""
        return (self.rate < self.low998) | (self.rate > self.high998)


def build_funnel(trials: AnyTrials, center: float, sd: float) -> Funnel:
    """Compute the participants' own rates in these trials, and the limits around the overall rate.

    center: the overall rate. sd: standard deviation of the participants' true rates, as a
    proportion; 0 if they do not differ.
    """
    shown = count_by_cluster(trials.participant)
    participants = np.flatnonzero(shown)
    fooled = sum_by_cluster(trials.participant, trials.fooled)[participants]
    return limit_funnel(participants, shown[participants], fooled, center, sd)


def limit_funnel(
    participants: Codes, count: IntArray, fooled: FloatArray, center: float, sd: float
) -> Funnel:
    """Compute the rates of K participants, and the limits around the overall rate.

    participants, count, fooled (K,): their codes and numbers of trials. center, sd: as above.
    """
    rate = fooled / count
    inner, outer = (funnel_limits(count, center, sd, level) for level in (INNER_LEVEL, OUTER_LEVEL))
    return Funnel(participants, count, rate, *inner, *outer)


def funnel_limits(
    trials: NDArray[np.int64], center: float, sd: float, level: float
) -> tuple[FloatArray, FloatArray]:
    """Return (low, high), each (K,), that enclose at least a share `level` of participants.

    trials (K,): their numbers of trials. Both limits are included. They are exact quantiles of the
    binomial distribution, or of the beta-binomial whose true rates have the standard deviation
    `sd`, and lie within 0 to 1.
    """
    counts, of_person = np.unique(trials, return_inverse=True)
    tails = ((1 - level) / 2, (1 + level) / 2)
    limits = np.array(
        [
            np.searchsorted(_cumulative_probabilities(n, center, sd), tails) / n
            for n in counts.tolist()
        ]
    )
    low, high = limits[of_person].T
    return low, high


def _cumulative_probabilities(trials: int, center: float, sd: float) -> FloatArray:
    """Return (trials + 1,): the probability that at most 0, 1, ... of the trials are fooled."""
    fooled, spread = np.arange(trials + 1), center * (1 - center)
    if sd == 0 or spread == 0:
        return np.asarray(special.bdtr(fooled, trials, center), dtype=np.float64)
    # alpha + beta; at MIN_PRECISION, participants are either always or never fooled
    size = max(spread / sd**2 - 1, MIN_PRECISION)
    a, b = center * size, (1 - center) * size
    log_binomial = -np.log(trials + 1) - special.betaln(fooled + 1, trials - fooled + 1)
    chances = np.exp(
        log_binomial + special.betaln(fooled + a, trials - fooled + b) - special.betaln(a, b)
    )
    cumulated: FloatArray = np.cumsum(chances)
    cumulated /= cumulated[-1]
    return cumulated
