"""The win rates of pairs beside those that one strength per method implies.

Where a method beats a second, the second a third, but the third the first, no order of the methods
describes the answers. Each pair's residual, its win rate minus the one that the Bradley-Terry
strengths imply, is tested against 0, with the variance of `estimates` and adjusted by Holm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.inference.contrasts import adjust_holm, t_test
from analysis.inference.estimates import describe_estimates
from analysis.inference.intervals import Interval
from analysis.inference.joint_estimates import JointEstimates
from analysis.inference.strengths import RankedTrials
from analysis.trials import FloatArray, IntArray

Pair = tuple[int, int]  # the codes of two methods


@dataclass(frozen=True)
class PairResidual:
    """The win rate of a over b minus the implied one; None if it cannot be tested."""

    implied: float
    residual: float
    se: float | None = None
    ci95: Interval | None = None
    p: float | None = None
    p_holm: float | None = None


def find_residuals(
    trials: RankedTrials, strengths: JointEstimates, pairs: Sequence[Pair]
) -> list[PairResidual]:
    """Return the residual of each pair of methods that were compared, a tie as half a win.

    trials: of two candidates each, with their Bradley-Terry strengths. Two methods cannot
    contradict one order: their residual is 0, without a test.
    """
    joint, implied = _estimate_residuals(trials, strengths, pairs)
    described = list(describe_estimates(joint).values())
    is_tested = len(trials.methods) > 2
    tests = [
        t_test(one.value, one.se, one.df).p
        if is_tested and one.value is not None and one.se and one.df
        else None
        for one in described
    ]
    return [
        PairResidual(expected, one.value or 0.0, one.se, one.ci95, p, p_holm)
        for expected, one, p, p_holm in zip(
            implied, described, tests, adjust_holm(tests), strict=True
        )
    ]


def _estimate_residuals(
    trials: RankedTrials, strengths: JointEstimates, pairs: Sequence[Pair]
) -> tuple[JointEstimates, list[float]]:
    """Return the residuals with the influence of each trial, and the implied win rates."""
    n = len(trials.candidate)
    values, implied = np.zeros(len(pairs)), []
    influence, shown = np.zeros((n, len(pairs))), np.zeros((n, len(pairs)), dtype=np.bool_)
    for column, (a, b) in enumerate(pairs):
        rows, won = _wins_of_first(trials, a, b)
        p = float(special.expit(strengths.values[a] - strengths.values[b]))
        values[column] = won.mean() - p
        implied.append(p)
        shown[rows, column] = True
        influence[rows, column] = (won - won.mean()) / len(won)
        slope = p * (1 - p)
        influence[:, column] -= slope * (strengths.influence[:, a] - strengths.influence[:, b])
    names = [f"{a} {b}" for a, b in pairs]
    joint = JointEstimates(names, values, influence, shown, trials.participant, trials.image)
    return joint, implied


def _wins_of_first(trials: RankedTrials, a: int, b: int) -> tuple[IntArray, FloatArray]:
    """Return the rows of the trials that show both, and what each gives to a: 0, 1/2 or 1."""
    is_a, is_b = (trials.candidate == code for code in (a, b))
    rows = np.flatnonzero(is_a.any(axis=1) & is_b.any(axis=1)).astype(np.int64)
    rank_a = (trials.rank * is_a).sum(axis=1)[rows]
    rank_b = (trials.rank * is_b).sum(axis=1)[rows]
    won: FloatArray = (1 + np.sign(rank_b - rank_a)) / 2
    return rows, won
