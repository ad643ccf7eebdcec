"""Quantiles, and intervals of a proportion from an effective, perhaps fractional, number of trials.

Wilson 1927; Clopper & Pearson 1934; Korn & Graubard 1998 for effective sample sizes.
"""

from math import sqrt

from scipy import special

Interval = tuple[float, float]


def t_quantile(df: float, probability: float = 0.975) -> float:
    """Student's t; infinite df is the normal."""
    return float(special.stdtrit(df, probability))


def two_sided_p(t: float, df: float) -> float:
    """Return the two-sided p value of a t statistic."""
    return float(2 * special.stdtr(df, -abs(t)))


def one_sided_p(t: float, df: float) -> float:
    """Return the one-sided (upper) p value of a t statistic."""
    return float(special.stdtr(df, -t))


def clip_interval(interval: Interval, ends: Interval | None) -> Interval:
    """Return the part of an interval within the ends of a scale; all of it if they are None."""
    if ends is None:
        return interval
    return max(interval[0], ends[0]), min(interval[1], ends[1])


def wilson_interval(rate: float, trials: float, critical: float) -> Interval:
    """Score interval of a proportion.

    rate: in [0, 1]; trials: (effective) number, above 0; critical: quantile of z or t.
    """
    shrink = 1 + critical**2 / trials
    center = (rate + critical**2 / (2 * trials)) / shrink
    half = critical * sqrt(rate * (1 - rate) / trials + (critical / (2 * trials)) ** 2) / shrink
    return max(0.0, center - half), min(1.0, center + half)


def clopper_pearson_interval(rate: float, trials: float, level: float = 0.95) -> Interval:
    """Exact binomial interval, by beta quantiles so that trials may be fractional."""
    hits, misses, tail = rate * trials, (1 - rate) * trials, (1 - level) / 2
    low = float(special.betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high


def newcombe_interval(a: float, ci_a: Interval, b: float, ci_b: Interval) -> Interval:
    """Interval of a - b from the two proportions' own intervals (Newcombe 1998, method 10).

    Takes the proportions as independent, which is cautious where they correlate.
    """
    low = a - b - sqrt((a - ci_a[0]) ** 2 + (ci_b[1] - b) ** 2)
    high = a - b + sqrt((ci_a[1] - a) ** 2 + (b - ci_b[0]) ** 2)
    return low, high
