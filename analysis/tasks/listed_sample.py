"""The analysis sample with all trials in memory, one entry each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.checks.attention_checks import list_attention_checks
from analysis.checks.consistency import Consistency, estimate_consistency
from analysis.checks.deviations import DesignCheck, check_against_design
from analysis.checks.funnel import Funnel, build_funnel
from analysis.checks.response_behavior import (
    OrderEffect,
    ResponseTimes,
    SideBalance,
    SideBias,
    binomial_side_test,
    estimate_order_effect,
    estimate_side_bias,
    summarize_response_times,
)
from analysis.checks.study_facts import count_facts
from analysis.checks.timing import TimingSummary, summarize_timing
from analysis.exclusions.flow import AnalysisSample
from analysis.exclusions.people import ExcludedPeople
from analysis.formatting import ReportDict
from analysis.inference.bootstrap import BootstrapIntervals, bootstrap_intervals
from analysis.inference.detection import REAL_METHOD, select_with_photographs
from analysis.inputs.covariates import Covariate
from analysis.inputs.design import Design, Plan
from analysis.inputs.responses import Responses
from analysis.tasks.answers import ScoredAnswers, score_trials
from analysis.tasks.exposures import describe_exposures
from analysis.tasks.hype_time import describe_hype_time
from analysis.tasks.learning import Trend, list_trends
from analysis.tasks.report_sample import INPUT_COLUMNS, Exposures, is_drawn
from analysis.tasks.subgroups import describe_subgroups
from analysis.trials import BoolArray, Trials


@dataclass(frozen=True)
class ListedSample:
    """The answers to what a report asks, from arrays; see `ReportSample`.

    selected: the responses of the study and mode that the sample was built from.
    """

    sample: AnalysisSample
    selected: Responses

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.selected.distinct("task")[0]

    @property
    def people(self) -> ExcludedPeople:
        """All participants, and why some are excluded."""
        return self.sample

    @cached_property
    def participants(self) -> Sequence[str]:
        """The names of the participants, by code."""
        names: list[str] = self.sample.table.participants.tolist()
        return names

    @cached_property
    def images(self) -> Sequence[str]:
        """The names of the source images, by code."""
        return self.selected.distinct("image")

    @property
    def is_single(self) -> bool:
        """True if images are shown alone."""
        return self.sample.table.is_single

    @property
    def methods(self) -> Sequence[str]:
        """Every tested method, even without included trials."""
        return self.sample.methods

    @property
    def trials(self) -> Trials:
        """The included trials."""
        return self.sample.trials

    def trials_under(self, rules: Collection[str]) -> Trials:
        """Return the trials included under these rules; `trials` itself if nothing changes."""
        return self.sample.trials_under(rules)

    def leave_one_rule_out(self) -> Iterator[tuple[str, Trials]]:
        """Yield (rule, the trials included without it) for every rule that applies."""
        yield from self.sample.leave_one_rule_out()

    def trials_of_people(self, method: str) -> Trials:
        """Return the included trials of a method."""
        return self.trials.for_method(method)

    def list_trials(self, most: float, *methods: str) -> Trials | None:
        """Return the included trials, of these methods or of all; None if more than `most`."""
        size = sum(self.trials.for_method(method).size for method in methods)
        return self.trials if (size if methods else self.trials.size) <= most else None

    def sides_of(self, method: str) -> tuple[Trials, BoolArray]:
        """Return the included trials of a method, and whether the left image was chosen."""
        return self.trials.for_method(method), self._left[self.trials.method == method]

    def with_photographs(self, method: str) -> Trials:
        """Return a method's single fakes, and the photographs that the same people saw."""
        return select_with_photographs(self.trials, method)

    def find_side_bias(self) -> tuple[SideBias, SideBalance]:
        """Return how often the left side was chosen, and how often it was correct."""
        trials, left = self.trials, self._left
        return (
            estimate_side_bias(left, trials.participant),
            binomial_side_test(left != trials.fooled),
        )

    def find_order_effect(self) -> OrderEffect:
        """Return the change from the first to the second half of the trials."""
        return estimate_order_effect(self.trials)

    def list_trends(self) -> list[Trend]:
        """Return the answers about each method by their place in the test."""
        return list_trends(self._answers)

    def list_response_times(self) -> list[ResponseTimes]:
        """Return the response times of each method, fooled and not fooled."""
        rt_ms = self.sample.select_included(self.sample.table.rt_ms)
        return summarize_response_times(self.trials, rt_ms, self.methods)

    def list_attention_checks(self) -> Trials:
        """Return the answered attention checks, in which `fooled` means correct."""
        return list_attention_checks(self.sample.table)

    def build_funnel(self, method: str, center: float, sd: float) -> Funnel | None:
        """Return the participants' own rates of a method; None if they are too many to draw."""
        if not is_drawn(self.participants):
            return None
        return build_funnel(self.sample.all_trials.for_method(method), center, sd)

    def find_consistency(self) -> Consistency | None:
        """Return the agreement of repeated trials; None if no trial was repeated."""
        return estimate_consistency(self.sample)

    def summarize_timing(self) -> TimingSummary:
        """Return the accuracy of the exposures, and disturbances of the trials."""
        return summarize_timing(self.selected, self.sample.table)

    def check_design(self, design: Design | None, plan: Plan) -> DesignCheck:
        """Compare the study and its analysis with the frozen design."""
        return check_against_design(design, plan, count_facts(self.selected, self.sample.table))

    def describe_input(self) -> ReportDict:
        """Return `input` of report.json."""
        selected, table = self.selected, self.sample.table
        test = selected.select(selected.isin("kind", "test"))
        return {
            "sha256": selected.sha256,
            "study": selected.distinct("study")[0],
            "rows": len(selected),
            "participants": len(table.participants),
            "images": len(test.distinct("image")),
            "mode": selected.distinct("mode")[0],
            "single": table.is_single,
            "photographs": not table.is_single or REAL_METHOD in test.distinct("method"),
            "paired": None if table.is_single else table.real_image is None,
            **{key: test.distinct(key) for key in INPUT_COLUMNS},
        }

    def describe_exposures(self, design: Design | None) -> Exposures:
        """Return `by_exposure` and `hype_time` of report.json."""
        hype_time = describe_hype_time(self.sample, self.selected, design)
        return None if hype_time else describe_exposures(self.sample, self.selected), hype_time

    def describe_subgroups(self, covariates: Sequence[Covariate]) -> list[ReportDict]:
        """Return `subgroups` of report.json."""
        return describe_subgroups(self._answers, covariates)

    def bootstrap(self, replicates: int, seed: int) -> Mapping[tuple[str, ...], BootstrapIntervals]:
        """Return bootstrap intervals, by one method or by two."""
        return bootstrap_intervals(self.trials, self.methods, replicates, seed)

    @cached_property
    def _left(self) -> BoolArray:
        left: BoolArray = self.sample.select_included(self.sample.table.chose_left_or_fake)
        return left.astype(np.bool_, copy=False)

    @cached_property
    def _answers(self) -> list[ScoredAnswers]:
        return score_trials(self.sample, self.images)
