"""Estimates of the tasks that compare candidates: win rate, share chosen as best, mean rank."""

from dataclasses import asdict

import numpy as np

from analysis.formatting import ReportDict
from analysis.inputs.judgments import Judgments
from analysis.tasks.judged import JudgedSample
from analysis.tasks.means import compare_means, estimate_mean
from analysis.trials import Codes, FloatArray

TITLE = "Which method is preferred?"
ESTIMATE_TITLES = {
    "win_rate": "Win rate: share of the other candidates that it beats; ties count half",
    "share_best": "Share of trials in which it is the best; ties are shared",
    "mean_rank": "Mean rank among the candidates; 1 is best, and ties get their mean rank",
}


def describe(sample: JudgedSample) -> ReportDict:
    """Return `methods`, `differences` and `pairs` of report.json."""
    judgments = sample.judgments
    measures = _measure(judgments)
    methods: ReportDict = {}
    for method in sample.methods:
        own = judgments.method == method
        people, images = sample.participant[own], sample.image[own]
        methods[method] = {
            name: asdict(estimate_mean(values[own], people, images))
            for name, values in measures.items()
        }
    differences = compare_means(
        "win_rate",
        measures["win_rate"],
        judgments.method.tolist(),
        sample.participant,
        sample.image,
    )
    return {
        "methods": methods,
        "differences": [asdict(one) for one in differences],
        "pairs": _count_pairs(judgments),
    }


def _measure(judgments: Judgments) -> dict[str, FloatArray]:
    """Return each judgment's measures (m,), computed from the ranks of its trial."""
    worse, equal, candidates = (np.zeros(len(judgments.trial)) for _ in range(3))
    for rows in _rows_by_trial(judgments.trial):
        ranks = judgments.value[rows]
        worse[rows] = (ranks[:, None] < ranks[None, :]).sum(axis=1)
        equal[rows] = (ranks[:, None] == ranks[None, :]).sum(axis=1)
        candidates[rows] = len(ranks)
    is_best = worse + equal == candidates
    return {
        "win_rate": (worse + (equal - 1) / 2) / (candidates - 1),
        "share_best": is_best / equal,
        "mean_rank": candidates - worse - (equal - 1) / 2,
    }


def _rows_by_trial(trial: Codes) -> list[Codes]:
    order = np.argsort(trial, kind="stable")
    edges = np.flatnonzero(np.diff(trial[order])) + 1
    return [rows for rows in np.split(order, edges) if len(rows)]


def _count_pairs(judgments: Judgments) -> list[ReportDict]:
    """Return, for each pair of methods, how often each of them won, and the ties."""
    counts: dict[tuple[str, str], list[int]] = {}
    for rows in _rows_by_trial(judgments.trial):
        names, ranks = judgments.method[rows].tolist(), judgments.value[rows]
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                if a < b:
                    won = counts.setdefault((a, b), [0, 0, 0])
                    won[1 + int(np.sign(ranks[i] - ranks[j]))] += 1
    return [
        {
            "a": a, "b": b, "wins_a": wins, "ties": ties, "trials": wins + ties + losses,
            "win_rate": (wins + ties / 2) / (wins + ties + losses),
        }
        for (a, b), (wins, ties, losses) in sorted(counts.items())
    ]  # fmt: skip


def is_check_passed(foil: float, photograph: float) -> bool:
    """Return whether an attention check is passed, given the ranks of its foil and photograph."""
    return foil >= photograph
