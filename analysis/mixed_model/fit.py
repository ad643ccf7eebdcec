"""Fit of a logistic model in which people and images both vary: crossed random effects.

Either every level has one effect that is the same in all groups (random intercepts), or one in
each group, and those of a level correlate (random slopes as well).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.mixed_model.laplace import (
    CrossedLayout,
    Loadings,
    RandomEffects,
    build_layout,
    laplace_deviance,
)
from analysis.trials import Codes, FloatArray

MIN_DEVIANCE_GAIN = 1e-3  # an effect whose absence adds less deviance than this is 0
MAX_PARAMETER = 10.0  # a beta or load beyond this has run off: the data separate
MAX_GRADIENT = 0.01  # a slope of the deviance below this is that of a minimum
MIN_EIGENVALUE = 0.01  # of the curvature; below it the deviance is flat in some direction


class MixedFit(NamedTuple):
    """Log odds: beta (G,), and what standard normal effects of people and of images add to them.

    participant_loadings, image_loadings (G, K): a row is a group's; K is 1 with intercepts, else G.
    covariance
    (G + 2 G K, G + 2 G K): of beta, people and images, read row by row; None where the data cannot
    tell, and zeros for what is 0. flags: `not_converged`, `not_identified`,
    `no_participant_variance`, `no_image_variance`.
    """

    beta: FloatArray
    participant_loadings: FloatArray
    image_loadings: FloatArray
    deviance: float
    covariance: FloatArray | None
    flags: tuple[str, ...]

    @property
    def sds(self) -> FloatArray:
        """(2, G): standard deviations of people and of images in each group."""
        sds: FloatArray = np.sqrt(
            np.square([self.participant_loadings, self.image_loadings]).sum(axis=2)
        )
        return sds


def fit_crossed(
    fooled: NDArray[np.bool_],
    group: Codes,
    participant: Codes,
    image: Codes,
    *,
    random_slopes: bool = False,
) -> MixedFit:
    """Fit logit P(fooled) = beta[group] + participant + image, all (n,); group: codes 0..G-1.

    random_slopes: people and images have an effect in each group, of at most two. Every group needs
    trials that fooled and trials that did not, each factor two levels.
    """
    layout, swapped = build_layout(fooled, group, participant, image)
    model = _CrossedModel(
        layout,
        _loading_patterns(layout.small, group, random_slopes),
        _loading_patterns(layout.large, group, random_slopes),
    )
    parameters = model.minimize(model.start_values(), np.ones(model.size, dtype=np.bool_))
    simpler = _drop_zero_variances(model, parameters)
    if (simpler != parameters).any():
        is_beta = np.arange(model.size) < model.groups  # free even at 0, the log odds of 50%
        parameters = model.minimize(simpler, is_beta | (simpler != 0))
    deviance, gradient, modes = model.evaluate(parameters)
    beta, loads = model.unpack(parameters)
    participants, images = loads[::-1] if swapped else loads
    if np.abs(parameters).max() > MAX_PARAMETER or np.abs(gradient).max() > MAX_GRADIENT:
        return MixedFit(beta, participants, images, deviance, None, ("not_converged",))
    covariance = _covariance(model, parameters, modes)
    if covariance is None:
        return MixedFit(beta, participants, images, deviance, None, ("not_identified",))
    absent = {"no_participant_variance": participants, "no_image_variance": images}
    flags = tuple(flag for flag, load in absent.items() if not load.any())
    spread = model.jacobian(swapped)
    return MixedFit(beta, participants, images, deviance, spread @ covariance @ spread.T, flags)


def _loading_patterns(codes: Codes, group: Codes, random_slopes: bool) -> FloatArray:
    """(J, G, K): which loads each of a factor's J numbers stands for.

    With slopes a lower triangle; without the number below its diagonal where no level is in both
    groups, for then nothing tells how they correlate.
    """
    groups, levels = int(group.max()) + 1, int(codes.max()) + 1
    if not random_slopes:
        return np.ones((1, groups, 1))
    met = np.bincount(codes * groups + group, minlength=levels * groups).reshape(levels, groups) > 0
    shared = met.astype(int).T @ met
    entries = [(j, k) for j in range(groups) for k in range(j + 1) if shared[j, k]]
    patterns = np.zeros((len(entries), groups, groups))
    for number, (j, k) in enumerate(entries):
        patterns[number, j, k] = 1
    return patterns


class _CrossedModel(NamedTuple):
    """A layout, and the numbers that are fitted: beta (G,), then those of few and of many."""

    layout: CrossedLayout
    small_patterns: FloatArray
    large_patterns: FloatArray

    @property
    def groups(self) -> int:
        return int(self.small_patterns.shape[1])

    @property
    def size(self) -> int:
        return self.groups + len(self.small_patterns) + len(self.large_patterns)

    def start_values(self) -> FloatArray:
        shares = np.bincount(self.layout.group, self.layout.fooled) / np.bincount(self.layout.group)
        loads = [
            0.5 if pattern[0, 0] or pattern[-1, -1] else 0.25
            for pattern in (*self.small_patterns, *self.large_patterns)
        ]
        return np.concatenate([special.logit(shares), loads])

    def unpack(self, at: FloatArray) -> tuple[FloatArray, Loadings]:
        beta, few, many = np.split(at, np.cumsum([self.groups, len(self.small_patterns)]))
        return beta, Loadings(
            np.tensordot(few, self.small_patterns, 1), np.tensordot(many, self.large_patterns, 1)
        )

    def evaluate(
        self, at: FloatArray, near: RandomEffects | None = None
    ) -> tuple[float, FloatArray, RandomEffects]:
        """Return the deviance, its gradient, and the modes of the effects. near: starting modes."""
        result = laplace_deviance(self.layout, *self.unpack(at), near)
        few, many = (
            np.tensordot(patterns, by_load)
            for patterns, by_load in zip(
                (self.small_patterns, self.large_patterns), result.loading_gradient, strict=True
            )
        )
        return result.deviance, np.concatenate([result.beta_gradient, few, many]), result.modes

    def minimize(self, at: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
        """Minimize the deviance over the free numbers, starting here."""
        reached, modes = at.copy(), None

        def along(numbers: FloatArray) -> tuple[float, FloatArray]:
            nonlocal modes
            reached[free] = numbers
            deviance, slopes, modes = self.evaluate(reached, modes)
            return deviance, slopes[free]

        result = optimize.minimize(
            along,
            at[free],
            jac=True,
            method="BFGS",
            callback=_stop_if_diverging,
            options={"gtol": 1e-4},
        )
        reached[free] = result.x
        return reached

    def sign_groups(self) -> list[NDArray[np.int64]]:
        """Places of the numbers that turn their sign together: one effect's loads."""
        groups, begin = [], self.groups
        for patterns in (self.small_patterns, self.large_patterns):
            used = np.asarray(patterns.any(axis=1))  # (J, K)
            groups += [begin + np.flatnonzero(used[:, k]) for k in range(used.shape[1])]
            begin += len(patterns)
        return groups

    def jacobian(self, swapped: bool) -> FloatArray:
        """(G + 2 G K, size): from the numbers to beta and the loads of people and images."""
        loads = [
            np.zeros((p[0].size, self.size)) for p in (self.small_patterns, self.large_patterns)
        ]
        begin = self.groups
        for load, patterns in zip(loads, (self.small_patterns, self.large_patterns), strict=True):
            load[:, begin : begin + len(patterns)] = patterns.reshape(len(patterns), -1).T
            begin += len(patterns)
        return np.concatenate([np.eye(self.groups, self.size), *loads[:: -1 if swapped else 1]])


def _stop_if_diverging(xk: FloatArray) -> None:
    if np.abs(xk).max() > MAX_PARAMETER:
        raise StopIteration


def _drop_zero_variances(model: _CrossedModel, at: FloatArray) -> FloatArray:
    """Each effect's first load made positive, and effects set to 0 where that costs nothing.

    What the second group had of a dropped effect goes to its own.
    """
    at = at.copy()
    for place in model.sign_groups():
        at[place] *= -1.0 if at[place[0]] < 0 else 1.0
    lowest, _, modes = model.evaluate(at)
    for place in reversed(model.sign_groups()):
        without = at.copy()
        without[place] = 0.0
        if len(place) > 1:
            without[place[1] + 1] = np.hypot(at[place[1]], at[place[1] + 1])
        if model.evaluate(without, modes)[0] < lowest + MIN_DEVIANCE_GAIN:
            at = without
    return at


def _covariance(model: _CrossedModel, at: FloatArray, modes: RandomEffects) -> FloatArray | None:
    """Return the covariance of the estimates from the deviance's curvature; None if it is flat.

    The deviance is even in an effect's loads, so those of 0 neither vary nor covary at first order.
    """
    free = np.flatnonzero(np.append(np.ones(model.groups), at[model.groups :]))
    steps = 1e-4 * np.eye(len(at))[free]
    slopes = [
        model.evaluate(at + step, modes)[1] - model.evaluate(at - step, modes)[1] for step in steps
    ]
    curvature = np.array(slopes)[:, free] / 2e-4
    curvature = (curvature + curvature.T) / 2
    if np.linalg.eigvalsh(curvature)[0] < MIN_EIGENVALUE:
        return None
    covariance = np.zeros((len(at), len(at)))
    covariance[np.ix_(free, free)] = 2 * np.linalg.inv(curvature)
    return covariance
