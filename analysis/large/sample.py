"""The analysis sample of `ReportSample`, with its trials counted by DuckDB."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.checks.consistency import Consistency, describe_agreement
from analysis.checks.deviations import DesignCheck, check_against_design
from analysis.checks.funnel import Funnel, limit_funnel
from analysis.checks.response_behavior import (
    OrderEffect,
    ResponseTimes,
    SideBalance,
    SideBias,
    binomial_side_test,
    estimate_side_bias,
)
from analysis.checks.timing import TimingSummary
from analysis.counted.trials import CountedTrials
from analysis.exclusions.people import ExcludedPeople
from analysis.formatting import ReportDict
from analysis.inference.bootstrap import BootstrapIntervals
from analysis.inference.detection import REAL_METHOD
from analysis.inputs.covariates import Covariate
from analysis.inputs.design import Design, Plan
from analysis.large.checks import count_attention_checks, count_repeats
from analysis.large.connection import NotCountedError, Source
from analysis.large.counts import Counted
from analysis.large.included import Included
from analysis.large.selection import StudySelection, select_rows
from analysis.large.summaries import list_response_times, summarize_timing
from analysis.large.tables.combinations import count_values
from analysis.large.tables.person_counts import PersonCounts, count_condition, count_facts
from analysis.large.tables.trial_table import KIND_CODES, Names
from analysis.large.trends import find_trend
from analysis.tasks.learning import Trend
from analysis.tasks.report_sample import INPUT_COLUMNS, Exposures, is_drawn
from analysis.trials import BoolArray, IntArray, Trials


@dataclass(frozen=True)
class CountedSample:
    """The answers to what a report asks, from SQL; see `ReportSample`.

    methods: every tested method, even without included trials. patterns: by code, a bit for each
    rule that is broken. counted: every answered test trial.
    """

    source: Source
    selection: StudySelection
    names: Names
    methods: Sequence[str]
    people: ExcludedPeople
    counts: PersonCounts
    patterns: IntArray
    counted: Counted
    included: Included

    def distinct(self, column: str) -> list[str]:
        """Return the values that occur in a column of the study, in alphabetical order."""
        return self.source.fetch_words(f"SELECT DISTINCT {column} FROM selected ORDER BY {column}")

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.selection.task

    @property
    def participants(self) -> Sequence[str]:
        """The names of the participants, by code."""
        names: Sequence[str] = self.names.participants
        return names

    @property
    def images(self) -> Sequence[str]:
        """The names of the source images, by code."""
        return self.names.images

    @property
    def is_single(self) -> bool:
        """True if images are shown alone."""
        return self.selection.is_single

    @cached_property
    def all_trials(self) -> CountedTrials:
        """Every answered test trial, before exclusions."""
        return self.counted.to_trials(self._method_names)

    @cached_property
    def trials(self) -> CountedTrials:
        """The included trials."""
        return self.all_trials.select(self._included)

    def trials_under(self, rules: Collection[str]) -> CountedTrials:
        """Return the trials included under these rules; `trials` itself if nothing changes."""
        included = self._select_under(rules)
        if np.array_equal(included, self._included):
            return self.trials
        return self.all_trials.select(included)

    def leave_one_rule_out(self) -> Iterator[tuple[str, CountedTrials]]:
        """Yield (rule, the trials included without it) for every rule that applies."""
        applied = self.people.applied_rules
        for rule in applied:
            yield rule, self.trials_under([other for other in applied if other != rule])

    def trials_of_people(self, method: str) -> CountedTrials:
        """Return the included trials of a method, with their participant's number of trials."""
        return self.included.of_people(self._code(method))

    def list_trials(self, most: float, *methods: str) -> Trials | None:
        """Return the included trials, of these methods or of all; None if more than `most`."""
        size = sum(self.trials.for_method(method).size for method in methods)
        if (size if methods else self.trials.size) > most:
            return None
        return self.included.list_trials(list(map(self._code, methods)))

    def sides_of(self, method: str) -> tuple[CountedTrials, BoolArray]:
        """Return the included trials of a method, and whether the left image was chosen."""
        trials = self.included.with_sides(self._code(method))
        assert trials.left is not None
        return trials, trials.left

    def with_photographs(self, method: str) -> CountedTrials:
        """Return a method's single fakes, and the photographs that the same people saw."""
        return self.included.with_photographs(self._code(method), self._code(REAL_METHOD))

    def find_side_bias(self) -> tuple[SideBias, SideBalance]:
        """Return how often the left side was chosen, and how often it was correct."""
        answers = self.included.with_sides(None)
        assert answers.left is not None
        return (
            estimate_side_bias(answers.left, answers.participant, answers.weight),
            binomial_side_test(answers.left != answers.fooled, answers.weight),
        )

    def find_order_effect(self) -> OrderEffect:
        """Return the change from the first to the second half of the trials."""
        return self.included.find_order_effect()

    def list_trends(self) -> list[Trend]:
        """Return the answers about each method by their place in the test."""
        return [find_trend(self.included, method, self._code(method)) for method in self.methods]

    def list_response_times(self) -> list[ResponseTimes]:
        """Return the response times of each method, fooled and not fooled."""
        return list_response_times(
            self.source, {method: self._code(method) for method in self.methods}
        )

    def list_attention_checks(self) -> CountedTrials:
        """Return the answered attention checks, in which `fooled` means correct."""
        return count_attention_checks(self.source).to_trials(self._method_names)

    def build_funnel(self, method: str, center: float, sd: float) -> Funnel | None:
        """Return the participants' own rates of a method; None if they are too many to draw."""
        if not is_drawn(self.participants):
            return None
        rows = self.source.fetch(
            "SELECT p, count(*) AS trials, count(*) FILTER (WHERE fooled) AS fooled FROM usable "
            f"WHERE m = {self._code(method)} GROUP BY p ORDER BY p"
        )
        trials, fooled = rows["trials"].astype(np.int64), rows["fooled"].astype(np.float64)
        return limit_funnel(rows["p"].astype(np.int64), trials, fooled, center, sd)

    def find_consistency(self) -> Consistency | None:
        """Return the agreement of repeated trials; None if no trial was repeated."""
        repeats = count_repeats(self.source, len(self.names.methods))
        if repeats is None:
            return None
        before, after = (repeats.values[key] == 1 for key in ("before", "after"))
        return describe_agreement(
            repeats.to_trials(self._method_names), before, after, repeats.weight
        )

    def summarize_timing(self) -> TimingSummary:
        """Return the accuracy of the exposures, and disturbances of the trials."""
        return summarize_timing(self.source, self.counts)

    def check_design(self, design: Design | None, plan: Plan) -> DesignCheck:
        """Compare the study and its analysis with the frozen design."""
        is_paired = None if self.is_single else self.selection.is_paired
        facts = count_facts(self.source, self.counts, self.selection.study, self.methods, is_paired)
        return check_against_design(design, plan, facts)

    def describe_input(self) -> ReportDict:
        """Return `input` of report.json."""
        images = self.source.fetch_row(
            f"SELECT count(DISTINCT i) FROM trial WHERE kind_code = {KIND_CODES['test']}"
        )[0]
        shown = count_values(self.source, "method", "kind = 'test'")
        return {
            "sha256": self.selection.sha256,
            "study": self.selection.study,
            "rows": int(self.counts.counts["trials"].sum()),
            "participants": len(self.participants),
            "images": images,
            "mode": self.selection.mode,
            "single": self.is_single,
            "photographs": not self.is_single or REAL_METHOD in shown,
            "paired": None if self.is_single else self.selection.is_paired,
            **{key: list(count_condition(self.source, key)) for key in INPUT_COLUMNS},
        }

    def describe_exposures(self, design: Design | None) -> Exposures:
        """Return `by_exposure` and `hype_time` of report.json, both None.

        Raises NotCountedError if trials differ in their exposure.
        """
        exposures = count_condition(self.source, "exposure_ms")
        if (design and design.staircase) or len(exposures.keys() - {""}) > 1:
            raise NotCountedError("several exposures")
        return None, None

    def describe_subgroups(self, covariates: Sequence[Covariate]) -> list[ReportDict]:
        """Return `subgroups` of report.json, none. Raises NotCountedError for covariates."""
        if covariates:
            raise NotCountedError("covariates")
        return []

    def bootstrap(self, replicates: int, seed: int) -> Mapping[tuple[str, ...], BootstrapIntervals]:
        """Raise NotCountedError."""
        raise NotCountedError("resamples (--bootstrap)")

    @cached_property
    def _method_names(self) -> NDArray[np.str_]:
        return np.array(self.names.methods)

    def _code(self, method: str) -> int:
        return self.names.methods.index(method) if method in self.names.methods else -1

    @cached_property
    def _included(self) -> BoolArray:
        return self._select_under(self.people.applied_rules)

    def _select_under(self, rules: Collection[str]) -> BoolArray:
        return select_rows(self.counted, self.patterns, list(self.people.violations), rules)
