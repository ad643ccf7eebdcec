"""Confidence sequences: intervals that stay valid at every look during data collection.

Asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024) of means over
participants, widened by what other images would change. They are asymptotic: before 20 people, or
25 if the images are few, looks miss too often.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, log, sqrt

import numpy as np

from analysis.inference.clusters import Influence, clustered_variance, multiway_variance
from analysis.inference.intervals import Interval, t_quantile, wilson_interval
from analysis.trials import BoolArray, Codes, FloatArray, Trials, count_clusters

ALPHA = 0.05  # probability, in large samples, that the truth is ever outside
MIN_PEOPLE = 20  # at the first look
FEW_IMAGES, MIN_PEOPLE_FEW_IMAGES = 20, 25  # with so few images, which all people may have seen
TIGHTEST_AT = 50  # people; the sequence is tightest about there, and holds everywhere
MIN_VARIANCE = 1e-15  # a variance below this is not in the data


@dataclass(frozen=True)
class PersonMean:
    """A mean over participants, each of whom counts the same, with the influence of n trials.

    influence (n,): what each trial adds to the estimate's error, 0 in sum; factors: codes (n,) each
    of the participants, of the images, and perhaps of other images in the same trials.
    """

    value: float
    influence: Influence
    factors: Sequence[Codes]

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """The numbers of levels of the factors."""
        return tuple(map(count_clusters, self.factors))

    @property
    def participants(self) -> int:
        """The number of participants."""
        return self.levels[0]

    @property
    def first_look(self) -> int:
        """The number of participants from which a confidence sequence can be trusted."""
        return MIN_PEOPLE_FEW_IMAGES if self.levels[1] <= FEW_IMAGES else MIN_PEOPLE


@dataclass(frozen=True)
class ConfidenceSequence:
    """A confidence sequence at one look.

    of_people, of_images: the parts of its half-width that come from the participants, who are more
    at each look, and from the images, which stay.
    """

    value: float
    of_people: float
    of_images: float

    @property
    def half_width(self) -> float:
        """Half of the width of the interval."""
        return sqrt(self.of_people**2 + self.of_images**2)

    def interval(self) -> Interval:
        """Return the interval of a difference between means."""
        return self.value - self.half_width, self.value + self.half_width

    def share_interval(self) -> Interval:
        """Return the interval of a share in [0, 1], of Wilson's shape, for shares near 0 or 1."""
        effective = self.value * (1 - self.value) / self.half_width**2
        return wilson_interval(self.value, effective, 1.0)

    def balance_interval(self) -> Interval:
        """Return the interval of the share for minus the share against, in [-1, 1]."""
        halves = ConfidenceSequence((1 + self.value) / 2, self.of_people / 2, self.of_images / 2)
        low, high = halves.share_interval()
        return 2 * low - 1, 2 * high - 1


def average_over_people(values: FloatArray, factors: Sequence[Codes]) -> PersonMean:
    """Return the mean of the participants' own means of values (n,).

    factors: codes (n,) each of the participants, images, and perhaps other images.
    """
    answered = np.bincount(factors[0])  # by participant
    weights = 1.0 / (answered[factors[0]] * np.count_nonzero(answered))
    mean = float(weights @ values)
    return PersonMean(mean, weights * (values - mean), factors)


def average_rates(trials: Trials) -> PersonMean:
    """Return the mean of the participants' own fooling rates."""
    return average_over_people(trials.fooled.astype(np.float64), trials.factors)


def average_difference(
    values: FloatArray, factors: Sequence[Codes], is_first: BoolArray
) -> PersonMean | None:
    """Return the mean of the participants' own differences between two sets of trials.

    values (n,); factors as in `average_over_people`; is_first (n,): the trials of the first set.
    None if no participant has trials of both.
    """
    people = factors[0]
    paired = np.isin(people, people[is_first]) & np.isin(people, people[~is_first])
    if not paired.any():
        return None
    first, second = (
        average_over_people(values[rows], [codes[rows] for codes in factors])
        for rows in (paired & is_first, paired & ~is_first)
    )
    return PersonMean(
        first.value - second.value,
        np.append(first.influence, -second.influence),
        [np.append(*both) for both in zip(first.factors, second.factors, strict=True)],
    )


def confidence_sequence_radius(sd: float, participants: int, alpha: float = ALPHA) -> float:
    """Return the half-width of the confidence sequence for a mean of participants' values.

    sd: standard deviation of these values. alpha: the probability, in large samples, that the true
    mean is ever outside, in (0, 1).
    """
    rho2 = (-2 * log(alpha) + log(1 - 2 * log(alpha))) / TIGHTEST_AT
    growth = participants * rho2 + 1
    return sd * sqrt(2 * growth / (participants**2 * rho2) * log(sqrt(growth) / alpha))


def find_confidence_sequence(mean: PersonMean, alpha: float = ALPHA) -> ConfidenceSequence | None:
    """Return the confidence sequence of a mean, for new people and new images.

    Half of alpha goes to the people, who change from look to look, and half to the images, which
    stay; both parts have t quantiles. None as long as there is no valid interval: with fewer people
    than `first_look`, with one image, or if all people have the same value.
    """
    participants = mean.participants
    if participants < mean.first_look or mean.levels[1] < 2:
        return None
    by_people = clustered_variance(mean.influence, mean.factors[0])
    if by_people < MIN_VARIANCE:
        return None
    level = 1 - alpha / 4  # of a two-sided interval with half of alpha
    factors = [codes for codes, n in zip(mean.factors, mean.levels, strict=True) if n > 1]
    df = min(n for n in mean.levels if n > 1) - 1
    by_images = max(multiway_variance(mean.influence, factors) - by_people, 0.0)
    sd = sqrt(participants * by_people)
    small_sample = t_quantile(participants - 1, level) / t_quantile(inf, level)
    return ConfidenceSequence(
        value=mean.value,
        of_people=confidence_sequence_radius(sd, participants, alpha / 2) * small_sample,
        of_images=t_quantile(df, level) * sqrt(by_images),
    )
