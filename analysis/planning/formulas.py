"""Formulas for studies that compare two methods: their people, trials and images.

Effects of people and images on fooling are normal on the log odds and correlate between the
methods. The variances, for new people and new images, are in closed form. Proportions are in
[0, 1]. Preferences and ratings are in `judged_scenarios`, and the power of all of them in
`scenario_power`.
"""

from dataclasses import dataclass
from functools import cache
from math import ceil, sqrt
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy import special

from analysis.trials import FloatArray

ALPHA = 0.05
# Usual correlations between the effects of one person, or one image, with different methods.
PARTICIPANT_CORRELATION, IMAGE_CORRELATION = 0.8, 0.5
QUADRATURE_NODES = 40


@dataclass(frozen=True)
class EffectSds:
    """Standard deviations of people and images on the log-odds scale.

    participant_correlation, image_correlation: between the effects of one person, or one image,
    with two methods, in [0, 1].
    """

    participant: float
    image: float
    participant_correlation: float = PARTICIPANT_CORRELATION
    image_correlation: float = IMAGE_CORRELATION


EFFECT_PRESETS = {
    "none": EffectSds(0, 0),
    "low": EffectSds(0.3, 0.5),
    "typical": EffectSds(0.5, 0.8),
    "high": EffectSds(0.8, 1.2),
}


class Scenario(Protocol):
    """Two methods with a true difference, and the study that compares them."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def trials(self) -> int:
        """The number of trials per participant, over all methods."""

    @property
    def images(self) -> int:
        """The number of images that the trials are drawn from."""

    @property
    def methods(self) -> int:
        """The number of methods in the study."""

    @property
    def margin(self) -> float | None:
        """The equivalence margin; None for a test of the difference."""

    @property
    def difference(self) -> float:
        """The true difference."""

    @property
    def alpha(self) -> float:
        """The level of the test: a p value below it is below 0.05 after Holm's correction."""

    @property
    def group(self) -> int:
        """The number of participants by which the study grows in balance."""

    @property
    def fewest_trials(self) -> int:
        """The fewest trials per participant with which methods can be compared."""

    @property
    def fewest_images(self) -> int:
        """The fewest images, of which nobody sees one twice."""

    def degrees_of_freedom(self, participants: float) -> float:
        """Return the degrees of freedom of the test."""

    def difference_se(self, participants: float) -> float:
        """Return the expected standard error of the difference."""

    def reported_se(self, participants: float) -> float:
        """Return the expected standard error of the estimate whose interval the plan reports."""


@dataclass(frozen=True)
class PowerScenario:
    """Two rates, and the study that compares them.

    trials: number of trials per participant, over all methods. images: number of images that the
    trials are drawn from. is_within: every participant sees all `methods`, otherwise one each.
    margin: equivalence margin, None for a test of the difference. is_paired: every image has a fake
    of each method; otherwise each method has an equal part of the images to itself.
    """

    rates: tuple[float, float]
    effects: EffectSds
    trials: int
    images: int
    methods: int = 2
    is_within: bool = True
    margin: float | None = None
    is_paired: bool = True

    @property
    def difference(self) -> float:
        """The difference between the two rates."""
        return self.rates[0] - self.rates[1]

    @property
    def pairs(self) -> int:
        """The number of pairs of methods that the report tests."""
        return count_pairs(self.methods)

    @property
    def alpha(self) -> float:
        """The level of the test: a p value below it is below 0.05 after Holm's correction.

        Equivalence tests are not corrected.
        """
        return ALPHA / self.pairs if self.margin is None else ALPHA

    @property
    def group(self) -> int:
        """The number of participants by which the study grows in balance: one per method."""
        return self.methods

    @property
    def fewest_trials(self) -> int:
        """The fewest trials per participant that show all methods of the participant."""
        return self.methods if self.is_within else 1

    @property
    def fewest_images(self) -> int:
        """The fewest images, of which nobody sees one twice; at least two of each method."""
        if self.is_paired:
            return max(self.trials, 2)
        of_one_method = ceil(self.trials / self.methods) if self.is_within else self.trials
        return self.methods * max(of_one_method, 2)

    @property
    def images_of_one_method(self) -> float:
        """The number of images that a method's trials are drawn from."""
        return self.images if self.is_paired else self.images / self.methods

    def degrees_of_freedom(self, participants: float) -> float:
        """Return the fewest people, or images, of a method, minus 1."""
        here = participants if self.is_within else participants / self.methods
        return min(here, self.images_of_one_method) - 1

    def difference_se(self, participants: float) -> float:
        """Return the expected standard error; infinitely many participants leave the images'."""
        people_1, people_2, images_1, images_2 = (
            sqrt(variance[factor])
            for factor in (0, 1)
            for variance in (rate_variances(rate, self.effects) for rate in self.rates)
        )
        total = sum(_rate_variance(self, rate, participants) for rate in self.rates)
        shared = 0.0
        if self.is_paired:
            shared += self.effects.image_correlation * images_1 * images_2 / self.images
        if self.is_within:
            shared += self.effects.participant_correlation * people_1 * people_2 / participants
        return sqrt(max(total - 2 * shared, 0.0))

    def reported_se(self, participants: float) -> float:
        """Return the expected standard error of the first rate."""
        return sqrt(_rate_variance(self, self.rates[0], participants))


def count_pairs(methods: int) -> int:
    """Return the number of pairs of methods."""
    return methods * (methods - 1) // 2


def _rate_variance(scenario: PowerScenario, rate: float, participants: float) -> float:
    of_people, of_images = rate_variances(rate, scenario.effects)
    here = participants if scenario.is_within else participants / scenario.methods
    trials = participants * scenario.trials / scenario.methods  # of this method
    left = rate * (1 - rate) - of_people - of_images
    images = scenario.images_of_one_method
    repeats = 1 / images + (1 - 1 / images) / trials
    return of_people / here + of_images * repeats + left / trials


@cache
def rate_variances(rate: float, effects: EffectSds) -> tuple[float, float]:
    """Return the variances of people's and of images' rates around `rate` (Gauss-Hermite)."""
    nodes, weights = _normal_nodes()
    participants, images = effects.participant * nodes[:, None], effects.image * nodes
    chances = special.expit(marginal_intercept(rate, effects) + participants + images)
    return (
        float(weights @ (chances @ weights - rate) ** 2),
        float(weights @ (weights @ chances - rate) ** 2),
    )


def marginal_intercept(rate: float, effects: EffectSds) -> float:
    """Return the log odds of an average person and image for a mean probability of `rate`."""
    nodes, weights = _normal_nodes()
    sd = sqrt(effects.participant**2 + effects.image**2)
    low, high = -30.0, 30.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        mean = weights @ special.expit(middle + sd * nodes)
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2


def _normal_nodes() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights (QUADRATURE_NODES,) of the standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
    return nodes, weights / weights.sum()
