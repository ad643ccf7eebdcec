"""Estimates for each level of the covariates that the plan declares, and their differences.

Only declared covariates are compared, because some comparison of many is always significant.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import combinations

import numpy as np

from analysis.formatting import ReportDict
from analysis.inference.contrasts import Difference, adjust_holm
from analysis.inference.estimates import compare_by_contrast
from analysis.inference.joint_estimates import JointEstimates
from analysis.inputs.covariates import Covariate
from analysis.tasks.answers import ScoredAnswers
from analysis.trials import FloatArray

MAX_LEVELS = 12
NO_LEVEL = -1


def describe_subgroups(
    all_answers: Sequence[ScoredAnswers], covariates: Sequence[Covariate]
) -> list[ReportDict]:
    """Return the `subgroups` of report.json; p values are adjusted over all of them by Holm."""
    described = [
        _describe_covariate(answers, covariate)
        for covariate in covariates
        for answers in all_answers
    ]
    tests = [test for entry in described for test in entry["differences"]]
    for test, p in zip(tests, adjust_holm([test["p"] for test in tests]), strict=True):
        test["p_holm"] = p
    return described


def _describe_covariate(answers: ScoredAnswers, covariate: Covariate) -> ReportDict:
    of_people = covariate.unit == "participant"
    units = answers.participants if of_people else answers.images
    codes = answers.participant if of_people else answers.image
    found = [covariate.find_level(unit) for unit in units]
    present = np.unique(codes).tolist()
    levels = sorted({level for code in present if (level := found[code]) is not None})
    entry = {
        "covariate": covariate.name,
        "unit": covariate.unit,
        "of": answers.of,
        "missing": sum(found[code] is None for code in present),
        "levels": [],
        "differences": [],
    }
    if not 1 < len(levels) <= MAX_LEVELS:
        return entry | {"levels_found": len(levels)}
    level_of_unit = np.array([NO_LEVEL if one is None else levels.index(one) for one in found])
    level = level_of_unit[codes]
    cells = [(method, one) for method in answers.methods for one in levels]
    cell = answers.method * len(levels) + level
    joint, estimates = answers.estimate_means(
        cell, [f"{method}\n{one}" for method, one in cells], level != NO_LEVEL
    )
    return entry | {
        "levels_found": len(levels),
        "levels": [
            {"method": method, "level": one, **asdict(estimate)}
            for (method, one), estimate in zip(cells, estimates.values(), strict=True)
            if estimate.trials
        ],
        "differences": list(_compare_levels(joint, answers, levels)),
    }


def _compare_levels(
    joint: JointEstimates, answers: ScoredAnswers, levels: Sequence[str]
) -> Iterator[ReportDict]:
    """Yield the differences between two levels, of each method and of each two methods' difference.

    The latter are the interactions: (a − b) at the first level minus (a − b) at the second.
    """
    methods = answers.methods
    shape = len(methods), len(levels)
    for compared in _list_comparisons(answers):
        for first, second in combinations(range(len(levels)), 2):
            contrast: FloatArray = np.zeros(shape)
            for code, sign in zip(compared, (1, -1), strict=False):
                contrast[code, first], contrast[code, second] = sign, -sign
            names = levels[first], levels[second]
            if np.array(joint.participants)[contrast.ravel() != 0].all():
                difference = compare_by_contrast(joint, contrast.ravel(), *names)
                yield _describe_difference(difference, [methods[code] for code in compared])


def _list_comparisons(answers: ScoredAnswers) -> list[tuple[int, ...]]:
    """Return the codes of each method, and of each two; what two win rates say is the same."""
    codes = range(len(answers.methods))
    if answers.of == "win_rate" and len(codes) == 2:
        return [(0,)]
    return [*((code,) for code in codes), *combinations(codes, 2)]


def _describe_difference(difference: Difference, methods: Sequence[str]) -> ReportDict:
    described = asdict(difference)
    levels = [described.pop("a"), described.pop("b")]
    return {"methods": list(methods), "levels": levels, **described}
