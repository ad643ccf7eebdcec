"""The power of a scenario, and the numbers of participants and images that a power needs.

Power is computed from Student's t with the report's degrees of freedom, at a level that survives
Holm's correction for all pairs of methods.
"""

from collections.abc import Callable
from dataclasses import replace
from math import copysign, inf

import numpy as np
from scipy import special

from analysis.inference.intervals import t_quantile
from analysis.planning.formulas import Scenario

MAX_COUNT = 1_000_000  # participants or images; more are never searched
# Levels of the quantiles that represent a distribution.
QUANTILE_SHARES = (np.arange(500) + 0.5) / 500


def compute_power(scenario: Scenario, participants: float) -> float:
    """Return the power of a study with this number of participants.

    The test is two-sided at the scenario's alpha, or two one-sided tests (TOST). participants:
    total number; with an infinite number, only the images limit the power.
    """
    df = scenario.degrees_of_freedom(participants)
    se = scenario.difference_se(participants)
    # SE in the data, as multiples of se
    estimated = np.sqrt(special.chdtri(df, QUANTILE_SHARES) / df)
    if scenario.margin is None:
        critical_value = t_quantile(df, 1 - scenario.alpha / 2) * estimated
        z = _in_standard_errors(scenario.difference, se)
        power_by_quantile = special.ndtr(z - critical_value) + special.ndtr(-z - critical_value)
    else:
        critical_value = t_quantile(df, 1 - scenario.alpha) * estimated
        below = special.ndtr(
            _in_standard_errors(scenario.margin - scenario.difference, se) - critical_value
        )
        above = special.ndtr(
            _in_standard_errors(scenario.margin + scenario.difference, se) - critical_value
        )
        power_by_quantile = np.maximum(below + above - 1, 0)
    return float(power_by_quantile.mean())


def find_participants_needed(scenario: Scenario, target: float) -> int | None:
    """Return the smallest number of participants with this power, None if no number has it.

    It is a multiple of the scenario's group.
    """
    groups = _smallest_sufficient(
        lambda count: compute_power(scenario, count * scenario.group) >= target, least=2
    )
    return groups and groups * scenario.group


def find_images_needed(scenario: Scenario, target: float) -> int | None:
    """Return the smallest number of images with which infinitely many people have this power."""
    return _smallest_sufficient(
        lambda images: compute_power(replace(scenario, images=images), inf) >= target,
        least=scenario.fewest_images,
    )


def expected_half_width(scenario: Scenario, participants: int) -> float:
    """Return the expected half width of the 95% interval: of the first rate, or the difference."""
    df = scenario.degrees_of_freedom(participants)
    return t_quantile(df) * scenario.reported_se(participants)


def _smallest_sufficient(suffices: Callable[[int], bool], least: int) -> int | None:
    """Find the smallest sufficient count from `least` to MAX_COUNT by bisection."""
    low, high = least - 1, least
    while not suffices(high):
        if high > MAX_COUNT:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _in_standard_errors(distance: float, se: float) -> float:
    """Divide by a standard error that may be 0."""
    return distance / se if se else copysign(inf, distance)
