"""How many people, trials and images it takes to compare two methods.

Effects of people and images are normal on the log odds and shared in part by the methods. The
variances, for new people and new images, are in closed form; power by Student's t with as many
degrees of freedom as the report will have. Proportions in [0, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import copysign, inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.inference.intervals import t_quantile

ALPHA = 0.05
# Of one person's, and one image's, effects with different methods.
PARTICIPANT_CORRELATION, IMAGE_CORRELATION = 0.8, 0.5
MOST = 1_000_000  # people, or images: where these do not suffice no number does
NODES = 40
SHARES = (np.arange(500) + 0.5) / 500  # quantiles that stand for a whole distribution

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Effects:
    """How much people, and images, differ: standard deviations on the log odds."""

    participant: float
    image: float


PRESETS = {
    "none": Effects(0, 0),
    "low": Effects(0.3, 0.5),
    "typical": Effects(0.5, 0.8),
    "high": Effects(0.8, 1.2),
}


@dataclass(frozen=True)
class Comparison:
    """Two rates, and the study that is to compare them.

    trials: that a person answers, of all methods together; images: that they are drawn from.
    within: everybody sees all `methods`, else one each. margin: None to tell the rates apart, else
    to show that they differ by less than this.
    """

    rates: tuple[float, float]
    effects: Effects
    trials: int
    images: int
    methods: int = 2
    within: bool = True
    margin: float | None = None

    @property
    def difference(self) -> float:
        return self.rates[0] - self.rates[1]


def power(study: Comparison, people: float) -> float:
    """Chance that a study of so many people shows what it is to show.

    By a two-sided test at 5 %, or by two one-sided ones (TOST). people: in all; infinite ones
    leave what the images allow.
    """
    df = _degrees_of_freedom(study, people)
    se = difference_error(study, people)
    estimated = np.sqrt(special.chdtri(df, SHARES) / df)  # SE in the data, as multiples of se
    if study.margin is None:
        reached = t_quantile(df, 1 - ALPHA / 2) * estimated
        z = _divide(study.difference, se)
        found = special.ndtr(z - reached) + special.ndtr(-z - reached)
    else:
        reached = t_quantile(df, 1 - ALPHA) * estimated
        below = special.ndtr(_divide(study.margin - study.difference, se) - reached)
        above = special.ndtr(_divide(study.margin + study.difference, se) - reached)
        found = np.maximum(below + above - 1, 0)
    return float(found.mean())


def people_needed(study: Comparison, target: float) -> int | None:
    """Fewest people with this power, as many for every method; None where no number has it."""
    groups = _fewest(lambda count: power(study, count * study.methods) >= target, least=2)
    return groups and groups * study.methods


def images_needed(study: Comparison, target: float) -> int | None:
    """Fewest images with which some number of people has this power."""
    return _fewest(
        lambda images: power(replace(study, images=images), inf) >= target, least=study.trials
    )


def half_width(study: Comparison, people: int) -> float:
    """Half the width to expect of the first rate's 95 % interval."""
    here = people if study.within else people / study.methods
    df = min(here, study.images) - 1
    return t_quantile(df) * sqrt(_rate_variance(study, study.rates[0], people))


def difference_error(study: Comparison, people: float) -> float:
    """Standard error to expect of the difference; with infinite people, what images leave."""
    people_1, people_2, images_1, images_2 = (
        sqrt(variance[factor])
        for factor in (0, 1)
        for variance in (spread(rate, study.effects) for rate in study.rates)
    )
    total = sum(_rate_variance(study, rate, people) for rate in study.rates)
    shared = IMAGE_CORRELATION * images_1 * images_2 / study.images
    if study.within:
        shared += PARTICIPANT_CORRELATION * people_1 * people_2 / people
    return sqrt(max(total - 2 * shared, 0.0))


def _rate_variance(study: Comparison, rate: float, people: float) -> float:
    of_people, of_images = spread(rate, study.effects)
    here = people if study.within else people / study.methods
    trials = people * study.trials / study.methods  # of this method
    left = rate * (1 - rate) - of_people - of_images
    repeats = 1 / study.images + (1 - 1 / study.images) / trials
    return of_people / here + of_images * repeats + left / trials


def _degrees_of_freedom(study: Comparison, people: float) -> float:
    of_people = people - 1 if study.within else 2 * people / study.methods - 2
    return min(of_people, study.images - 1)


@cache
def spread(rate: float, effects: Effects) -> tuple[float, float]:
    """Variance of people's own rates, and of images', around `rate`; Gauss-Hermite quadrature."""
    nodes, weights = _normal_nodes()
    people, images = effects.participant * nodes[:, None], effects.image * nodes
    chances = special.expit(marginal_intercept(rate, effects) + people + images)
    return (
        float(weights @ (chances @ weights - rate) ** 2),
        float(weights @ (weights @ chances - rate) ** 2),
    )


def marginal_intercept(rate: float, effects: Effects) -> float:
    """The log odds of a middling person and image with which the mean chance is `rate`."""
    nodes, weights = _normal_nodes()
    sd = sqrt(effects.participant**2 + effects.image**2)
    low, high = -30.0, 30.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        mean = weights @ special.expit(middle + sd * nodes)
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2


def _normal_nodes() -> tuple[Values, Values]:
    """Nodes and weights (NODES,) of the standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return nodes, weights / weights.sum()


def _fewest(suffices: Callable[[int], bool], least: int) -> int | None:
    """The smallest count from `least` to MOST that suffices, where more do as well."""
    low, high = least - 1, least
    while not suffices(high):
        if high > MOST:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _divide(distance: float, se: float) -> float:
    """In standard errors, of which there may be none."""
    return distance / se if se else copysign(inf, distance)
