"""Bradley-Terry and Plackett-Luce strengths of methods that competed in the same trials.

A trial ranks its candidates: a choice puts one before all others, a tie shares the place. Strengths
(sum 0, on the log odds) maximize the likelihood of the rankings stage by stage: the best of all,
the best of the rest, and so on (Bradley & Terry 1952; Luce 1959; Plackett 1975). A tied place is
shared, half a win each for two. The worst of several, where only the best and the worst were
named, is a choice by the reversed strengths (sequential best-worst choice, Marley & Louviere 2005).
The likelihood treats trials as independent; the intervals do not (`estimates.JointEstimates`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from analysis.inference.joint_estimates import JointEstimates, estimate_mean_scores
from analysis.trials import BoolArray, Codes, FloatArray, IntArray

MAX_STEPS = 100
TOLERANCE = 1e-12
NOBODY = -1  # fills up the candidates of trials that show fewer than others


@dataclass(frozen=True)
class RankedTrials:
    """Trials that rank their candidates.

    methods: the names of the methods; candidate (n, k): codes of the methods that a trial shows,
    -1 where it shows fewer than k; rank (n, k): 1 is best, and ties are equal; participant, image
    (n,): codes from 0.
    """

    methods: Sequence[str]
    candidate: IntArray
    rank: IntArray
    participant: Codes
    image: Codes


@dataclass(frozen=True)
class _Stages:
    """Choices among the candidates that remain, one row each, with equal rows counted.

    remaining (s, m): 1 for the methods to choose from; share (s, m): of the choice, 1 in sum;
    sign (s,): 1 if the best was chosen and -1 if the worst; count (s,): the number of such choices;
    row_of (n, depth): the row of each stage of each trial, -1 for trials with fewer stages.
    """

    remaining: FloatArray
    share: FloatArray
    sign: FloatArray
    count: FloatArray
    row_of: IntArray


def estimate_strengths(trials: RankedTrials) -> JointEstimates | None:
    """Return the strengths of all methods, 0 in sum, with the influence of each trial.

    None if the strengths are not finite, because some method, or some group of methods, never lost
    or never won against the others: `find_unconnected_group` says which.
    """
    stages = _list_stages(trials)
    if connected_components(_wins(stages), connection="strong")[0] > 1:
        return None
    strengths = np.zeros(len(trials.methods))
    for _ in range(MAX_STEPS):
        score, information = _score_and_information(stages, strengths)
        step = _invert(information) @ score
        strengths = strengths + step * min(1.0, 1 / max(float(abs(step).max()), TOLERANCE))
        if float(abs(step).max()) < TOLERANCE:
            break
    return JointEstimates(
        names=trials.methods,
        values=strengths,
        influence=_influence(stages, strengths),
        shown=_shown(trials),
        participant=trials.participant,
        image=trials.image,
    )


def find_unconnected_group(trials: RankedTrials) -> list[str]:
    """Return the smallest group of methods that never lost, or never won, against all others.

    Empty if every method can be compared with every other.
    """
    stages = _list_stages(trials)
    count, labels = connected_components(_wins(stages), connection="strong")
    if count == 1:
        return []
    smallest = int(np.bincount(labels).argmin())
    return [trials.methods[index] for index in np.flatnonzero(labels == smallest).tolist()]


def arrange_rankings(
    methods: Sequence[str],
    trial: IntArray,
    candidate: Codes,
    rank: IntArray,
    participant: Codes,
    image: Codes,
) -> RankedTrials:
    """Return one row per trial from one entry (n,) per candidate.

    trial (n,): equal for the candidates of a trial; candidate (n,): codes of the methods; rank,
    participant, image (n,): as in `RankedTrials`.
    """
    order = np.argsort(trial, kind="stable")
    _, first, row, counts = np.unique(
        trial[order], return_index=True, return_inverse=True, return_counts=True
    )
    column = np.arange(len(order)) - first[row]
    shape = len(first), int(counts.max(initial=1))
    candidates, ranks = np.full(shape, NOBODY, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    candidates[row, column] = candidate[order]
    ranks[row, column] = rank[order]
    rows = order[first]
    return RankedTrials(methods, candidates, ranks, participant[rows], image[rows])


def estimate_best_shares(trials: RankedTrials) -> JointEstimates:
    """Return the share of trials in which each method is best; a tie is shared.

    With two candidates it is the win rate, to which a tie adds half.
    """
    return _estimate_means(trials, share_wins(trials))


def share_wins(trials: RankedTrials) -> FloatArray:
    """Return (n, k): 1 for the best candidate of a trial, a part of 1 for those that tie."""
    is_best = (trials.rank == 1) & (trials.candidate != NOBODY)
    wins: FloatArray = is_best / np.maximum(is_best.sum(axis=1, keepdims=True), 1)
    return wins


def estimate_mean_ranks(trials: RankedTrials) -> JointEstimates:
    """Return the mean rank of each method among the candidates; ties get their mean rank."""
    present = trials.candidate != NOBODY
    others = present[:, None, :]
    better = ((trials.rank[:, None, :] < trials.rank[:, :, None]) & others).sum(axis=2)
    equal = ((trials.rank[:, None, :] == trials.rank[:, :, None]) & others).sum(axis=2)
    return _estimate_means(trials, better + (equal + 1) / 2)


def _estimate_means(trials: RankedTrials, values: FloatArray) -> JointEstimates:
    """Return the mean of values (n, k), one per candidate, of each method."""
    present = trials.candidate != NOBODY
    candidates = present.sum(axis=1)
    return estimate_mean_scores(
        values[present],
        trials.candidate[present],
        np.repeat(trials.participant, candidates),
        np.repeat(trials.image, candidates),
        trials.methods,
    )


def _shown(trials: RankedTrials) -> BoolArray:
    shown = np.zeros((len(trials.candidate), len(trials.methods) + 1), dtype=np.bool_)
    np.put_along_axis(shown, trials.candidate, True, axis=1)  # -1 fills the last column
    return shown[:, :-1]


def _list_stages(trials: RankedTrials) -> _Stages:
    """Return the stages of all trials; equal trials share theirs."""
    first, pattern_of, counts = _find_patterns(trials)
    by_pattern = [
        _stages_of_pattern(trials.candidate[row], trials.rank[row], len(trials.methods))
        for row in first
    ]
    depths = np.array([len(own) for own in by_pattern])
    start = np.cumsum(depths) - depths
    place = np.arange(depths.max())
    row_of = np.where(place < depths[:, None], start[:, None] + place, NOBODY)
    remaining, share, sign = zip(*(stage for own in by_pattern for stage in own), strict=True)
    return _Stages(
        remaining=np.array(remaining),
        share=np.array(share),
        sign=np.array(sign),
        count=np.repeat(counts, depths).astype(np.float64),
        row_of=row_of[pattern_of],
    )


def _find_patterns(trials: RankedTrials) -> tuple[IntArray, IntArray, IntArray]:
    """Return a trial (u,) of each pattern of candidates and ranks, each trial's pattern, counts."""
    places = int(trials.rank.max()) + 1
    states = (len(trials.methods) + 1) * places  # of one candidate and its rank
    code = np.zeros(len(trials.candidate), dtype=np.int64)  # sorting integers is 20 times as fast
    for candidate, rank in zip(trials.candidate.T, trials.rank.T, strict=True):
        if int(code.max()) >= np.iinfo(np.int64).max // states:  # many candidates would overflow
            code = np.unique(code, return_inverse=True)[1].astype(np.int64)
        code = code * states + (candidate + 1) * places + rank
    _, first, pattern_of, counts = np.unique(
        code, return_index=True, return_inverse=True, return_counts=True
    )
    return first, pattern_of, counts


def _stages_of_pattern(
    candidate: IntArray, rank: IntArray, methods: int
) -> list[tuple[FloatArray, FloatArray, float]]:
    """Return (remaining, share, sign) of each stage of one ranking.

    The last place is no choice, unless it is the only one: then all candidates tie.
    """
    present = candidate != NOBODY
    candidate, rank = candidate[present], rank[present]
    places = np.unique(rank)
    sizes = [int((rank == place).sum()) for place in places]
    if len(places) == 3 and sizes[0] == sizes[2] == 1 < sizes[1]:
        best, worst = rank == places[0], rank == places[2]
        return [
            (_spread(candidate, methods), _spread(candidate[best], methods), 1.0),
            (_spread(candidate[~best], methods), _spread(candidate[worst], methods), -1.0),
        ]
    stages = []
    for place in places[: max(1, len(places) - 1)]:
        remaining = _spread(candidate[rank >= place], methods)
        chosen = _spread(candidate[rank == place], methods)
        stages.append((remaining, chosen / chosen.sum(), 1.0))
    return stages


def _spread(candidate: IntArray, methods: int) -> FloatArray:
    present: FloatArray = np.zeros(methods)
    present[candidate] = 1.0
    return present


def _wins(stages: _Stages) -> csr_array:
    """Return the matrix (m, m) of who was ever chosen before whom."""
    chosen = stages.share > 0
    signs = stages.sign > 0
    best = chosen[signs].T.astype(float) @ stages.remaining[signs]
    worst = stages.remaining[~signs].T @ chosen[~signs].astype(float)
    return csr_array(best + worst > 0)


def _probabilities(stages: _Stages, strengths: FloatArray) -> FloatArray:
    """Return the probability (s, m) of each remaining method to be chosen."""
    utility = stages.sign[:, None] * strengths
    weight = stages.remaining * np.exp(utility - utility.max(axis=1, keepdims=True))
    probabilities: FloatArray = weight / weight.sum(axis=1, keepdims=True)
    return probabilities


def _scores(stages: _Stages, strengths: FloatArray) -> FloatArray:
    """Return the derivative (s, m) of each stage's log likelihood."""
    scores: FloatArray = stages.sign[:, None] * (stages.share - _probabilities(stages, strengths))
    return scores


def _score_and_information(stages: _Stages, strengths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the derivative (m,) of the log likelihood and minus its second derivative (m, m)."""
    probabilities = _probabilities(stages, strengths)
    weighted: FloatArray = stages.count[:, None] * probabilities
    information = np.diag(weighted.sum(axis=0)) - weighted.T @ probabilities
    score: FloatArray = stages.count @ _scores(stages, strengths)
    return score, np.asarray(information, dtype=np.float64)


def _invert(information: FloatArray) -> FloatArray:
    """Return the inverse on the strengths of sum 0."""
    m = len(information)
    inverse = np.linalg.inv(information + 1 / m) - 1 / m
    return np.asarray(inverse, dtype=np.float64)


def _influence(stages: _Stages, strengths: FloatArray) -> FloatArray:
    """Return the influence (n, m) of each trial on the strengths."""
    _, information = _score_and_information(stages, strengths)
    of_row = _scores(stages, strengths) @ _invert(information)
    of_row = np.vstack([of_row, np.zeros(of_row.shape[1])])  # for trials with fewer stages
    influence: FloatArray = of_row[stages.row_of[:, 0]]
    for column in stages.row_of.T[1:]:
        influence = influence + of_row[column]
    return influence
