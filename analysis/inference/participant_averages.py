"""The fooling rate with every participant weighted equally, beside the rate over all trials.

If people who are fooled more (or less) answer fewer trials, the rate over all trials is that of the
people who stay. The mean of the participants' own rates is not, as long as each of them has trials.
"""

from dataclasses import dataclass, replace
from math import sqrt

from analysis.inference.clusters import Influence, floored_variance, multiway_variance
from analysis.inference.intervals import Interval, t_quantile, two_sided_p, wilson_interval
from analysis.trials import AnyTrials, IntArray, Trials, count_by_cluster

MIN_VARIANCE = 1e-15  # a variance below this is not in the data


@dataclass(frozen=True)
class ParticipantAverage:
    """The mean of the participants' own rates; None for what cannot be estimated.

    se, ci95, df: for new people and new images, as in `Rate`. difference: the rate over all trials
    minus this one; p: its two-sided test against 0. A small p means that people with many trials
    are fooled more often (difference above 0) or less often (below 0) than people with few.
    """

    rate: float | None = None
    se: float | None = None
    ci95: Interval | None = None
    df: int | None = None
    difference: float | None = None
    p: float | None = None


def estimate_participant_average(trials: AnyTrials) -> ParticipantAverage:
    """Estimate the participant-averaged rate of one method's trials.

    There is no interval for a rate of 0 or 1, or for a single participant.
    """
    n, fooled = trials.size, trials.fooled_count
    if n == 0:
        return ParticipantAverage()
    participants = trials.factor_levels[0]
    weights = 1.0 / (_count_own_trials(trials) * participants)
    rate, pooled = trials.total(weights * trials.fooled), fooled / n
    partial = ParticipantAverage(rate, difference=pooled - rate)
    if participants == 1 or fooled in (0, n):
        return partial
    factors, df = trials.estimable_factors()
    influence = weights * (trials.fooled - rate)
    spread = rate * (1 - rate)
    independent = spread * trials.total(weights**2)  # the least that the variance may be
    variance = max(multiway_variance(influence, factors), independent)
    return replace(
        partial,
        se=sqrt(variance),
        ci95=wilson_interval(rate, spread / variance, t_quantile(df)),
        df=df,
        p=_test_difference(trials, (trials.fooled - pooled) / n - influence, pooled - rate),
    )


def _count_own_trials(trials: AnyTrials) -> IntArray:
    """Return (n,): the number of trials of each trial's participant."""
    if isinstance(trials, Trials):
        return count_by_cluster(trials.participant)[trials.participant]
    assert trials.person_trials is not None
    return trials.person_trials


def _test_difference(trials: AnyTrials, influence: Influence, difference: float) -> float | None:
    """Return p of the difference between both rates; None if all have equally many trials."""
    factors, df = trials.estimable_factors()
    variance = floored_variance(influence, factors)
    return two_sided_p(difference / sqrt(variance), df) if variance >= MIN_VARIANCE else None
