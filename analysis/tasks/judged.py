"""The sample of a task whose candidates are judged: exclusions as usual, then judgments."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import numpy as np

from analysis.api.comparison import MethodComparison
from analysis.exclusions.flow import AnalysisSample, apply_exclusions
from analysis.formatting import ReportDict
from analysis.inference.estimates import Estimate
from analysis.inference.intervals import Interval
from analysis.inference.judged.image_scores import ImageScores
from analysis.inputs.design import ExclusionRules
from analysis.inputs.judgments import Judgments
from analysis.inputs.responses import Responses
from analysis.inputs.trial_table import TrialTable, build_judged_table
from analysis.trials import BoolArray, Codes

REAL_METHOD, FOIL_METHOD = "real", "foil"
PAIR = 2  # candidates of which one is on the left

TieModel = Literal["half", "davidson"]  # a tie is half a win each, or an outcome of its own


# What a task need not describe, as it stands in report.json.
NOT_DESCRIBED: ReportDict = {
    "pairs": [],
    "unconnected": [],
    "ties": None,
    "slots": [],
    "raters": [],
    "images": [],
    "image_rankings": [],
}


@dataclass(frozen=True)
class JudgedSample:
    """The judgments (m,) of the included test trials, with the codes of participants and images.

    participant_names, image_names: by code. exclusions: the sample by which they were included.
    scale_ends: the lowest and the highest score of each scale that the design describes.
    """

    judgments: Judgments
    participant: Codes
    image: Codes
    participant_names: list[str]
    image_names: list[str]
    methods: list[str]
    exclusions: AnalysisSample
    scale_ends: Mapping[str, Interval] = field(default_factory=dict)


def build_judged_sample(
    all_responses: Responses,
    selected: Responses,
    judgments: Judgments,
    rules: ExclusionRules,
    is_check_passed: Callable[[float, float], bool],
) -> JudgedSample:
    """Apply the exclusion rules and select the judgments of included test trials.

    is_check_passed: whether an attention check is passed, by what was said of its foil and of its
    photograph.
    """
    table = _build_table(selected, judgments, is_check_passed)
    sample = apply_exclusions(all_responses, selected, rules, table)
    included = np.zeros(len(selected), dtype=np.bool_)
    included[sample.response_rows[sample.is_included]] = True
    chosen = judgments.select(included[judgments.trial])
    people = selected.codes("participant")
    image_names, images = np.unique(chosen.image, return_inverse=True)
    return JudgedSample(
        judgments=chosen,
        participant=people[chosen.trial],
        image=images.astype(np.int64),
        participant_names=selected.distinct("participant"),
        image_names=image_names.tolist(),
        methods=sorted(set(chosen.method.tolist())),
        exclusions=sample,
    )


def _build_table(
    selected: Responses, judgments: Judgments, is_check_passed: Callable[[float, float], bool]
) -> TrialTable:
    """Build the trial table: whose answers are wrong are those of failed attention checks."""
    images: list[str] = [""] * len(selected)
    for trial, image in zip(judgments.trial.tolist(), judgments.image.tolist(), strict=True):
        images[trial] = image
    failed = _find_failed_checks(selected, judgments, is_check_passed)
    left = np.zeros(len(selected), dtype=np.bool_)
    pairs = selected.isin("candidates", str(PAIR))
    better = defaultdict[int, dict[int, float]](dict)
    for trial, slot, value in zip(
        judgments.trial.tolist(), judgments.slot.tolist(), judgments.value.tolist(), strict=True
    ):
        better[trial][slot] = value
    for trial, values in better.items():
        left[trial] = bool(pairs[trial]) and values[0] < values.get(1, values[0])
    table = build_judged_table(selected, np.array(images), ~failed, left)
    return replace(table, is_single=not pairs.any())  # rules about sides are for pairs


def _find_failed_checks(
    selected: Responses, judgments: Judgments, is_check_passed: Callable[[float, float], bool]
) -> BoolArray:
    """Return (n,): whether a row is a failed attention check.

    A foil is compared with its photograph, in the same trial or in another attention check of the
    same participant.
    """
    checks = selected.isin("kind", "attention") & ~selected.matches(
        "flags", lambda flags: "voided" in flags
    )
    people = selected.codes("participant").tolist()
    totals = defaultdict[tuple[int, str, str], float](float)
    trials = defaultdict[tuple[int, str], set[int]](set)
    for trial, image, method, value in zip(
        judgments.trial.tolist(),
        judgments.image.tolist(),
        judgments.method.tolist(),
        judgments.value.tolist(),
        strict=True,
    ):
        if checks[trial]:
            totals[people[trial], image, method] += value
            trials[people[trial], image].add(trial)
    failed = np.zeros(len(selected), dtype=np.bool_)
    for (person, image), rows in trials.items():
        foil, real = ((person, image, method) for method in (FOIL_METHOD, REAL_METHOD))
        passed = foil in totals and real in totals and is_check_passed(totals[foil], totals[real])
        failed[list(rows)] = not passed
    return failed


def list_estimates(described: Mapping[str, Mapping[str, Estimate]]) -> dict[str, ReportDict]:
    """Return the entry of each method: its estimates by name.

    described: by name of the estimate, then by method.
    """
    methods: dict[str, ReportDict] = {}
    for name, by_method in described.items():
        for method, estimate in by_method.items():
            methods.setdefault(method, {})[name] = asdict(estimate)
    return methods


def list_differences(compared: Mapping[str, MethodComparison]) -> list[ReportDict]:
    """Return the differences as in report.json.

    compared: by name of the estimate.
    """
    return [
        {"of": name, **asdict(one), "p_holm": p}
        for name, comparison in compared.items()
        for one, p in zip(comparison.differences, comparison.p_holm, strict=True)
    ]


def describe_images(rankings: Mapping[tuple[str, str | None], ImageScores]) -> ReportDict:
    """Return `images` and `image_rankings` of report.json.

    rankings: by method and scale; None where there are no scales.
    """
    return {
        "images": [
            {"method": method, "scale": scale, **asdict(image)}
            for (method, scale), ranking in rankings.items()
            for image in ranking.images
        ],
        "image_rankings": [
            {
                "method": method,
                "scale": scale,
                "judgments_per_image": ranking.judgments_per_image,
                "reliability": ranking.reliability,
                "flags": ranking.flags,
            }
            for (method, scale), ranking in rankings.items()
        ],
    }
