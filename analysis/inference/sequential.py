"""A confidence sequence for the fooling rate, valid at every look during data collection.

Asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024) on the
participants' own rates, widened by what other images would change. It is asymptotic: before 20
people, looks miss too often.
"""

from math import inf, log, sqrt

import numpy as np

from analysis.inference.clusters import Influence, clustered_variance, multiway_variance
from analysis.inference.intervals import Interval, t_quantile, wilson_interval
from analysis.trials import Trials

MIN_PEOPLE = 20  # at the first look
HALF_ALPHA = 0.025  # each of the sequence over people and the interval over images
HALF_LEVEL = 1 - HALF_ALPHA / 2
TIGHTEST_AT = 50  # people; the sequence is tightest about there, and holds everywhere


def confidence_sequence_radius(sd: float, participants: int, alpha: float = 0.05) -> float:
    """Return the half-width of the confidence sequence for a mean of participants' rates.

    sd: standard deviation of these rates. alpha: the probability, in large samples, that the true
    rate is ever outside, in (0, 1).
    """
    rho2 = (-2 * log(alpha) + log(1 - 2 * log(alpha))) / TIGHTEST_AT
    growth = participants * rho2 + 1
    return sd * sqrt(2 * growth / (participants**2 * rho2) * log(sqrt(growth) / alpha))


def estimate_monitored_rate(trials: Trials) -> tuple[float, Interval] | None:
    """Estimate the mean of the participants' rates of one method, with a 95% confidence sequence.

    Proportions in [0, 1], for new people and new images; 0.5 is chance. Half of alpha goes to the
    people, who change from look to look, and half to the images, which stay; both parts have t
    quantiles, and the interval has Wilson's shape, for rates near 0 or 1. None as long as there is
    no valid interval: with fewer than 20 people, one image, or equal rates for all people.
    """
    answered = np.bincount(trials.participant)
    fooled = np.bincount(trials.participant, weights=trials.fooled)
    means = fooled[answered > 0] / answered[answered > 0]
    participants = len(means)
    if participants < MIN_PEOPLE or trials.factor_levels[1] < 2:
        return None
    rate, sd = float(means.mean()), float(means.std(ddof=1))
    if sd == 0:
        return None
    influence = (trials.fooled - rate) / answered[trials.participant] / participants
    _, df = trials.estimable_factors()
    of_people = confidence_sequence_radius(sd, participants, HALF_ALPHA) * (
        t_quantile(participants - 1, HALF_LEVEL) / t_quantile(inf, HALF_LEVEL)
    )
    of_images = t_quantile(df, HALF_LEVEL) ** 2 * _image_variance(trials, influence)
    ratio = (of_people**2 + of_images) / (rate * (1 - rate))  # (half-width / SD of an answer)^2
    return rate, wilson_interval(rate, 1 / ratio, 1.0)


def _image_variance(trials: Trials, influence: Influence) -> float:
    """Return the variance that clustering by image adds to that by participant, at least 0."""
    by_people = clustered_variance(influence, trials.participant)
    factors, _ = trials.estimable_factors()
    return max(multiway_variance(influence, factors) - by_people, 0.0)
