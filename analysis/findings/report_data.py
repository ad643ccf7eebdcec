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
from analysis.checks.deviations import add_changes
from analysis.checks.funnel import Funnel
from analysis.checks.questionnaire import summarize_questionnaire
from analysis.checks.robustness import (
    RobustnessEstimates,
    estimate_methods,
    estimate_under_other_rules,
)
from analysis.exclusions.flow import apply_exclusions
from analysis.exclusions.people import ExcludedPeople
from analysis.formatting import ReportDict
from analysis.inference.image_ranking import ImageRanking, rank_images
from analysis.inputs.changes import SettingChange
from analysis.inputs.covariates import Covariate
from analysis.inputs.design import Design, Plan
from analysis.inputs.published import PublishedRate
from analysis.inputs.questionnaire import Questionnaire
from analysis.inputs.responses import Responses, select_mode, select_study
from analysis.tasks.catalog import TASKS_WITH_TRUTH
from analysis.tasks.judged import TieModel
from analysis.tasks.learning import describe_learning
from analysis.tasks.listed_sample import ListedSample
from analysis.tasks.report_sample import ReportSample, is_drawn
from analysis.trials import BoolArray

REPORT_SCHEMA = "hue-and-eye/report/2"
REPORTED_LIBRARIES = ("hue-and-eye", "numpy", "scipy")
REPOSITORY_ROOT = Path(__file__).parents[2]
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
    selected = select_mode(select_study(responses, options.study), options.mode)
    sample = apply_exclusions(responses, selected, options.effective_plan().rules)
    return describe_sample(ListedSample(sample, selected), published, options)


def describe_sample(
    sample: ReportSample, published: Sequence[PublishedRate], options: ReportOptions
) -> Findings:
    """Compute all numbers of a report from its sample."""
    plan, people = options.effective_plan(), sample.people
    estimates = estimate_methods(sample.trials, sample.methods)
    robustness, rates = estimate_under_other_rules(sample, estimates), estimates.rates
    rankings = {method: rank_images(sample.trials, method, sample.images) for method in rates}
    unfiltered_rates = robustness.without_exclusions.rates
    task = TASKS_WITH_TRUTH[sample.task]
    methods = task.describe_methods(
        sample, rates, unfiltered_rates, rankings, published, options.always_fit_mixed
    )
    funnels = {method: _build_funnel(sample, method, methods[method]) for method in methods}
    consistency, (by_exposure, hype_time) = (
        sample.find_consistency(),
        sample.describe_exposures(options.design),
    )
    margin = DEFAULT_MARGIN if plan.margin is None else plan.margin
    report = {
        "schema": REPORT_SCHEMA,
        "task": sample.task,
        "input": sample.describe_input(),
        "design": asdict(add_changes(sample.check_design(options.design, plan), options.changes)),
        "exclusions": _describe_exclusions(people, robustness),
        "methods": methods,
        "differences": task.describe_differences(
            sample, estimates, robustness, margin, options.always_fit_mixed
        ),
        "by_exposure": by_exposure,
        "hype_time": hype_time,
        "equivalence_margin": {"margin": margin, "source": options.margin_source()},
        "attention_checks": asdict(
            summarize_attention_checks(
                sample.list_attention_checks(), people.measures, people.rules
            )
        ),
        "side_bias": None if sample.is_single else _describe_sides(sample),
        "consistency": consistency and asdict(consistency),
        "order": asdict(sample.find_order_effect()),
        "rt": [asdict(times) for times in sample.list_response_times()],
        "timing": asdict(sample.summarize_timing()),
        "questionnaire": describe_questionnaire(people, options),
        "images": _describe_images(rankings),
        "subgroups": sample.describe_subgroups(options.covariates),
        "learning": describe_learning(sample.list_trends()),
        "software": describe_software(),
        "bootstrap": _describe_bootstrap(sample, options) if options.bootstrap_replicates else None,
        "seed": options.seed,
    }
    return Findings(report, {method: funnel for method, funnel in funnels.items() if funnel})


def _describe_bootstrap(sample: ReportSample, options: ReportOptions) -> ReportDict:
    intervals = sample.bootstrap(options.bootstrap_replicates, options.seed)
    return {
        "replicates": options.bootstrap_replicates,
        "methods": {key[0]: asdict(one) for key, one in intervals.items() if len(key) == 1},
        "differences": [
            {"a": key[0], "b": key[1], **asdict(one)}
            for key, one in intervals.items()
            if len(key) == 2
        ],
    }


def describe_questionnaire(people: ExcludedPeople, options: ReportOptions) -> list[ReportDict]:
    """Return the answers of the included participants to the study's own questions."""
    summaries = summarize_questionnaire(
        options.questionnaire, people.list_included(), options.design
    )
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


def _build_funnel(sample: ReportSample, method: str, entry: ReportDict) -> MethodFunnel | None:
    """Build the funnel around the rate of included participants; None without a rate."""
    if entry["rate"] is None:
        return None
    sd = sqrt(max(entry["variance"]["participant"] or 0.0, 0.0))
    funnel = sample.build_funnel(method, entry["rate"], sd)
    if funnel is None:
        return None
    return MethodFunnel(funnel, sample.people.is_excluded[funnel.participant])


def _describe_exclusions(people: ExcludedPeople, robustness: RobustnessEstimates) -> ReportDict:
    return describe_participants(people) | {
        "leave_one_rule_out": {
            rule: {
                method: {"rate": rate.rate, "ci95": rate.ci95, "trials": rate.trials}
                for method, rate in estimates.rates.items()
            }
            for rule, estimates in robustness.without_rule.items()
        },
    }


def describe_participants(people: ExcludedPeople) -> ReportDict:
    """Return who was excluded, and why; participants are listed unless they are too many."""
    listed = people.reasons_by_participant() if is_drawn(people.is_flagged) else {}
    return {
        "rules": asdict(people.rules),
        "not_applicable": [
            {"rule": rule, "reason": reason} for rule, reason in people.not_applicable.items()
        ],
        "flow": [asdict(step) for step in people.flow],
        "participants": [
            {
                "participant": person,
                "excluded": bool(reasons),
                "reasons": list(reasons),
                "flagged": flagged,
            }
            for (person, reasons), flagged in zip(
                listed.items(), people.is_flagged.tolist(), strict=False
            )
        ],
        "by_reason": people.count_by_reason(),
        "only_reason": people.count_by_only_reason(),
        "co_occurrence": people.co_occurrence(),
    }


def _describe_sides(sample: ReportSample) -> ReportDict:
    """Describe how often the left side was chosen, and how often it was correct."""
    chose_left, correct_left = sample.find_side_bias()
    return {"chose_left": asdict(chose_left), "correct_left": asdict(correct_left)}


def _describe_images(rankings: Mapping[str, ImageRanking]) -> list[ReportDict]:
    return [vars(image) for _, ranking in sorted(rankings.items()) for image in ranking.images]
