"""The score of HYPE-time: the exposure that a staircase showed most often (Zhou et al. 2019).

The score of a participant is the mean over blocks of the most frequent exposure, and that of a
method the mean over its participants. It shrinks toward the first exposure of a block, because the
steps of the staircase are short (benchmarks/hype_time.py).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.exclusions.flow import AnalysisSample
from analysis.formatting import ReportDict
from analysis.inference.intervals import t_quantile
from analysis.inputs.design import Design
from analysis.inputs.responses import Responses
from analysis.trials import Codes, FloatArray


def describe_hype_time(
    sample: AnalysisSample, selected: Responses, design: Design | None
) -> ReportDict | None:
    """Return `hype_time` of report.json; None if the design has no staircase.

    All answered test trials of included participants count, because all decided the exposures.
    """
    staircase = design.staircase if design else None
    if staircase is None:
        return None
    table = sample.table
    is_counted = table.is_test & table.is_answered & ~sample.is_excluded[table.participant]
    block = selected.numbers("block")[table.response_row]
    exposure_ms = selected.numbers("exposure_ms")[table.response_row]
    methods = {}
    for method in sample.methods:
        is_own = is_counted & table.shows_fake & (table.method == table.methods.index(method))
        rows = is_counted & np.isin(table.participant, table.participant[is_own])
        modes = find_modal_exposures(table.participant[rows], block[rows], exposure_ms[rows])
        methods[method] = _describe_scores(*modes, staircase)
    limits = {key: staircase[key] for key in ("start_ms", "min_ms", "max_ms")}
    return limits | {"target_correct": find_target(staircase), "methods": methods}


def find_target(staircase: Mapping[str, Any]) -> float:
    """Return the share of right answers at which the exposure neither rises nor falls on average.

    With n right answers in a row for a step down, a fraction p^n (1 - p) / (1 - p^n) of trials
    steps down and 1 - p steps up, so that p^n = up / (up + down): .63 for HYPE-time.
    """
    up, down = staircase["up_ms"], staircase["down_ms"]
    return float((up / (up + down)) ** (1 / staircase["right_in_a_row"]))


def find_modal_exposures(
    participant: Codes, block: FloatArray, exposure_ms: FloatArray
) -> tuple[Codes, FloatArray]:
    """Return the participant (m,) and the most frequent exposure (m,) of each of their m blocks.

    participant, block, exposure_ms (n,): of each trial. Of several exposures that are equally
    frequent, the shortest counts.
    """
    trials = np.column_stack([participant, block, exposure_ms])
    shown, counts = np.unique(trials, axis=0, return_counts=True)
    order = np.lexsort((shown[:, 2], -counts, shown[:, 1], shown[:, 0]))
    _, first = np.unique(shown[order, :2], axis=0, return_index=True)
    chosen = shown[order][first]
    return chosen[:, 0].astype(np.int64), chosen[:, 2]


def _describe_scores(
    participant: Codes, modes_ms: FloatArray, staircase: Mapping[str, Any]
) -> ReportDict:
    """Describe a method's score with its standard error and t interval over participants."""
    _, codes = np.unique(participant, return_inverse=True)
    scores = np.bincount(codes, weights=modes_ms) / np.bincount(codes)
    people = len(scores)
    score = float(scores.mean()) if people else None
    se = float(scores.std(ddof=1) / np.sqrt(people)) if people > 1 else None
    half = None if se is None else t_quantile(people - 1) * se
    at_limit = np.isin(modes_ms, [staircase["min_ms"], staircase["max_ms"]])
    return {
        "score_ms": score,
        "se": se,
        "ci95": None if score is None or half is None else [score - half, score + half],
        "participants": people,
        "blocks": len(modes_ms),
        "blocks_at_limit": int(at_limit.sum()),
    }
