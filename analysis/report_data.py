"""Compute the numbers of a report from the responses, as plain data for report.json.

The format is described in docs/formats.md.
"""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from math import sqrt
from pathlib import Path

from analysis.checks.attention_checks import summarize_attention_checks
from analysis.checks.consistency import estimate_consistency
from analysis.checks.deviations import add_changes, check_against_design
from analysis.checks.funnel import Funnel, build_funnel
from analysis.checks.questionnaire import summarize_questionnaire
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
from analysis.formatting import ReportDict
from analysis.inference.bootstrap import bootstrap_intervals
from analysis.inference.detection import REAL_METHOD
from analysis.inference.image_ranking import ImageRanking, rank_images
from analysis.inputs.changes import SettingChange
from analysis.inputs.covariates import Covariate
from analysis.inputs.design import Design, Plan
from analysis.inputs.published import PublishedRate
from analysis.inputs.questionnaire import Questionnaire
from analysis.inputs.responses import Responses, select_mode, select_study
from analysis.tasks.answers import score_trials
from analysis.tasks.catalog import TASKS_WITH_TRUTH
from analysis.tasks.exposures import describe_exposures
from analysis.tasks.hype_time import describe_hype_time
from analysis.tasks.judged import TieModel
from analysis.tasks.learning import describe_learning
from analysis.tasks.subgroups import describe_subgroups
from analysis.trials import BoolArray

REPORT_SCHEMA = "hue-and-eye/report/2"
REPORTED_LIBRARIES = ("hue-and-eye", "numpy", "scipy")
REPOSITORY_ROOT = Path(__file__).parents[1]
GIT_DESCRIBE = (
    "git",
    "-C",
    str(REPOSITORY_ROOT),
    "describe",
    "--always",
    "--abbrev=40",
    "--exclude=*",
    "--dirty",
)
DEFAULT_MARGIN = 0.05  # equivalence margin if none was planned


@dataclass(frozen=True)
class ReportOptions:
    """The options of a report.

    study, mode: the rows to report on; None as in `select_study` and `select_mode`. design: the
    frozen design. plan: used instead of the design's. margin: used instead of the plan's.
    always_fit_mixed: fit mixed models regardless of the number of trials. bootstrap_replicates:
    number of resamples, 0 for none. seed: random seed of the resamples. questionnaire: the answers
    to the study's own questions. covariates: those that the plan declares.
    changes: the changes of settings after the freeze. ties: how the strengths of pairs treat ties.
    """

    study: str | None = None
    mode: str | None = None
    design: Design | None = None
    plan: Plan | None = None
    margin: float | None = None
    always_fit_mixed: bool = False
    bootstrap_replicates: int = 0
    seed: int = 0
    questionnaire: Questionnaire = field(default_factory=dict)
    covariates: Sequence[Covariate] = ()
    changes: Sequence[SettingChange] = ()
    ties: TieModel = "half"

    def margin_source(self) -> str:
        """Return where the equivalence margin comes from.

        `design` if the frozen design fixes this margin, else `option`, `plan` or `default`.
        """
        margin = self.effective_plan().margin
        if margin is None:
            return "default"
        if self.design and self.design.is_frozen and margin == self.design.plan.margin:
            return "design"
        return "plan" if self.margin is None else "option"

    def effective_plan(self) -> Plan:
        """Return the plan that the analysis uses."""
        plan = self.plan or (self.design.plan if self.design else Plan())
        return plan if self.margin is None else replace(plan, margin=self.margin)


@dataclass(frozen=True)
class MethodFunnel:
    """A method's funnel; is_excluded (K,): whether each of its participants is excluded."""

    funnel: Funnel
    is_excluded: BoolArray


@dataclass(frozen=True)
class Findings:
    """The results of an analysis.

    report: the contents of report.json. funnels: by method, of all its participants.
    """

    report: ReportDict
    funnels: dict[str, MethodFunnel]


def assemble_findings(
    responses: Responses, published: Sequence[PublishedRate], options: ReportOptions
) -> Findings:
    """Analyze the responses. The same responses and arguments give an equal report.

    Raises ResponsesError if there is nothing to report on.
    """
    selected, plan = (
        select_mode(select_study(responses, options.study), options.mode),
        options.effective_plan(),
    )
    sample = apply_exclusions(responses, selected, plan.rules)
    estimates, images = estimate_methods(sample.trials, sample.methods), selected.distinct("image")
    robustness, rates = estimate_under_other_rules(sample, estimates), estimates.rates
    rankings = {method: rank_images(sample.trials, method, images) for method in rates}
    unfiltered_rates = robustness.without_exclusions.rates
    task_name = selected.distinct("task")[0]
    task = TASKS_WITH_TRUTH[task_name]
    methods = task.describe_methods(
        sample, rates, unfiltered_rates, rankings, images, published, options.always_fit_mixed
    )
    funnels = {method: _build_funnel(sample, method, methods[method]) for method in methods}
    table, consistency = sample.table, estimate_consistency(sample)
    answers = score_trials(sample, images)
    hype_time = describe_hype_time(sample, selected, options.design)
    margin = DEFAULT_MARGIN if plan.margin is None else plan.margin
    report = {
        "schema": REPORT_SCHEMA,
        "task": task_name,
        "input": _describe_input(selected, sample),
        "design": asdict(
            add_changes(
                check_against_design(options.design, plan, selected, table), options.changes
            )
        ),
        "exclusions": _describe_exclusions(sample, robustness),
        "methods": methods,
        "differences": task.describe_differences(
            sample, estimates, robustness, margin, options.always_fit_mixed
        ),
        "by_exposure": None if hype_time else describe_exposures(sample, selected),
        "hype_time": hype_time,
        "equivalence_margin": {"margin": margin, "source": options.margin_source()},
        "attention_checks": asdict(
            summarize_attention_checks(table, sample.measures, sample.rules)
        ),
        "side_bias": None if table.is_single else _describe_sides(sample),
        "consistency": consistency and asdict(consistency),
        "order": asdict(estimate_order_effect(sample.trials)),
        "rt": _describe_times(sample),
        "timing": asdict(summarize_timing(selected, table)),
        "questionnaire": describe_questionnaire(sample, options),
        "images": _describe_images(rankings),
        "subgroups": describe_subgroups(answers, options.covariates),
        "learning": describe_learning(answers),
        "software": describe_software(),
        "bootstrap": _describe_bootstrap(sample, options) if options.bootstrap_replicates else None,
        "seed": options.seed,
    }
    return Findings(report, {method: funnel for method, funnel in funnels.items() if funnel})


def _describe_bootstrap(sample: AnalysisSample, options: ReportOptions) -> ReportDict:
    intervals = bootstrap_intervals(
        sample.trials, sample.methods, options.bootstrap_replicates, options.seed
    )
    return {
        "replicates": options.bootstrap_replicates,
        "methods": {key[0]: asdict(one) for key, one in intervals.items() if len(key) == 1},
        "differences": [
            {"a": key[0], "b": key[1], **asdict(one)}
            for key, one in intervals.items()
            if len(key) == 2
        ],
    }


def describe_questionnaire(sample: AnalysisSample, options: ReportOptions) -> list[ReportDict]:
    """Return the answers of the included participants to the study's own questions."""
    included = sample.table.participants[~sample.is_excluded].tolist()
    summaries = summarize_questionnaire(options.questionnaire, included, options.design)
    return [asdict(summary) for summary in summaries]


def describe_software() -> ReportDict:
    """Return the versions of the software, and the commit of a checkout, None if installed."""
    return {
        "commit": _find_commit(),
        "python": platform.python_version(),
        **{library: version(library) for library in REPORTED_LIBRARIES},
    }


def _find_commit() -> str | None:
    if not (REPOSITORY_ROOT / ".git").exists():
        return None
    try:
        done = subprocess.run(GIT_DESCRIBE, capture_output=True, text=True, check=False)
    except OSError:  # no git
        return None
    return done.stdout.strip() or None


def _build_funnel(sample: AnalysisSample, method: str, entry: ReportDict) -> MethodFunnel | None:
    """Build the funnel around the rate of included participants; None without a rate."""
    if entry["rate"] is None:
        return None
    sd = sqrt(max(entry["variance"]["participant"] or 0.0, 0.0))
    part = sample.all_trials.for_method(method)
    funnel = build_funnel(part, entry["rate"], sd)
    return MethodFunnel(funnel, sample.is_excluded[funnel.participant])


def _describe_input(selected: Responses, sample: AnalysisSample) -> ReportDict:
    test = selected.select(selected.isin("kind", "test"))
    return {
        "sha256": selected.sha256,
        "study": selected.distinct("study")[0],
        "rows": len(selected),
        "participants": len(sample.table.participants),
        "images": len(test.distinct("image")),
        "mode": selected.distinct("mode")[0],
        "single": sample.table.is_single,
        "photographs": not sample.table.is_single or REAL_METHOD in test.distinct("method"),
        "paired": None if sample.table.is_single else sample.table.real_image is None,
        **{key: test.distinct(key) for key in ("presentation", "question", "exposure_ms")},
    }


def _describe_exclusions(sample: AnalysisSample, robustness: RobustnessEstimates) -> ReportDict:
    return describe_participants(sample) | {
        "leave_one_rule_out": {
            rule: {
                method: {"rate": rate.rate, "ci95": rate.ci95, "trials": rate.trials}
                for method, rate in estimates.rates.items()
            }
            for rule, estimates in robustness.without_rule.items()
        },
    }


def describe_participants(sample: AnalysisSample) -> ReportDict:
    """Return who was excluded, and why."""
    return {
        "rules": asdict(sample.rules),
        "not_applicable": [
            {"rule": rule, "reason": reason} for rule, reason in sample.not_applicable.items()
        ],
        "flow": [asdict(step) for step in sample.flow],
        "participants": [
            {
                "participant": person,
                "excluded": bool(reasons),
                "reasons": list(reasons),
                "flagged": flagged,
            }
            for (person, reasons), flagged in zip(
                sample.reasons_by_participant().items(), sample.is_flagged.tolist(), strict=True
            )
        ],
        "by_reason": sample.count_by_reason(),
        "only_reason": sample.count_by_only_reason(),
        "co_occurrence": sample.co_occurrence(),
    }


def _describe_sides(sample: AnalysisSample) -> ReportDict:
    """Describe how often the left side was chosen, and how often it was correct."""
    trials, left = sample.trials, sample.select_included(sample.table.chose_left_or_fake)
    return {
        "chose_left": asdict(estimate_side_bias(left, trials.participant)),
        "correct_left": asdict(binomial_side_test(left != trials.fooled)),
    }


def _describe_times(sample: AnalysisSample) -> list[ReportDict]:
    rt_ms = sample.select_included(sample.table.rt_ms)
    return [
        asdict(times) for times in summarize_response_times(sample.trials, rt_ms, sample.methods)
    ]


def _describe_images(rankings: Mapping[str, ImageRanking]) -> list[ReportDict]:
    return [vars(image) for _, ranking in sorted(rankings.items()) for image in ranking.images]
