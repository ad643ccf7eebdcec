"""Estimates of the tasks that compare candidates: shares, mean ranks, strengths and rank sets."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from analysis.formatting import ReportDict
from analysis.inference.estimates import (
    Estimate,
    JointEstimates,
    compare_estimates,
    describe_estimates,
    describe_shares,
    estimate_mean_scores,
)
from analysis.inference.rank_sets import find_rank_sets
from analysis.inference.strengths import (
    NOBODY,
    RankedTrials,
    estimate_strengths,
    find_unconnected_group,
)
from analysis.tasks.judged import JudgedSample, list_differences, list_estimates
from analysis.trials import FloatArray

TITLE = "Which method is preferred?"
ESTIMATE_TITLES = {
    "win_rate": "Win rate: share of pairs in which it is preferred; ties count half",
    "share_best": "Share of trials in which it is the best; ties are shared",
    "mean_rank": "Mean rank among the candidates; 1 is best, and ties get their mean rank",
    "strength": "Strength on the log odds of winning; 0 is the mean of all methods",
}


def describe(sample: JudgedSample) -> ReportDict:
    """Return `methods`, `differences`, `pairs` and `unconnected` of report.json."""
    trials = _to_ranked_trials(sample)
    shares, share_name = _estimate_shares(trials), _name_share(trials)
    described = {share_name: describe_shares(shares)}
    differences = list_differences(share_name, compare_estimates(shares))
    if _has_middle_ranks(trials):
        described["mean_rank"] = describe_estimates(_estimate_mean_ranks(trials))
    strengths = estimate_strengths(trials)
    if strengths is not None:
        described["strength"] = describe_estimates(strengths)
        differences += list_differences("strength", compare_estimates(strengths))
    methods = list_estimates(described)
    for method, rank_set in _find_rank_sets(shares, strengths).items():
        methods[method]["rank_set"] = list(rank_set)
    return {
        "methods": methods,
        "differences": differences,
        "pairs": _describe_pairs(trials),
        "unconnected": [] if strengths is not None else find_unconnected_group(trials),
    }


def _find_rank_sets(
    shares: JointEstimates, strengths: JointEstimates | None
) -> Mapping[str, tuple[int, int]]:
    """Return the rank sets by strength, or by share where strengths are not finite."""
    ranked = shares if strengths is None else strengths
    return find_rank_sets(ranked.names, compare_estimates(ranked))


def _to_ranked_trials(sample: JudgedSample) -> RankedTrials:
    """Return one row per trial, from one judgment per candidate."""
    judgments = sample.judgments
    order = np.lexsort((judgments.slot, judgments.trial))
    _, first, row, counts = np.unique(
        judgments.trial[order], return_index=True, return_inverse=True, return_counts=True
    )
    column = np.arange(len(order)) - first[row]
    shape = len(first), int(counts.max(initial=1))
    candidate, rank = np.full(shape, NOBODY, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    candidate[row, column] = np.searchsorted(sample.methods, judgments.method[order])
    rank[row, column] = judgments.value[order].astype(np.int64)
    rows = order[first]
    return RankedTrials(
        sample.methods, candidate, rank, sample.participant[rows], sample.image[rows]
    )


def _name_share(trials: RankedTrials) -> str:
    return "win_rate" if trials.candidate.shape[1] == 2 else "share_best"


def _has_middle_ranks(trials: RankedTrials) -> bool:
    """Return whether answers say more than which candidates are best."""
    return bool(trials.rank.max(initial=0) > 2)


def _estimate_shares(trials: RankedTrials) -> JointEstimates:
    """Return the share of trials in which each method is best; a tie is shared."""
    is_best = (trials.rank == 1) & (trials.candidate != NOBODY)
    return _estimate_means(trials, is_best / np.maximum(is_best.sum(axis=1, keepdims=True), 1))


def _estimate_mean_ranks(trials: RankedTrials) -> JointEstimates:
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


def _describe_pairs(trials: RankedTrials) -> list[ReportDict]:
    """Return the direct comparisons of every two methods, with the win rate of the first.

    Two candidates that are both not the best are not compared, unless one is ranked higher.
    """
    described = []
    codes = range(len(trials.methods))
    rank_of = np.zeros((len(trials.candidate), len(codes) + 1), dtype=np.int64)
    np.put_along_axis(rank_of, trials.candidate, trials.rank, axis=1)  # -1: the last column
    for a, b in combinations(codes, 2):
        ranks_a, ranks_b = rank_of[:, a], rank_of[:, b]
        is_tie = (ranks_a == 1) & (ranks_b == 1)
        compared = (ranks_a > 0) & (ranks_b > 0) & (is_tie | (ranks_a != ranks_b))
        if not compared.any():
            continue
        won = np.where(is_tie, 0.5, ranks_a < ranks_b)[compared]
        rate = _estimate_win_rate(trials, won, compared)
        described.append(
            {
                "a": trials.methods[a],
                "b": trials.methods[b],
                "wins_a": int((won == 1).sum()),
                "ties": int((won == 0.5).sum()),
                "trials": len(won),
                "win_rate": rate.value,
                "ci95": None if rate.ci95 is None else list(rate.ci95),
            }
        )
    return described


def _estimate_win_rate(trials: RankedTrials, won: FloatArray, compared: FloatArray) -> Estimate:
    joint = estimate_mean_scores(
        won,
        np.zeros(len(won), dtype=np.int64),
        trials.participant[compared],
        trials.image[compared],
        ("",),
    )
    return describe_shares(joint)[""]


def is_check_passed(foil: float, photograph: float) -> bool:
    """Return whether an attention check is passed, given the ranks of its foil and photograph."""
    return foil >= photograph
