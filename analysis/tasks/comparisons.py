"""Estimates of the tasks that compare candidates: shares, mean ranks, strengths and rank sets."""

from dataclasses import asdict
from itertools import combinations

import numpy as np

from analysis.api.comparison import compare_methods
from analysis.formatting import ReportDict
from analysis.inference.contrasts import adjust_holm, t_test
from analysis.inference.estimates import Estimate, describe_estimates, describe_shares
from analysis.inference.joint_estimates import JointEstimates, estimate_mean_scores
from analysis.inference.judged.davidson import DavidsonModel, fit_davidson
from analysis.inference.judged.image_scores import ImageScores, rank_images_by_share
from analysis.inference.judged.transitivity import find_residuals
from analysis.inference.sequential import average_over_people
from analysis.inference.strengths import (
    NOBODY,
    RankedTrials,
    arrange_rankings,
    estimate_best_shares,
    estimate_mean_ranks,
    estimate_strengths,
    find_unconnected_group,
    share_wins,
)
from analysis.inputs.responses import ResponsesError
from analysis.tasks.interim import InterimDifference
from analysis.tasks.judged import (
    JudgedSample,
    TieModel,
    describe_images,
    list_differences,
    list_estimates,
)
from analysis.trials import BoolArray, FloatArray, IntArray

ESTIMATE_TITLES = {
    "win_rate": "Win rate: percent of its comparisons that a method wins; a tie is half a win",
    "share_best": "Percent of the trials with a method in which it is the best; ties are shared",
    "mean_rank": "Mean rank among the candidates of a trial; 1 is best, ties get their mean rank",
    "strength": "Strength on the log odds of winning; 0 is the mean of all methods",
}


def describe(sample: JudgedSample, ties: TieModel) -> ReportDict:
    """Return the estimates of report.json; Davidson's strengths if `ties` says so.

    Raises ResponsesError if Davidson's model cannot be fitted.
    """
    if not len(sample.judgments.trial):  # everybody is excluded
        return {"methods": {}, "differences": []}
    trials = _to_ranked_trials(sample)
    shares, share_name = estimate_best_shares(trials), _name_share(trials)
    compared = {share_name: compare_methods(shares, describe_shares(shares))}
    bradley_terry = estimate_strengths(trials)
    davidson = _fit_davidson(trials) if ties == "davidson" else None
    strengths = davidson.strengths if davidson else bradley_terry
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
        "pairs": _describe_pairs(trials, bradley_terry),
        "unconnected": [] if strengths is not None else find_unconnected_group(trials),
        "ties": {
            "model": ties,
            "log_nu": asdict(describe_estimates(davidson.log_nu)["log_nu"]) if davidson else None,
        },
        "slots": _describe_slots(trials),
        **describe_images(_rank_images(sample, trials)),
    }


def _fit_davidson(trials: RankedTrials) -> DavidsonModel:
    if trials.candidate.shape[1] != 2:
        raise ResponsesError("--ties davidson is for trials of two candidates; leave it out")
    model = fit_davidson(trials)
    if model is None:
        raise ResponsesError(
            "--ties davidson has no finite estimates here, because there are no ties, nothing but "
            "ties, or a method that won or lost every comparison; leave it out"
        )
    return model


def _rank_images(
    sample: JudgedSample, trials: RankedTrials
) -> dict[tuple[str, str | None], ImageScores]:
    """Return the images of each method, ranked by the share of trials in which they are best."""
    present, wins = trials.candidate != NOBODY, share_wins(trials)
    images = np.repeat(trials.image, present.sum(axis=1))
    candidates, won = trials.candidate[present], wins[present]
    return {
        (method, None): rank_images_by_share(
            won[candidates == code], images[candidates == code], sample.image_names
        )
        for code, method in enumerate(sample.methods)
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
    """Return one row per trial, with the candidates in the order of their slots."""
    rows, judgments = np.argsort(sample.judgments.slot, kind="stable"), sample.judgments
    return arrange_rankings(
        sample.methods,
        judgments.trial[rows],
        np.searchsorted(sample.methods, judgments.method[rows]).astype(np.int64),
        judgments.value[rows].astype(np.int64),
        sample.participant[rows],
        sample.image[rows],
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


def _describe_slots(trials: RankedTrials) -> list[ReportDict]:
    """Return how often the candidate of each slot is the best, tested against 1 / candidates.

    Empty if trials show different numbers of candidates. With two, the second mirrors the first.
    """
    present, wins = trials.candidate != NOBODY, share_wins(trials)
    candidates = trials.candidate.shape[1]
    if not present.all() or not len(present):
        return []
    slots = np.tile(np.arange(candidates), len(wins))
    people, images = (np.repeat(codes, candidates) for codes in (trials.participant, trials.image))
    names = [str(slot) for slot in range(candidates)]
    shares = describe_shares(estimate_mean_scores(wins.ravel(), slots, people, images, names))
    tested = [shares[name] for name in names[: 1 if candidates == 2 else None]]
    p = [
        t_test(share.value - 1 / candidates, share.se, share.df).p
        if share.value is not None and share.se and share.df
        else None
        for share in tested
    ]
    return [
        {"slot": slot, **asdict(share), "p": one, "p_holm": p_holm}
        for slot, (share, one, p_holm) in enumerate(zip(tested, p, adjust_holm(p), strict=True))
    ]


def _describe_pairs(trials: RankedTrials, strengths: JointEstimates | None) -> list[ReportDict]:
    """Return the direct comparisons of every two methods, with the win rate of the first.

    Two candidates that are both not the best are not compared, unless one is ranked higher. With
    pairs, the win rate that the strengths imply stands beside that of each pair.
    """
    described, codes_of_pairs = [], []
    codes = range(len(trials.methods))
    rank_of = _ranks_by_method(trials)
    for a, b in combinations(codes, 2):
        ranks_a, ranks_b = rank_of[:, a], rank_of[:, b]
        is_tie = (ranks_a == 1) & (ranks_b == 1)
        compared = (ranks_a > 0) & (ranks_b > 0) & (is_tie | (ranks_a != ranks_b))
        if not compared.any():
            continue
        won = np.where(is_tie, 0.5, ranks_a < ranks_b)[compared]
        described.append(_describe_pair(trials, (a, b), compared, won))
        codes_of_pairs.append((a, b))
    if strengths is None or _name_share(trials) != "win_rate":
        return described
    residuals = find_residuals(trials, strengths, codes_of_pairs)
    return [
        pair | {"fit": asdict(residual)}
        for pair, residual in zip(described, residuals, strict=True)
    ]


def _describe_pair(
    trials: RankedTrials, pair: tuple[int, int], compared: BoolArray, won: FloatArray
) -> ReportDict:
    """Return the entry of one pair. compared (n,): its trials; won: by the first, for these."""
    rate = _estimate_win_rate(trials, won, compared)
    return {
        "a": trials.methods[pair[0]],
        "b": trials.methods[pair[1]],
        "wins_a": int((won == 1).sum()),
        "ties": int((won == 0.5).sum()),
        "trials": len(won),
        "participants": rate.participants,
        "images": rate.images,
        "win_rate": rate.value,
        "ci95": rate.ci95,
        "ci95_fixed_images": rate.ci95_fixed_images,
        "flags": rate.flags,
        "fit": None,
    }


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
