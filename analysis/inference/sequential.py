"""A confidence sequence for the fooling rate, valid at every look during data collection.

Asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024) on the
participants' own rates, widened by what other images would change.
"""

from math import inf, log, sqrt

import numpy as np

from analysis.inference.clusters import Influence, clustered_variance, multiway_variance
from analysis.inference.intervals import Interval, t_quantile
from analysis.inference.rates import MIN_CLUSTERS
from analysis.trials import Trials

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

    Proportions in [0, 1], for new people and new images; 0.5 is chance. None as long as there is
    no valid interval: with fewer than ten people, one image, or equal rates for all people.
    """
    answered = np.bincount(trials.participant)
    fooled = np.bincount(trials.participant, weights=trials.fooled)
    means = fooled[answered > 0] / answered[answered > 0]
    participants = len(means)
    if participants < MIN_CLUSTERS or trials.factor_levels[1] < 2:
        return None
    rate, sd = float(means.mean()), float(means.std(ddof=1))
    if sd == 0:
        return None
    added = _image_variance(
        trials, (trials.fooled - rate) / answered[trials.participant] / participants
    )
    half = sqrt(confidence_sequence_radius(sd, participants) ** 2 + t_quantile(inf) ** 2 * added)
    return rate, (max(0.0, rate - half), min(1.0, rate + half))


def _image_variance(trials: Trials, influence: Influence) -> float:
    """Return the variance that clustering by image adds to that by participant, at least 0."""
    by_people = clustered_variance(influence, trials.participant)
    factors, _ = trials.estimable_factors()
    return max(multiway_variance(influence, factors) - by_people, 0.0)
