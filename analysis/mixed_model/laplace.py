"""Laplace's approximation of a logistic model with crossed random effects, and its exact gradient.

As in lme4 (Bates et al. 2015). Trials link people to images, never people to people or images to
images, so the larger factor is eliminated and only the smaller one factored (Schur complement).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, special

from analysis.trials import Codes, FloatArray

MAX_NEWTON_STEPS = 60
RELATIVE_TOLERANCE = 1e-12


class CrossedLayout(NamedTuple):
    """n trials of G groups; `small` codes the factor of fewer levels (F), `large` the other (M).

    fooled, group, small, large (n,): codes without gaps. cell (n,): the distinct pair of levels, of
    C. rows, columns (C,): a cell's two levels; starts (F + 1,): where a row's cells begin.
    """

    fooled: FloatArray
    group: Codes
    small: Codes
    large: Codes
    cell: Codes
    rows: Codes
    columns: Codes
    starts: Codes

    def sums(self, codes: Codes, values: FloatArray, levels: int) -> FloatArray:
        """(levels, G): values (n,) added up by level and group."""
        groups = int(self.group.max()) + 1
        sums = np.bincount(codes * groups + self.group, values, levels * groups)
        return np.asarray(sums, dtype=np.float64).reshape(levels, groups)


class RandomEffects(NamedTuple):
    """few (F, K), many (M, K): of every level, or numbers like them."""

    small: FloatArray
    large: FloatArray


class Loadings(NamedTuple):
    """small, large (G, K): what a standard normal effect adds to the log odds in each group."""

    small: FloatArray
    large: FloatArray

    def linear_predictor(self, layout: CrossedLayout, effects: RandomEffects) -> FloatArray:
        """(n,): what the effects add to every trial."""
        few = np.einsum("nk,nk->n", self.small[layout.group], effects.small[layout.small])
        many = np.einsum("nk,nk->n", self.large[layout.group], effects.large[layout.large])
        together: FloatArray = few + many
        return together

    def transpose_apply(self, layout: CrossedLayout, values: FloatArray) -> RandomEffects:
        """Sum values (n,) over each effect's loads: the transpose of `linear_predictor`."""
        rows, columns = len(layout.starts) - 1, int(layout.large.max()) + 1
        few = layout.sums(layout.small, values, rows) @ self.small
        return RandomEffects(few, layout.sums(layout.large, values, columns) @ self.large)


def build_layout(
    fooled: NDArray[np.bool_], group: Codes, participant: Codes, image: Codes
) -> tuple[CrossedLayout, bool]:
    """Build the layout of trials (n,); also return whether its factors are images, then people."""
    participants, images = (
        np.unique(codes, return_inverse=True)[1] for codes in (participant, image)
    )
    swapped = bool(participants.max() > images.max())
    few, many = (images, participants) if swapped else (participants, images)
    width = int(many.max()) + 1
    cells, cell = np.unique(few * width + many, return_inverse=True)
    rows, columns = np.divmod(cells, width)
    starts = np.searchsorted(rows, np.arange(few.max() + 2))
    return CrossedLayout(
        fooled.astype(float), group, few, many, cell, rows, columns, starts
    ), swapped


class LaplacePoint(NamedTuple):
    """-2 log likelihood, its slopes in beta (G,) and in the loads, and the effects' modes."""

    deviance: float
    beta_gradient: FloatArray
    loading_gradient: Loadings
    modes: RandomEffects


def laplace_deviance(
    layout: CrossedLayout,
    beta: FloatArray,
    loads: Loadings,
    start_modes: RandomEffects | None = None,
) -> LaplacePoint:
    """start_modes: modes found close by, to begin with; the result does not depend on them."""
    start = start_modes or loads.transpose_apply(layout, np.zeros_like(layout.fooled))
    modes, penalized = _find_modes(layout, beta, loads, start)
    rate = special.expit(beta[layout.group] + loads.linear_predictor(layout, modes))
    weight, rest = rate * (1 - rate), layout.fooled - rate
    curvature = _build_hessian(layout, weight, loads)
    along = _inverse_hessian_products(layout, curvature, loads)
    leverage = np.einsum("nk,nk->n", loads.small[layout.group], along.small)
    leverage += np.einsum("nk,nk->n", loads.large[layout.group], along.large)
    spread = leverage * weight * (1 - 2 * rate)
    # pull: how the modes follow, since the log determinant depends on them
    mode_response = curvature.solve(loads.transpose_apply(layout, spread))
    by_logit = spread - 2 * rest - weight * loads.linear_predictor(layout, mode_response)

    def slope(codes: Codes, mode: FloatArray, own: FloatArray, pulled: FloatArray) -> FloatArray:
        by_trial = by_logit[:, None] * mode[codes] + 2 * weight[:, None] * own
        by_trial += rest[:, None] * pulled[codes]
        return np.stack([np.bincount(layout.group, column) for column in by_trial.T], axis=1)

    by_few = slope(layout.small, modes.small, along.small, mode_response.small)
    by_many = slope(layout.large, modes.large, along.large, mode_response.large)
    by_beta = np.asarray(np.bincount(layout.group, by_logit), dtype=np.float64)
    deviance = penalized + curvature.log_determinant()
    return LaplacePoint(deviance, by_beta, Loadings(by_few, by_many), modes)


class _Hessian(NamedTuple):
    """Half the Hessian in the effects, [[few, cross], [cross', many]], with many eliminated.

    large_inverse (M, K, K): inverse of its blocks. cells (C, K, K): blocks of cross / many, which
    as one
    matrix is scaled (F K, M K). root (F K, F K): Cholesky's of what is left of few.
    """

    large_inverse: FloatArray
    cells: FloatArray
    scaled: sparse.bsr_array
    cholesky: FloatArray

    def solve(self, right: RandomEffects) -> RandomEffects:
        shrunk = right.small.ravel() - self.scaled @ right.large.ravel()
        few = linalg.cho_solve((self.cholesky, True), shrunk)
        many = np.einsum("mkl,ml->mk", self.large_inverse, right.large)
        many -= (self.scaled.T @ few).reshape(many.shape)
        return RandomEffects(few.reshape(right.small.shape), many)

    def log_determinant(self) -> float:
        few = 2 * np.log(np.diag(self.cholesky)).sum()
        return float(few - np.linalg.slogdet(self.large_inverse)[1].sum())


def _build_hessian(layout: CrossedLayout, weight: FloatArray, loads: Loadings) -> _Hessian:
    rows, columns = len(layout.starts) - 1, int(layout.large.max()) + 1
    a, b = loads
    size = a.shape[1]
    few = np.eye(size) + _loading_blocks(layout.sums(layout.small, weight, rows), a, a)
    curved = np.eye(size) + _loading_blocks(layout.sums(layout.large, weight, columns), b, b)
    many = np.asarray(np.linalg.inv(curved), dtype=np.float64)
    cross = _loading_blocks(layout.sums(layout.cell, weight, len(layout.rows)), a, b)
    cells = cross @ many[layout.columns]
    whole, scaled = (
        sparse.bsr_array((each, layout.columns, layout.starts), (rows * size, columns * size))
        for each in (cross, cells)
    )
    left = np.zeros((rows, size, rows, size))
    left[np.arange(rows), :, np.arange(rows)] = few
    schur = left.reshape(rows * size, rows * size) - (scaled @ whole.T).toarray()
    return _Hessian(many, cells, scaled, linalg.cholesky(schur, lower=True))


def _loading_blocks(sums: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """(L, K, K): of sums (L, G), each group's times the product of its loads."""
    groups, size = a.shape
    products = (a[:, :, None] * b[:, None, :]).reshape(groups, size * size)
    blocks: FloatArray = (sums @ products).reshape(-1, size, size)
    return blocks


def _find_modes(
    layout: CrossedLayout, beta: FloatArray, loads: Loadings, start: RandomEffects
) -> tuple[RandomEffects, float]:
    """Standardized effects of highest penalized likelihood, and -2 times its log."""

    def penalize(few: FloatArray, many: FloatArray) -> tuple[float, FloatArray]:
        logit = beta[layout.group] + loads.linear_predictor(layout, RandomEffects(few, many))
        loss = np.logaddexp(0, logit).sum() - logit @ layout.fooled
        return float(2 * loss + (few**2).sum() + (many**2).sum()), logit

    few, many = start
    lowest, logit = penalize(few, many)
    for _ in range(MAX_NEWTON_STEPS):
        rate = special.expit(logit)
        gradient = loads.transpose_apply(layout, layout.fooled - rate)
        ascent_direction = RandomEffects(gradient.small - few, gradient.large - many)
        step = _build_hessian(layout, rate * (1 - rate), loads).solve(ascent_direction)
        gain = (ascent_direction.small * step.small).sum() + (
            ascent_direction.large * step.large
        ).sum()
        length = 1.0
        reached, logit = penalize(few + step.small, many + step.large)
        # convex: a short enough step descends
        while reached > lowest + RELATIVE_TOLERANCE * lowest:
            length /= 2
            reached, logit = penalize(few + length * step.small, many + length * step.large)
        few, many, lowest = few + length * step.small, many + length * step.large, reached
        if gain < 1e-10:
            break
    return RandomEffects(few, many), lowest


def _inverse_hessian_products(
    layout: CrossedLayout, curvature: _Hessian, loads: Loadings
) -> RandomEffects:
    """Return the inverse Hessian times each trial's loads, at its own two levels: (n, K) each."""
    rows, size = len(layout.starts) - 1, loads.small.shape[1]
    inverse = linalg.cho_solve((curvature.cholesky, True), np.eye(rows * size))
    corner = -(curvature.scaled.T @ inverse).reshape(-1, size, rows, size)
    own_few = inverse.reshape(rows, size, rows, size)[np.arange(rows), :, np.arange(rows)]
    between = corner[layout.columns, :, layout.rows]  # (C, K of many, K of few)
    own_many = curvature.large_inverse.copy()
    np.subtract.at(own_many, layout.columns, between @ curvature.cells)
    a, b, between = loads.small[layout.group], loads.large[layout.group], between[layout.cell]
    few = np.einsum("njk,nk->nj", own_few[layout.small], a) + np.einsum("nkj,nk->nj", between, b)
    many = np.einsum("njk,nk->nj", own_many[layout.large], b) + np.einsum("njk,nk->nj", between, a)
    return RandomEffects(few, many)
