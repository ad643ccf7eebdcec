"""Laplace's approximation of a logistic model with crossed random effects, and its exact gradient.

As in lme4 (Bates et al. 2015). Trials link people to images, never people to people or images to
images, so the larger factor is eliminated and only the smaller one factored (Schur complement).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, special

from analysis.trials import Codes

NEWTON_STEPS = 60
ROUNDING = 1e-12

Floats = NDArray[np.float64]


class Layout(NamedTuple):
    """n trials of G groups; `few` codes the factor of fewer levels (F), `many` the other (M).

    fooled, group, few, many (n,): codes without gaps. cell (n,): the distinct pair of levels, of
    C. rows, columns (C,): a cell's two levels; starts (F + 1,): where a row's cells begin.
    """

    fooled: Floats
    group: Codes
    few: Codes
    many: Codes
    cell: Codes
    rows: Codes
    columns: Codes
    starts: Codes

    def sums(self, codes: Codes, values: Floats, levels: int) -> Floats:
        """(levels, G): values (n,) added up by level and group."""
        groups = int(self.group.max()) + 1
        sums = np.bincount(codes * groups + self.group, values, levels * groups)
        return np.asarray(sums, dtype=np.float64).reshape(levels, groups)


class Effects(NamedTuple):
    """few (F, K), many (M, K): of every level, or numbers like them."""

    few: Floats
    many: Floats


class Loads(NamedTuple):
    """few, many (G, K): what a standard normal effect adds to the log odds in each group."""

    few: Floats
    many: Floats

    def apply(self, study: Layout, effects: Effects) -> Floats:
        """(n,): what the effects add to every trial."""
        few = np.einsum("nk,nk->n", self.few[study.group], effects.few[study.few])
        many = np.einsum("nk,nk->n", self.many[study.group], effects.many[study.many])
        together: Floats = few + many
        return together

    def collect(self, study: Layout, values: Floats) -> Effects:
        """Values (n,) added up for every effect by how it loads: the transpose of `apply`."""
        rows, columns = len(study.starts) - 1, int(study.many.max()) + 1
        few = study.sums(study.few, values, rows) @ self.few
        return Effects(few, study.sums(study.many, values, columns) @ self.many)


def lay_out(
    fooled: NDArray[np.bool_], group: Codes, participant: Codes, image: Codes
) -> tuple[Layout, bool]:
    """The layout of trials (n,), and whether its factors are in the order of images and people."""
    people, images = (np.unique(codes, return_inverse=True)[1] for codes in (participant, image))
    swapped = bool(people.max() > images.max())
    few, many = (images, people) if swapped else (people, images)
    width = int(many.max()) + 1
    cells, cell = np.unique(few * width + many, return_inverse=True)
    rows, columns = np.divmod(cells, width)
    starts = np.searchsorted(rows, np.arange(few.max() + 2))
    return Layout(fooled.astype(float), group, few, many, cell, rows, columns, starts), swapped


class Point(NamedTuple):
    """-2 log likelihood, its slopes in beta (G,) and in the loads, and the effects' modes."""

    deviance: float
    by_beta: Floats
    by_loads: Loads
    modes: Effects


def laplace_deviance(
    study: Layout, beta: Floats, loads: Loads, near: Effects | None = None
) -> Point:
    """near: modes found close by, to begin with; the result does not depend on them."""
    start = near or loads.collect(study, np.zeros_like(study.fooled))
    modes, penalized = _find_modes(study, beta, loads, start)
    rate = special.expit(beta[study.group] + loads.apply(study, modes))
    weight, rest = rate * (1 - rate), study.fooled - rate
    curvature = _curve(study, weight, loads)
    along = _invert_along(study, curvature, loads)
    leverage = np.einsum("nk,nk->n", loads.few[study.group], along.few)
    leverage += np.einsum("nk,nk->n", loads.many[study.group], along.many)
    spread = leverage * weight * (1 - 2 * rate)
    # pull: how the modes follow, since the log determinant depends on them
    pull = curvature.solve(loads.collect(study, spread))
    by_logit = spread - 2 * rest - weight * loads.apply(study, pull)

    def slope(codes: Codes, mode: Floats, own: Floats, pulled: Floats) -> Floats:
        by_trial = by_logit[:, None] * mode[codes] + 2 * weight[:, None] * own
        by_trial += rest[:, None] * pulled[codes]
        return np.stack([np.bincount(study.group, column) for column in by_trial.T], axis=1)

    by_few = slope(study.few, modes.few, along.few, pull.few)
    by_many = slope(study.many, modes.many, along.many, pull.many)
    by_beta = np.asarray(np.bincount(study.group, by_logit), dtype=np.float64)
    deviance = penalized + curvature.log_determinant()
    return Point(deviance, by_beta, Loads(by_few, by_many), modes)


class _Curvature(NamedTuple):
    """Half the Hessian in the effects, [[few, cross], [cross', many]], with many eliminated.

    many (M, K, K): inverse of its blocks. cells (C, K, K): blocks of cross / many, which as one
    matrix is scaled (F K, M K). root (F K, F K): Cholesky's of what is left of few.
    """

    many: Floats
    cells: Floats
    scaled: sparse.bsr_array
    root: Floats

    def solve(self, right: Effects) -> Effects:
        shrunk = right.few.ravel() - self.scaled @ right.many.ravel()
        few = linalg.cho_solve((self.root, True), shrunk)
        many = np.einsum("mkl,ml->mk", self.many, right.many)
        many -= (self.scaled.T @ few).reshape(many.shape)
        return Effects(few.reshape(right.few.shape), many)

    def log_determinant(self) -> float:
        few = 2 * np.log(np.diag(self.root)).sum()
        return float(few - np.linalg.slogdet(self.many)[1].sum())


def _curve(study: Layout, weight: Floats, loads: Loads) -> _Curvature:
    rows, columns = len(study.starts) - 1, int(study.many.max()) + 1
    a, b = loads
    size = a.shape[1]
    few = np.eye(size) + _blocks(study.sums(study.few, weight, rows), a, a)
    curved = np.eye(size) + _blocks(study.sums(study.many, weight, columns), b, b)
    many = np.asarray(np.linalg.inv(curved), dtype=np.float64)
    cross = _blocks(study.sums(study.cell, weight, len(study.rows)), a, b)
    cells = cross @ many[study.columns]
    whole, scaled = (
        sparse.bsr_array((each, study.columns, study.starts), (rows * size, columns * size))
        for each in (cross, cells)
    )
    left = np.zeros((rows, size, rows, size))
    left[np.arange(rows), :, np.arange(rows)] = few
    schur = left.reshape(rows * size, rows * size) - (scaled @ whole.T).toarray()
    return _Curvature(many, cells, scaled, linalg.cholesky(schur, lower=True))


def _blocks(sums: Floats, a: Floats, b: Floats) -> Floats:
    """(L, K, K): of sums (L, G), each group's times the product of its loads."""
    blocks: Floats = np.einsum("lg,gj,gk->ljk", sums, a, b, optimize=True)
    return blocks


def _find_modes(study: Layout, beta: Floats, loads: Loads, start: Effects) -> tuple[Effects, float]:
    """Standardized effects of highest penalized likelihood, and -2 times its log."""

    def penalize(few: Floats, many: Floats) -> tuple[float, Floats]:
        logit = beta[study.group] + loads.apply(study, Effects(few, many))
        loss = np.logaddexp(0, logit).sum() - logit @ study.fooled
        return float(2 * loss + (few**2).sum() + (many**2).sum()), logit

    few, many = start
    lowest, logit = penalize(few, many)
    for _ in range(NEWTON_STEPS):
        rate = special.expit(logit)
        up = loads.collect(study, study.fooled - rate)
        down = Effects(up.few - few, up.many - many)
        step = _curve(study, rate * (1 - rate), loads).solve(down)
        gain = (down.few * step.few).sum() + (down.many * step.many).sum()
        length = 1.0
        reached, logit = penalize(few + step.few, many + step.many)
        while reached > lowest + ROUNDING * lowest:  # convex: a short enough step descends
            length /= 2
            reached, logit = penalize(few + length * step.few, many + length * step.many)
        few, many, lowest = few + length * step.few, many + length * step.many, reached
        if gain < 1e-10:
            break
    return Effects(few, many), lowest


def _invert_along(study: Layout, curvature: _Curvature, loads: Loads) -> Effects:
    """The inverse Hessian times each trial's loads, at its own two levels: (n, K) each."""
    rows, size = len(study.starts) - 1, loads.few.shape[1]
    inverse = linalg.cho_solve((curvature.root, True), np.eye(rows * size))
    corner = -(curvature.scaled.T @ inverse).reshape(-1, size, rows, size)
    own_few = inverse.reshape(rows, size, rows, size)[np.arange(rows), :, np.arange(rows)]
    between = corner[study.columns, :, study.rows]  # (C, K of many, K of few)
    own_many = curvature.many.copy()
    np.subtract.at(own_many, study.columns, between @ curvature.cells)
    a, b, between = loads.few[study.group], loads.many[study.group], between[study.cell]
    few = np.einsum("njk,nk->nj", own_few[study.few], a) + np.einsum("nkj,nk->nj", between, b)
    many = np.einsum("njk,nk->nj", own_many[study.many], b) + np.einsum("njk,nk->nj", between, a)
    return Effects(few, many)
