"""Variance components: how much participants and images differ in fooling.

On the scale of probabilities, in closed form: the one-way ANOVA intraclass correlation (Fisher
1925; unequal groups, Donner 1986) and variance components of the two-way crossed layout
(Henderson 1953, method 1).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.trials import (
    AnyTrials,
    Codes,
    Factor,
    FloatArray,
    IntArray,
    Trials,
    count_by_cluster,
    sum_by_cluster,
)

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


def estimate_variance_components(trials: AnyTrials) -> VarianceComponents:
    """Estimate the variance components of one method's trials."""
    n, fooled = trials.size, trials.fooled_count
    if n == 0:
        return VarianceComponents(flags=("no_trials",))
    participants, images, *_ = trials.factor_levels
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
    variances = _estimate_variances_of(trials)
    if variances is None:
        return replace(partial, flags=("not_identified",))
    participant, image, residual = variances
    return replace(partial, participant=participant, image=image, residual=residual)


def _estimate_variances_of(trials: AnyTrials) -> tuple[float, float, float] | None:
    values = trials.fooled.astype(np.float64)
    if isinstance(trials, Trials):
        return estimate_crossed_variances(values, trials.participant, trials.image)
    shares = trials.cell_shares or trials.factor_levels[:2]
    return _solve_crossed(
        _tally(values, trials.participant),
        _tally(values, trials.image),
        (float(shares[0]), float(shares[1])),
        trials.fooled_count,
    )


def estimate_icc(values: NumericArray, codes: Factor) -> float | None:
    """Return the one-way intraclass correlation of values (n,) in the clusters of codes (n,).

    None with one cluster, one value in each, or no variation.
    """
    sizes, totals = _tally(values, codes)
    n, clusters = int(sizes.sum()), len(sizes)
    if clusters in (1, n):
        return None
    of_clusters = float(totals @ (totals / sizes))
    between = (of_clusters - float(totals.sum()) ** 2 / n) / (clusters - 1)
    squares = float(sum_by_cluster(codes, np.square(values, dtype=np.float64)).sum())
    within = (squares - of_clusters) / (n - clusters)
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
    width = int(columns.max()) + 1
    cells, sizes = np.unique(rows * width + columns, return_counts=True)
    of_rows, of_columns = np.bincount(rows), np.bincount(columns)
    shares = (
        float(sizes**2 @ (1 / of_rows[cells // width])),
        float(sizes**2 @ (1 / of_columns[cells % width])),
    )
    return _solve_crossed(
        _tally(values, rows), _tally(values, columns), shares, float(values @ values)
    )


Tally = tuple[IntArray, FloatArray]  # the sizes and the totals of clusters


def _solve_crossed(
    rows: Tally, columns: Tally, cell_shares: tuple[float, float], sum_of_squares: float
) -> tuple[float, float, float] | None:
    """Solve for the variances, given the sums of squares and what each expects.

    cell_shares: the sums over cells of the squared size, divided by that of the row, and by that of
    the column. sum_of_squares: of the values.
    """
    (of_rows, row_totals), (of_columns, column_totals) = rows, columns
    n, total = int(of_rows.sum()), float(row_totals.sum())
    expected = [
        [n, cell_shares[0], len(of_rows)],
        [cell_shares[1], n, len(of_columns)],
        [n, n, n],
    ]
    mean = [of_rows @ of_rows / n, of_columns @ of_columns / n, 1.0]
    sums_of_squares = [
        float(row_totals @ (row_totals / of_rows)),
        float(column_totals @ (column_totals / of_columns)),
        sum_of_squares,
    ]
    layout = np.array(expected) - mean
    if np.linalg.cond(layout) > 1e9:
        return None
    row_variance, column_variance, residual = np.linalg.solve(
        layout, np.array(sums_of_squares) - total**2 / n
    )
    return float(row_variance), float(column_variance), float(residual)


def _tally(values: NumericArray, codes: Factor) -> Tally:
    """Return the sizes and the totals of the values of the clusters that have any."""
    sizes, totals = count_by_cluster(codes), sum_by_cluster(codes, values)
    return sizes[sizes > 0], totals[sizes > 0]
