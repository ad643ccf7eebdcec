"""Estimates of the tasks that compare candidates: shares, mean ranks, strengths and rank sets."""

from itertools import combinations

import numpy as np

from analysis.api.comparison import compare_methods
from analysis.formatting import ReportDict
from analysis.inference.estimates import (
    Estimate,
    describe_estimates,
    describe_shares,
    estimate_mean_scores,
)
from analysis.inference.sequential import average_over_people
from analysis.inference.strengths import (
    RankedTrials,
    arrange_rankings,
    estimate_best_shares,
    estimate_mean_ranks,
    estimate_strengths,
    find_unconnected_group,
)
from analysis.tasks.interim import InterimDifference
from analysis.tasks.judged import JudgedSample, list_differences, list_estimates
from analysis.trials import BoolArray, FloatArray, IntArray

TITLE = "Which method is preferred?"
ESTIMATE_TITLES = {
    "win_rate": "Win rate: share of pairs in which it is preferred; ties count half",
    "share_best": "Share of trials in which it is the best; ties are shared",
    "mean_rank": "Mean rank among the candidates; 1 is best, and ties get their mean rank",
    "strength": "Strength on the log odds of winning; 0 is the mean of all methods",
}


def describe(sample: JudgedSample) -> ReportDict:
    """Return `methods`, `differences`, `pairs` and `unconnected` of report.json."""
    if not len(sample.judgments.trial):  # everybody is excluded
        return {"methods": {}, "differences": [], "pairs": [], "unconnected": []}
    trials = _to_ranked_trials(sample)
    shares, share_name = estimate_best_shares(trials), _name_share(trials)
    compared = {share_name: compare_methods(shares, describe_shares(shares))}
    strengths = estimate_strengths(trials)
    if strengths is not None:
        compared["strength"] = compare_methods(strengths, describe_estimates(strengths))
    described = {name: comparison.estimates for name, comparison in compared.items()}
    if _has_middle_ranks(trials):
        described["mean_rank"] = describe_estimates(estimate_mean_ranks(trials))
    methods = list_estimates(described)
    ranked = compared.get("strength", compared[share_name])
    for method, rank_set in ranked.rank_sets.items():
        methods[method]["rank_set"] = list(rank_set)
    return {
        "methods": methods,
        "differences": list_differences(compared),
        "pairs": _describe_pairs(trials),
        "unconnected": [] if strengths is not None else find_unconnected_group(trials),
    }


def list_interim(sample: JudgedSample) -> list[InterimDifference]:
    """Return the net preference of each pair of methods, which the monitor watches.

    It is the share of trials in which the first is placed above the second, minus the share in
    which the second is above the first, among the trials that show both.
    """
    if not len(sample.judgments.trial):  # everybody is excluded
        return []
    trials = _to_ranked_trials(sample)
    ranks, differences = _ranks_by_method(trials), []
    for a, b in combinations(range(len(trials.methods)), 2):
        both = (ranks[:, a] > 0) & (ranks[:, b] > 0)
        mean = None
        if both.any():
            balance = np.sign(ranks[both, b] - ranks[both, a]).astype(np.float64)
            mean = average_over_people(balance, (trials.participant[both], trials.image[both]))
        pair = trials.methods[a], trials.methods[b]
        differences.append(InterimDifference(*pair, "net_preference", mean, is_share=True))
    return differences


def _to_ranked_trials(sample: JudgedSample) -> RankedTrials:
    judgments = sample.judgments
    return arrange_rankings(
        sample.methods,
        judgments.trial,
        np.searchsorted(sample.methods, judgments.method).astype(np.int64),
        judgments.value.astype(np.int64),
        sample.participant,
        sample.image,
    )


def _name_share(trials: RankedTrials) -> str:
    return "win_rate" if trials.candidate.shape[1] == 2 else "share_best"


def _has_middle_ranks(trials: RankedTrials) -> bool:
    """Return whether answers say more than which candidates are best."""
    return bool(trials.rank.max(initial=0) > 2)


def _ranks_by_method(trials: RankedTrials) -> IntArray:
    """Return the rank (n, m) of each method in each trial, 0 if it was not shown."""
    ranks = np.zeros((len(trials.candidate), len(trials.methods) + 1), dtype=np.int64)
    np.put_along_axis(ranks, trials.candidate, trials.rank, axis=1)  # -1: the last column
    return ranks[:, :-1]


def _describe_pairs(trials: RankedTrials) -> list[ReportDict]:
    """Return the direct comparisons of every two methods, with the win rate of the first.

    Two candidates that are both not the best are not compared, unless one is ranked higher.
    """
    described = []
    codes = range(len(trials.methods))
    rank_of = _ranks_by_method(trials)
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


def _estimate_win_rate(trials: RankedTrials, won: FloatArray, compared: BoolArray) -> Estimate:
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
