"""Fit of a logistic model in which people and images both vary: crossed random effects.

Either every level has one effect that is the same in all groups (random intercepts), or one in
each group, and those of a level correlate (random slopes as well).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from analysis.mixed_model.laplace import Effects, Floats, Layout, Loads, laplace_deviance, lay_out
from analysis.trials import Codes

NO_VARIANCE = 1e-3  # an effect whose absence adds less deviance than this is 0
LARGEST = 10.0  # a beta or load beyond this has run off: the data separate
FLAT = 0.01  # a slope of the deviance below this is that of a minimum


class Fit(NamedTuple):
    """Log odds: beta (G,), and what standard normal effects of people and of images add to them.

    people, images (G, K): a row is a group's; K is 1 with intercepts, else G. covariance
    (G + 2 G K, G + 2 G K): of beta, people and images, read row by row; None where the data cannot
    tell, and zeros for what is 0. flags: `not_converged`, `not_identified`,
    `no_participant_variance`, `no_image_variance`.
    """

    beta: Floats
    people: Floats
    images: Floats
    deviance: float
    covariance: Floats | None
    flags: tuple[str, ...]

    @property
    def sds(self) -> Floats:
        """(2, G): standard deviations of people and of images in each group."""
        sds: Floats = np.sqrt(np.square([self.people, self.images]).sum(axis=2))
        return sds


def fit_crossed(
    fooled: NDArray[np.bool_],
    group: Codes,
    participant: Codes,
    image: Codes,
    *,
    slopes: bool = False,
) -> Fit:
    """logit P(fooled) = beta[group] + participant + image, all (n,); group: codes 0..G-1.

    slopes: people and images have an effect in each group, of at most two. Every group needs trials
    that fooled and trials that did not, each factor two levels.
    """
    study, swapped = lay_out(fooled, group, participant, image)
    model = _Model(study, _patterns(study.few, group, slopes), _patterns(study.many, group, slopes))
    at = model.minimize(model.start(), np.ones(model.size, dtype=np.bool_))
    simpler = _drop_absent(model, at)
    if (simpler != at).any():
        at = model.minimize(simpler, simpler != 0)
    deviance, by_number, modes = model.evaluate(at)
    beta, loads = model.unpack(at)
    people, images = loads[::-1] if swapped else loads
    if np.abs(at).max() > LARGEST or np.abs(by_number).max() > FLAT:
        return Fit(beta, people, images, deviance, None, ("not_converged",))
    covariance = _covariance(model, at, modes)
    if covariance is None:
        return Fit(beta, people, images, deviance, None, ("not_identified",))
    absent = {"no_participant_variance": people, "no_image_variance": images}
    flags = tuple(flag for flag, load in absent.items() if not load.any())
    spread = model.spread(swapped)
    return Fit(beta, people, images, deviance, spread @ covariance @ spread.T, flags)


def _patterns(codes: Codes, group: Codes, slopes: bool) -> Floats:
    """(J, G, K): which loads each of a factor's J numbers stands for.

    With slopes a lower triangle; without the number below its diagonal where no level is in both
    groups, for then nothing tells how they correlate.
    """
    groups, levels = int(group.max()) + 1, int(codes.max()) + 1
    if not slopes:
        return np.ones((1, groups, 1))
    met = np.bincount(codes * groups + group, minlength=levels * groups).reshape(levels, groups) > 0
    shared = met.astype(int).T @ met
    entries = [(j, k) for j in range(groups) for k in range(j + 1) if shared[j, k]]
    patterns = np.zeros((len(entries), groups, groups))
    for number, (j, k) in enumerate(entries):
        patterns[number, j, k] = 1
    return patterns


class _Model(NamedTuple):
    """A layout, and the numbers that are fitted: beta (G,), then those of few and of many."""

    study: Layout
    few: Floats
    many: Floats

    @property
    def groups(self) -> int:
        return int(self.few.shape[1])

    @property
    def size(self) -> int:
        return self.groups + len(self.few) + len(self.many)

    def start(self) -> Floats:
        shares = np.bincount(self.study.group, self.study.fooled) / np.bincount(self.study.group)
        loads = [
            0.5 if pattern[0, 0] or pattern[-1, -1] else 0.25 for pattern in (*self.few, *self.many)
        ]
        return np.concatenate([special.logit(shares), loads])

    def unpack(self, at: Floats) -> tuple[Floats, Loads]:
        beta, few, many = np.split(at, np.cumsum([self.groups, len(self.few)]))
        return beta, Loads(np.tensordot(few, self.few, 1), np.tensordot(many, self.many, 1))

    def evaluate(self, at: Floats, near: Effects | None = None) -> tuple[float, Floats, Effects]:
        """The deviance, its slopes, and the modes of the effects. near: modes to begin with."""
        found = laplace_deviance(self.study, *self.unpack(at), near)
        few, many = (
            np.tensordot(patterns, by_load)
            for patterns, by_load in zip((self.few, self.many), found.by_loads, strict=True)
        )
        return found.deviance, np.concatenate([found.by_beta, few, many]), found.modes

    def minimize(self, at: Floats, free: NDArray[np.bool_]) -> Floats:
        """Lowest from here over the free numbers."""
        reached, modes = at.copy(), None

        def along(numbers: Floats) -> tuple[float, Floats]:
            nonlocal modes
            reached[free] = numbers
            deviance, slopes, modes = self.evaluate(reached, modes)
            return deviance, slopes[free]

        found = optimize.minimize(
            along,
            at[free],
            jac=True,
            method="BFGS",
            callback=_stop_running_off,
            options={"gtol": 1e-4},
        )
        reached[free] = found.x
        return reached

    def columns(self) -> list[NDArray[np.int64]]:
        """Places of the numbers that turn their sign together: one effect's loads."""
        places, begin = [], self.groups
        for patterns in (self.few, self.many):
            used = np.asarray(patterns.any(axis=1))  # (J, K)
            places += [begin + np.flatnonzero(used[:, k]) for k in range(used.shape[1])]
            begin += len(patterns)
        return places

    def spread(self, swapped: bool) -> Floats:
        """(G + 2 G K, size): from the numbers to beta and the loads of people and images."""
        loads = [np.zeros((p[0].size, self.size)) for p in (self.few, self.many)]
        begin = self.groups
        for load, patterns in zip(loads, (self.few, self.many), strict=True):
            load[:, begin : begin + len(patterns)] = patterns.reshape(len(patterns), -1).T
            begin += len(patterns)
        return np.concatenate([np.eye(self.groups, self.size), *loads[:: -1 if swapped else 1]])


def _stop_running_off(xk: Floats) -> None:
    if np.abs(xk).max() > LARGEST:
        raise StopIteration


def _drop_absent(model: _Model, at: Floats) -> Floats:
    """Each effect's first load made positive, and effects set to 0 where that costs nothing.

    What the second group had of a dropped effect goes to its own.
    """
    at = at.copy()
    for place in model.columns():
        at[place] *= -1.0 if at[place[0]] < 0 else 1.0
    lowest, _, modes = model.evaluate(at)
    for place in reversed(model.columns()):
        without = at.copy()
        without[place] = 0.0
        if len(place) > 1:
            without[place[1] + 1] = np.hypot(at[place[1]], at[place[1] + 1])
        if model.evaluate(without, modes)[0] < lowest + NO_VARIANCE:
            at = without
    return at


def _covariance(model: _Model, at: Floats, modes: Effects) -> Floats | None:
    """From the curvature of the deviance; None where it is flat along some line.

    The deviance is even in an effect's loads, so those of 0 neither vary nor covary at first order.
    """
    free = np.flatnonzero(np.append(np.ones(model.groups), at[model.groups :]))
    steps = 1e-4 * np.eye(len(at))[free]
    slopes = [
        model.evaluate(at + step, modes)[1] - model.evaluate(at - step, modes)[1] for step in steps
    ]
    curvature = np.array(slopes)[:, free] / 2e-4
    curvature = (curvature + curvature.T) / 2
    if np.linalg.eigvalsh(curvature)[0] < FLAT:
        return None
    covariance = np.zeros((len(at), len(at)))
    covariance[np.ix_(free, free)] = 2 * np.linalg.inv(curvature)
    return covariance
