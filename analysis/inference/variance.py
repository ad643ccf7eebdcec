"""Variance components: how much participants and images differ in fooling.

On the scale of probabilities, in closed form: the one-way ANOVA intraclass correlation (Fisher
1925; unequal groups, Donner 1986) and variance components of the two-way crossed layout
(Henderson 1953, method 1).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.trials import Codes, FloatArray, Trials, count_clusters

NumericArray = NDArray[np.bool_] | NDArray[np.float64]


@dataclass(frozen=True)
class VarianceComponents:
    """Variance components and their shares; None if they cannot be estimated.

    icc_participant, icc_image: one-way ANOVA, of one factor with the other left in the rest.
    participant, image, residual: variances, each with the other factors taken out, which is what
    planning needs. Any but the residual may be negative, which means no detectable variance.
    flags: `one_participant`, `one_image`, `one_trial_each_participant`, `one_trial_each_image`,
    `rate_at_bound`, `no_trials`, `not_identified` (people and images are confounded).
    """

    icc_participant: float | None = None
    icc_image: float | None = None
    participant: float | None = None
    image: float | None = None
    residual: float | None = None
    flags: tuple[str, ...] = ()


def estimate_variance_components(trials: Trials) -> VarianceComponents:
    """Estimate the variance components of one method's trials."""
    n, fooled = len(trials.fooled), int(trials.fooled.sum())
    if n == 0:
        return VarianceComponents(flags=("no_trials",))
    participants, images = count_clusters(trials.participant), count_clusters(trials.image)
    is_raised_by_flag = {
        "one_participant": participants == 1,
        "one_image": images == 1,
        "one_trial_each_participant": participants == n > 1,
        "one_trial_each_image": images == n > 1,
        "rate_at_bound": fooled in (0, n),
    }
    flags = tuple(flag for flag, is_raised in is_raised_by_flag.items() if is_raised)
    partial = VarianceComponents(
        estimate_icc(trials.fooled, trials.participant),
        estimate_icc(trials.fooled, trials.image),
        flags=flags,
    )
    if flags:
        return partial
    variances = estimate_crossed_variances(
        trials.fooled.astype(np.float64), trials.participant, trials.image
    )
    if variances is None:
        return replace(partial, flags=("not_identified",))
    participant, image, residual = variances
    return replace(partial, participant=participant, image=image, residual=residual)


def estimate_icc(values: NumericArray, codes: Codes) -> float | None:
    """Return the one-way intraclass correlation of values (n,) in the clusters of codes (n,).

    None with one cluster, one value in each, or no variation.
    """
    sizes = np.bincount(codes)
    sizes, totals = sizes[sizes > 0], np.bincount(codes, weights=values)[sizes > 0]
    n, clusters = len(values), len(sizes)
    if clusters in (1, n):
        return None
    of_clusters = float(totals @ (totals / sizes))
    between = (of_clusters - float(values.sum()) ** 2 / n) / (clusters - 1)
    within = (float(values @ values.astype(float)) - of_clusters) / (n - clusters)
    size = (n - float(sizes @ sizes) / n) / (clusters - 1)
    total = between + (size - 1) * within
    return (between - within) / total if total > 0 else None


def estimate_crossed_variances(
    values: FloatArray, rows: Codes, columns: Codes
) -> tuple[float, float, float] | None:
    """Return the variances of two crossed factors and of the residual, by Henderson's method 1.

    values (n,); rows, columns (n,): codes of the two factors, such as participants and images. For
    complete tables these are the estimates by analysis of variance. None if the factors are
    confounded.
    """
    n, width = len(values), int(columns.max()) + 1
    cells, sizes = np.unique(rows * width + columns, return_counts=True)
    of_rows, of_columns = np.bincount(rows), np.bincount(columns)
    expected = [
        [n, sizes**2 @ (1 / of_rows[cells // width]), count_clusters(rows)],
        [sizes**2 @ (1 / of_columns[cells % width]), n, count_clusters(columns)],
        [n, n, n],
    ]
    mean = [of_rows @ of_rows / n, of_columns @ of_columns / n, 1.0]
    sums_of_squares = [
        _between_sum_of_squares(values, rows),
        _between_sum_of_squares(values, columns),
        float(values @ values),
    ]
    layout = np.array(expected) - mean
    if np.linalg.cond(layout) > 1e9:
        return None
    row_variance, column_variance, residual = np.linalg.solve(
        layout, np.array(sums_of_squares) - values.sum() ** 2 / n
    )
    return float(row_variance), float(column_variance), float(residual)


def _between_sum_of_squares(values: NDArray[np.float64], codes: Codes) -> float:
    """Return the sum over clusters of the squared total divided by the size."""
    sizes = np.bincount(codes)
    return float((np.bincount(codes, weights=values) ** 2 / np.maximum(sizes, 1)).sum())
