"""Fit of a logistic model with crossed random intercepts of participants and images.

Laplace approximation as in lme4 (Bates et al. 2015). Trials link people to images, never people to
people or images to images, so the larger factor is eliminated and only the smaller one factored
(Schur complement). The gradient of the deviance is exact.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, sparse, special  # type: ignore[import-untyped]

from analysis.clusters import Codes

NO_VARIANCE = 1e-3  # an SD whose absence adds less deviance than this is 0
LARGEST = 10.0  # a beta or SD beyond this has run off: the data separate
FLAT = 0.01  # a slope of the deviance below this is that of a minimum
NEWTON_STEPS = 60
ROUNDING = 1e-12

Floats = NDArray[np.float64]


class Fit(NamedTuple):
    """beta (M,), sds (2,) of participants and images: log odds, with the deviance at them.

    covariance (M + 2, M + 2): of beta and the SDs; zeros for an SD of 0, None where the data
    cannot tell. flags: `not_converged`, `not_identified`, `no_participant_variance`,
    `no_image_variance`.
    """

    beta: Floats
    sds: Floats
    deviance: float
    covariance: Floats | None
    flags: tuple[str, ...]


def fit_crossed(fooled: NDArray[np.bool_], group: Codes, participant: Codes, image: Codes) -> Fit:
    """logit P(fooled) = beta[group] + participant + image, all (n,); group: codes 0..M-1.

    Every group needs trials that fooled and trials that did not, each factor two levels.
    """
    study, swapped = _lay_out(fooled, group, participant, image)
    shares = np.bincount(group, fooled) / np.bincount(group)
    start = np.concatenate([special.logit(shares), [0.5, 0.5]])
    found = optimize.minimize(
        lambda at: _deviance(study, at),
        start,
        jac=True,
        method="BFGS",
        callback=_stop_running_off,
        options={"gtol": 1e-4},
    )
    at = _drop_absent(study, np.append(found.x[:-2], np.abs(found.x[-2:])), found.fun)
    deviance, slopes = _deviance(study, at)
    order = np.r_[: len(at) - 2, [-1, -2] if swapped else [-2, -1]]
    beta, sds = np.split(at[order], [-2])
    if np.abs(at).max() > LARGEST or np.abs(slopes).max() > FLAT:
        return Fit(beta, sds, deviance, None, ("not_converged",))
    covariance = _covariance(study, at)
    if covariance is None:
        return Fit(beta, sds, deviance, None, ("not_identified",))
    absent = zip(("no_participant_variance", "no_image_variance"), sds == 0, strict=True)
    flags = tuple(flag for flag, is_absent in absent if is_absent)
    return Fit(beta, sds, deviance, covariance[np.ix_(order, order)], flags)


def _stop_running_off(at: Floats) -> None:
    if np.abs(at).max() > LARGEST:
        raise StopIteration


class _Study(NamedTuple):
    """Trials (n,) laid out for fitting; `few` codes the factor of fewer levels, without gaps.

    cell (n,): the distinct pair of levels; columns, starts: the cells' places, row by row.
    """

    fooled: Floats
    group: Codes
    few: Codes
    many: Codes
    cell: Codes
    columns: Codes
    starts: Codes


def _lay_out(
    fooled: NDArray[np.bool_], group: Codes, participant: Codes, image: Codes
) -> tuple[_Study, bool]:
    """The study, and whether its factors are in the order of images and people."""
    people, images = (np.unique(codes, return_inverse=True)[1] for codes in (participant, image))
    swapped = bool(people.max() > images.max())
    few, many = (images, people) if swapped else (people, images)
    width = int(many.max()) + 1
    cells, cell = np.unique(few * width + many, return_inverse=True)
    starts = np.searchsorted(cells // width, np.arange(few.max() + 2))
    return _Study(fooled.astype(float), group, few, many, cell, cells % width, starts), swapped


def _drop_absent(study: _Study, at: Floats, deviance: float) -> Floats:
    """Set an SD to 0 where that costs nothing."""
    for place in (-2, -1):
        without = at.copy()
        without[place] = 0.0
        if at[place] < 1 and _deviance(study, without)[0] < deviance + NO_VARIANCE:
            at = without
    return at


def _covariance(study: _Study, at: Floats) -> Floats | None:
    """From the curvature of the deviance; None where it is flat along some line.

    The deviance is even in an SD, so one of 0 neither varies nor covaries at first order.
    """
    free = np.flatnonzero(np.append(np.ones(len(at) - 2), at[-2:]))
    steps = 1e-4 * np.eye(len(at))[free]
    slopes = [_deviance(study, at + step)[1] - _deviance(study, at - step)[1] for step in steps]
    curvature = np.array(slopes)[:, free] / 2e-4
    curvature = (curvature + curvature.T) / 2
    if np.linalg.eigvalsh(curvature)[0] < FLAT:
        return None
    covariance = np.zeros((len(at), len(at)))
    covariance[np.ix_(free, free)] = 2 * np.linalg.inv(curvature)
    return covariance


class _Curvature(NamedTuple):
    """Half the Hessian in the random effects, [[few, cross], [cross', many]], many eliminated.

    many (M,): a diagonal. scaled (F, M): cross / many. root (F, F): Cholesky's of what is left.
    """

    many: Floats
    scaled: sparse.csr_array
    root: Floats

    def solve(self, few: Floats, many: Floats) -> tuple[Floats, Floats]:
        of_few = linalg.cho_solve((self.root, True), few - self.scaled @ many)
        return of_few, many / self.many - self.scaled.T @ of_few


def _curve(study: _Study, weight: Floats, sds: Floats) -> _Curvature:
    few = 1 + sds[0] ** 2 * np.bincount(study.few, weight)
    many = 1 + sds[1] ** 2 * np.bincount(study.many, weight)
    values = sds[0] * sds[1] * np.bincount(study.cell, weight)
    cross, scaled = (
        sparse.csr_array((each, study.columns, study.starts), (len(few), len(many)))
        for each in (values, values / many[study.columns])
    )
    schur = np.diag(few) - (scaled @ cross.T).toarray()
    return _Curvature(many, scaled, linalg.cholesky(schur, lower=True))


def _find_modes(study: _Study, beta: Floats, sds: Floats) -> tuple[Floats, Floats, float]:
    """Standardized effects (F,), (M,) of highest penalized likelihood, and -2 times its log."""

    def penalize(few: Floats, many: Floats) -> tuple[float, Floats]:
        logit = beta[study.group] + sds[0] * few[study.few] + sds[1] * many[study.many]
        loss = np.logaddexp(0, logit).sum() - logit @ study.fooled
        return float(2 * loss + few @ few + many @ many), logit

    few, many = np.zeros(study.few.max() + 1), np.zeros(study.many.max() + 1)
    lowest, logit = penalize(few, many)
    for _ in range(NEWTON_STEPS):
        rate = special.expit(logit)
        rest = study.fooled - rate
        down_few = sds[0] * np.bincount(study.few, rest) - few
        down_many = sds[1] * np.bincount(study.many, rest) - many
        step_few, step_many = _curve(study, rate * (1 - rate), sds).solve(down_few, down_many)
        gain = down_few @ step_few + down_many @ step_many
        length = 1.0
        reached, logit = penalize(few + step_few, many + step_many)
        while reached > lowest + ROUNDING * lowest:  # convex: a short enough step descends
            length /= 2
            reached, logit = penalize(few + length * step_few, many + length * step_many)
        few, many, lowest = few + length * step_few, many + length * step_many, reached
        if gain < 1e-10:
            break
    return few, many, lowest


def _deviance(study: _Study, at: Floats) -> tuple[float, Floats]:
    """Laplace's -2 log likelihood at (beta..., SD of few, SD of many), and its gradient."""
    beta, sds = at[:-2], at[-2:]
    few, many, penalized = _find_modes(study, beta, sds)
    logit = beta[study.group] + sds[0] * few[study.few] + sds[1] * many[study.many]
    rate = special.expit(logit)
    weight, rest = rate * (1 - rate), study.fooled - rate
    curvature = _curve(study, weight, sds)
    log_determinant = np.log(curvature.many).sum() + 2 * np.log(np.diag(curvature.root)).sum()

    # along: the inverse Hessian times a trial's loadings, at its own two levels
    along_few, along_many = _invert_along(study, curvature, sds)
    spread = (sds[0] * along_few + sds[1] * along_many) * weight * (1 - 2 * rate)
    # pull: how the modes follow, since the log determinant depends on them
    pull_few, pull_many = curvature.solve(
        sds[0] * np.bincount(study.few, spread), sds[1] * np.bincount(study.many, spread)
    )
    pull = sds[0] * pull_few[study.few] + sds[1] * pull_many[study.many]
    by_logit = spread - 2 * rest - weight * pull
    by_few = few[study.few] @ by_logit + 2 * weight @ along_few + rest @ pull_few[study.few]
    by_many = many[study.many] @ by_logit + 2 * weight @ along_many + rest @ pull_many[study.many]
    gradient = np.append(np.bincount(study.group, by_logit), [by_few, by_many])
    return float(penalized + log_determinant), gradient


def _invert_along(study: _Study, curvature: _Curvature, sds: Floats) -> tuple[Floats, Floats]:
    """The inverse Hessian times each trial's loadings (sds at its two levels): (n,), (n,)."""
    inverse = linalg.cho_solve((curvature.root, True), np.eye(len(curvature.root)))
    corner = curvature.scaled.T @ inverse  # (M, F), with the sign changed
    own_few = np.diag(inverse)[study.few]
    own_many = (1 / curvature.many + curvature.scaled.multiply(corner.T).sum(axis=0))[study.many]
    between = -corner[study.many, study.few]
    return sds[0] * own_few + sds[1] * between, sds[1] * own_many + sds[0] * between
