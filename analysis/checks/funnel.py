"""Each participant's rate against what chance and ordinary differences between people allow.

A funnel plot with overdispersion: Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.trials import BoolArray, Codes, FloatArray, Trials

INNER_LEVEL, OUTER_LEVEL = 0.95, 0.998  # levels of the inner and the outer limits
MIN_PRECISION = 1e-9


@dataclass(frozen=True)
class Funnel:
    """K people who have trials, in the order of their codes; (K,) each.

    low95 to high998: between them lie 95 and 99.8% of people with as many trials, or more.
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
        """(K,): outside the 99.8% limits."""
        return (self.rate < self.low998) | (self.rate > self.high998)


def build_funnel(trials: Trials, center: float, sd: float) -> Funnel:
    """Everybody's own rate in these trials, and the limits around the rate of all.

    center: that rate. sd: of people's true rates, as a proportion; 0: all are alike.
    """
    shown = np.bincount(trials.participant)
    participants = np.flatnonzero(shown)
    count = shown[participants]
    rate = np.bincount(trials.participant, weights=trials.fooled)[participants] / count
    inner, outer = (funnel_limits(count, center, sd, level) for level in (INNER_LEVEL, OUTER_LEVEL))
    return Funnel(participants, count, rate, *inner, *outer)


def funnel_limits(
    trials: NDArray[np.int64], center: float, sd: float, level: float
) -> tuple[FloatArray, FloatArray]:
    """(low, high): between them, both included, lies at least a share `level` of people.

    trials (K,). Exact quantiles of the binomial, and with an sd of the beta-binomial whose true
    rates have that sd; never wider than 0 to 1.
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
    """(trials + 1,): the chance that at most 0, 1, ... of so many answers are fooled."""
    fooled, spread = np.arange(trials + 1), center * (1 - center)
    if sd == 0 or spread == 0:
        return np.asarray(special.bdtr(fooled, trials, center), dtype=np.float64)
    # alpha + beta; MIN_PRECISION: everybody always or never fooled
    size = max(spread / sd**2 - 1, MIN_PRECISION)
    a, b = center * size, (1 - center) * size
    log_binomial = -np.log(trials + 1) - special.betaln(fooled + 1, trials - fooled + 1)
    chances = np.exp(
        log_binomial + special.betaln(fooled + a, trials - fooled + b) - special.betaln(a, b)
    )
    cumulated: FloatArray = np.cumsum(chances)
    cumulated /= cumulated[-1]
    return cumulated
