"""Responses -> the numbers of a report, as plain data (report.json in docs/formats.md)."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from math import sqrt
from pathlib import Path
from typing import Any

from analysis.checks.attention_checks import summarize_attention_checks
from analysis.checks.consistency import estimate_consistency
from analysis.checks.deviations import check_against_design
from analysis.checks.funnel import Funnel, build_funnel
from analysis.checks.response_behavior import (
    binomial_side_test,
    estimate_order_effect,
    estimate_side_bias,
    summarize_response_times,
)
from analysis.checks.robustness import (
    RobustnessEstimates,
    estimate_methods,
    estimate_under_other_rules,
)
from analysis.checks.timing import summarize_timing
from analysis.exclusions.flow import AnalysisSample, apply_exclusions
from analysis.inference.bootstrap import bootstrap_intervals
from analysis.inference.contrasts import compare_subgroups
from analysis.inference.image_ranking import ImageRanking, rank_images
from analysis.inputs.design import Design, Plan
from analysis.inputs.published import PublishedRate
from analysis.inputs.responses import Responses, select_mode, select_study
from analysis.tasks.real_or_fake import describe_differences, describe_methods, select_included
from analysis.trials import BoolArray

SCHEMA = "hue-and-eye/report/1"
LIBRARIES = ("hue-and-eye", "numpy", "scipy")
HERE = Path(__file__).parents[1]
COMMIT = ("git", "-C", str(HERE), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
MARGIN = 0.05  # rates that differ by less count as equal, where nothing else was planned

Part = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a report shall be on, and how.

    study, mode: which rows; None as in `select_study` and `select_mode`. design: as frozen. plan:
    instead of the design's. margin: instead of the plan's. mixed: fit the mixed model to any number
    of trials. bootstrap: replicates, 0 for none. seed: of these.
    """

    study: str | None = None
    mode: str | None = None
    design: Design | None = None
    plan: Plan | None = None
    margin: float | None = None
    mixed: bool = False
    bootstrap: int = 0
    seed: int = 0

    def used_plan(self) -> Plan:
        """What the analysis goes by."""
        plan = self.plan or (self.design.plan if self.design else Plan())
        return plan if self.margin is None else replace(plan, margin=self.margin)


@dataclass(frozen=True)
class People:
    """A method's funnel; excluded (K,): who in it is left out."""

    funnel: Funnel
    excluded: BoolArray


@dataclass(frozen=True)
class Findings:
    """report: everything report.json says. people: by method, of everybody who judged it."""

    report: Part
    people: dict[str, People]


def find(responses: Responses, published: Sequence[PublishedRate], asked: Asked) -> Findings:
    """The same responses and arguments give an equal report.

    Raises ResponsesError where there is nothing to report on.
    """
    taken, plan = select_mode(select_study(responses, asked.study), asked.mode), asked.used_plan()
    counted = apply_exclusions(responses, taken, plan.rules)
    judged, images = estimate_methods(counted.trials, counted.methods), taken.distinct("image")
    otherwise, rates = estimate_under_other_rules(counted, judged), judged.rates
    rankings = {method: rank_images(counted.trials, method, images) for method in rates}
    everybody = otherwise.without_exclusions.rates
    methods = describe_methods(counted, rates, everybody, rankings, images, published, asked.mixed)
    people = {method: _compare_people(counted, method, methods[method]) for method in methods}
    record, consistency = counted.table, estimate_consistency(counted)
    report = {
        "schema": SCHEMA,
        "input": _describe_input(taken, counted),
        "design": asdict(check_against_design(asked.design, plan, taken, record)),
        "exclusions": _describe_exclusions(counted, otherwise),
        "methods": methods,
        "differences": describe_differences(
            counted, judged, otherwise, plan.margin or MARGIN, asked.mixed
        ),
        "attention_checks": asdict(
            summarize_attention_checks(record, counted.measures, counted.rules)
        ),
        "side_bias": None if record.is_single else _describe_sides(counted),
        "consistency": consistency and asdict(consistency),
        "order": asdict(estimate_order_effect(counted.trials)),
        "rt": _describe_times(counted),
        "timing": asdict(summarize_timing(taken, record)),
        "images": _describe_images(rankings),
        "subgroups": [
            asdict(group) for group in compare_subgroups(counted.trials, counted.methods, images)
        ],
        "software": describe_software(),
        "bootstrap": _describe_resampled(counted, asked) if asked.bootstrap else None,
        "seed": asked.seed,
    }
    return Findings(report, {method: found for method, found in people.items() if found})


def _describe_resampled(counted: AnalysisSample, asked: Asked) -> Part:
    found = bootstrap_intervals(counted.trials, counted.methods, asked.bootstrap, asked.seed)
    return {
        "replicates": asked.bootstrap,
        "methods": {key[0]: asdict(one) for key, one in found.items() if len(key) == 1},
        "differences": [
            {"a": key[0], "b": key[1], **asdict(one)} for key, one in found.items() if len(key) == 2
        ],
    }


def describe_software() -> Part:
    """Versions, and the commit of a checkout; null of an installed package."""
    return {
        "commit": _find_commit(),
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }


def _find_commit() -> str | None:
    if not (HERE / ".git").exists():
        return None
    try:
        done = subprocess.run(COMMIT, capture_output=True, text=True, check=False)
    except OSError:  # no git
        return None
    return done.stdout.strip() or None


def _compare_people(counted: AnalysisSample, method: str, entry: Part) -> People | None:
    """Around the rate of those who count; None where there is none."""
    if entry["rate"] is None:
        return None
    sd = sqrt(max(entry["variance"]["participant"] or 0.0, 0.0))
    part = counted.all_trials.for_method(method)
    funnel = build_funnel(part, entry["rate"], sd)
    return People(funnel, counted.is_excluded[funnel.participant])


def _describe_input(taken: Responses, counted: AnalysisSample) -> Part:
    test = taken.select(taken.isin("kind", "test"))
    return {
        "sha256": taken.sha256,
        "study": taken.distinct("study")[0],
        "rows": len(taken),
        "participants": len(counted.table.participants),
        "images": len(test.distinct("image")),
        "mode": taken.distinct("mode")[0],
        "single": counted.table.is_single,
        "paired": None if counted.table.is_single else counted.table.real_image is None,
        **{key: test.distinct(key) for key in ("presentation", "question", "exposure_ms")},
    }


def _describe_exclusions(counted: AnalysisSample, otherwise: RobustnessEstimates) -> Part:
    return {
        "rules": asdict(counted.rules),
        "not_applicable": [
            {"rule": rule, "reason": reason} for rule, reason in counted.not_applicable.items()
        ],
        "flow": [asdict(step) for step in counted.flow],
        "participants": [
            {
                "participant": person,
                "excluded": bool(reasons),
                "reasons": list(reasons),
                "flagged": flagged,
            }
            for (person, reasons), flagged in zip(
                counted.reasons_by_participant().items(), counted.is_flagged.tolist(), strict=True
            )
        ],
        "by_reason": counted.count_by_reason(),
        "only_reason": counted.count_by_only_reason(),
        "co_occurrence": counted.co_occurrence(),
        "leave_one_rule_out": {
            rule: {
                method: {"rate": rate.rate, "ci95": rate.ci95, "trials": rate.trials}
                for method, rate in judged.rates.items()
            }
            for rule, judged in otherwise.without_rule.items()
        },
    }


def _describe_sides(counted: AnalysisSample) -> Part:
    """What people chose, and where the photographs were."""
    trials, left = counted.trials, select_included(counted, counted.table.chose_left_or_fake)
    return {
        "chose_left": asdict(estimate_side_bias(left, trials.participant)),
        "correct_left": asdict(binomial_side_test(left != trials.fooled)),
    }


def _describe_times(counted: AnalysisSample) -> list[Part]:
    rt_ms = select_included(counted, counted.table.rt_ms)
    return [
        asdict(times) for times in summarize_response_times(counted.trials, rt_ms, counted.methods)
    ]


def _describe_images(rankings: Mapping[str, ImageRanking]) -> list[Part]:
    return [vars(image) for _, ranking in sorted(rankings.items()) for image in ranking.images]
