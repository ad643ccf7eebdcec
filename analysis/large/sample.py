"""The analysis sample of `ReportSample`, with its trials counted by DuckDB."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from analysis.checks.consistency import Consistency, describe_agreement
from analysis.checks.deviations import DesignCheck, check_against_design
from analysis.checks.funnel import Funnel, build_funnel
from analysis.checks.response_behavior import (
    OrderEffect,
    ResponseTimes,
    SideBalance,
    SideBias,
    binomial_side_test,
    compare_halves,
    estimate_side_bias,
)
from analysis.checks.timing import TimingSummary
from analysis.counted.trials import IMAGE, PARTICIPANT, REAL_IMAGE, CountedTrials
from analysis.exclusions.people import TIME_RULE, ExcludedPeople
from analysis.formatting import ReportDict
from analysis.inference.bootstrap import BootstrapIntervals
from analysis.inference.detection import REAL_METHOD
from analysis.inputs.covariates import Covariate
from analysis.inputs.design import Design, Plan
from analysis.large.connection import NotCountedError, Source
from analysis.large.counts import Counted, Key, count_trials
from analysis.large.person_counts import PersonCounts, count_facts, count_values
from analysis.large.summaries import list_response_times, summarize_timing
from analysis.large.trends import find_trend
from analysis.large.trial_table import KIND_CODES, Names
from analysis.tasks.learning import Trend
from analysis.tasks.report_sample import INPUT_COLUMNS, Exposures, is_drawn
from analysis.trials import BoolArray, IntArray, Trials

FOOLED, LEFT = Key("fooled", "fooled", 2), Key("left", "chose_left", 2)


@dataclass(frozen=True)
class StudySelection:
    """The study and mode that are reported, with the hash of the file and its task."""

    sha256: str
    study: str
    mode: str
    task: str
    is_single: bool
    is_paired: bool


@dataclass(frozen=True)
class CountedSample:
    """The answers to what a report asks, from SQL; see `ReportSample`.

    patterns: by code, a bit for each rule that is broken. counted: every answered test trial.
    """

    source: Source
    selection: StudySelection
    names: Names
    people: ExcludedPeople
    counts: PersonCounts
    patterns: IntArray
    counted: Counted

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
    def methods(self) -> list[str]:
        """Every tested method, even without included trials."""
        codes = self.source.fetch("SELECT DISTINCT m FROM trial WHERE is_test ORDER BY m")["m"]
        tested = [self.names.methods[code] for code in codes.tolist()]
        return [method for method in tested if not (self.is_single and method == REAL_METHOD)]

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
        trials = self._answers.for_method(method)
        if frozenset({PARTICIPANT, IMAGE}) in self._never_twice:
            return trials
        shares = self.source.fetch_row(
            "SELECT sum(n * n / of_person), sum(n * n / of_image), max(n) FROM (SELECT n, sum(n) "
            "OVER (PARTITION BY p) AS of_person, sum(n) OVER (PARTITION BY i) AS of_image FROM "
            f"(SELECT p, i, count(*) AS n FROM included WHERE m = {self._code(method)} "
            "GROUP BY p, i))"
        )
        return replace(trials, cell_shares=None if shares[2] == 1 else shares[:2])

    def list_trials(self, most: float, *methods: str) -> Trials | None:
        """Return the included trials, of these methods or of all; None if more than `most`."""
        size = sum(self.trials.for_method(method).size for method in methods)
        if (size if methods else self.trials.size) > most:
            return None
        codes = ", ".join(str(self._code(method)) for method in methods)
        rows = self.source.fetch(
            f"SELECT p, i, m, fooled FROM included {f'WHERE m IN ({codes})' if codes else ''} "
            "ORDER BY p, place"
        )
        return Trials(
            rows["fooled"].astype(np.bool_),
            rows["p"].astype(np.int64),
            rows["i"].astype(np.int64),
            self._method_names[rows["m"]],
        )

    def sides_of(self, method: str) -> tuple[CountedTrials, BoolArray]:
        """Return the included trials of a method, and whether the left image was chosen."""
        trials = self._answers.for_method(method)
        assert trials.left is not None
        return trials, trials.left

    def with_photographs(self, method: str) -> CountedTrials:
        """Return a method's single fakes, and the photographs that the same people saw."""
        code, real = self._code(method), self._code(REAL_METHOD)
        people = f"(SELECT p FROM included WHERE m = {code})"
        return self._count(
            f"(SELECT * FROM included WHERE m = {code} OR (m = {real} AND p IN {people}))",
            (self._method_key, FOOLED),
        ).to_trials(self._method_names)

    def find_side_bias(self) -> tuple[SideBias, SideBalance]:
        """Return how often the left side was chosen, and how often it was correct."""
        answers = self._answers
        assert answers.left is not None
        return (
            estimate_side_bias(answers.left, answers.participant, answers.weight),
            binomial_side_test(answers.left != answers.fooled, answers.weight),
        )

    def find_order_effect(self) -> OrderEffect:
        """Return the change from the first to the second half of the trials."""
        counted = self._count("included", (Key("second", "is_second_half", 2), FOOLED))
        trials, second = counted.to_trials(self._method_names), counted.values["second"] == 1
        return compare_halves(trials.select(~second), trials.select(second))

    def list_trends(self) -> list[Trend]:
        """Return the answers about each method by their place in the test."""
        codes = [self._code(method) for method in self.methods]
        listed = ", ".join(map(str, codes))
        last = self.source.fetch_row(f"SELECT max(place) FROM included WHERE m IN ({listed})")[0]
        return [
            find_trend(self.source, method, code, (last or 0) + 1, self._never_twice)
            for method, code in zip(self.methods, codes, strict=True)
        ]

    def list_response_times(self) -> list[ResponseTimes]:
        """Return the response times of each method, fooled and not fooled."""
        return list_response_times(
            self.source, {method: self._code(method) for method in self.methods}
        )

    def list_attention_checks(self) -> CountedTrials:
        """Return the answered attention checks, in which `fooled` means correct."""
        counted = count_trials(
            self.source,
            "(SELECT *, NOT is_wrong AS fooled FROM trial WHERE is_check AND is_answered)",
            (FOOLED,),
            (PARTICIPANT, IMAGE),
        )
        return counted.to_trials(self._method_names)

    def build_funnel(self, method: str, center: float, sd: float) -> Funnel | None:
        """Return the participants' own rates of a method; None if they are too many to draw."""
        if not is_drawn(self.participants):
            return None
        return build_funnel(self.all_trials.for_method(method), center, sd)

    def find_consistency(self) -> Consistency | None:
        """Return the agreement of repeated trials; None if no trial was repeated."""
        repeats = f"kind_code = {KIND_CODES['test']} AND repeat_of IS NOT NULL"
        if not self.source.fetch_row(f"SELECT count(*) FROM trial WHERE {repeats}")[0]:
            return None
        usable = "is_answered AND NOT is_outlying"
        counted = count_trials(
            self.source,
            "(SELECT again.p, again.i, again.m, first.is_wrong AS before, again.is_wrong AS after "
            f"FROM (SELECT * FROM trial WHERE {repeats} AND {usable}) AS again "
            f"JOIN (SELECT * FROM trial WHERE {usable}) AS first "
            "ON first.p = again.p AND first.position = again.repeat_of "
            "JOIN broken ON broken.p = again.p WHERE broken.pattern = 0)",
            (
                self._method_key,
                Key("fooled", "before = after", 2),
                Key("before", "before", 2),
                Key("after", "after", 2),
            ),
            (PARTICIPANT, IMAGE),
        )
        before, after = (counted.values[key] == 1 for key in ("before", "after"))
        return describe_agreement(
            counted.to_trials(self._method_names), before, after, counted.weight
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
        test = "kind = 'test'"
        images = self.source.fetch_row(
            f"SELECT count(DISTINCT i) FROM trial WHERE kind_code = {KIND_CODES['test']}"
        )[0]
        shown = count_values(self.source, "method", test)
        return {
            "sha256": self.selection.sha256,
            "study": self.selection.study,
            "rows": self.source.fetch_row("SELECT count(*) FROM selected")[0],
            "participants": len(self.participants),
            "images": images,
            "mode": self.selection.mode,
            "single": self.is_single,
            "photographs": not self.is_single or REAL_METHOD in shown,
            "paired": None if self.is_single else self.selection.is_paired,
            **{key: list(count_values(self.source, key, test)) for key in INPUT_COLUMNS},
        }

    def describe_exposures(self, design: Design | None) -> Exposures:
        """Return `by_exposure` and `hype_time` of report.json, both None.

        Raises NotCountedError if trials differ in their exposure.
        """
        exposures = count_values(self.source, "exposure_ms", "kind = 'test'")
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
        _refuse("--bootstrap")

    @property
    def _factors(self) -> tuple[str, ...]:
        unpaired = not self.is_single and not self.selection.is_paired
        return (PARTICIPANT, IMAGE, *([REAL_IMAGE] if unpaired else []))

    @cached_property
    def _never_twice(self) -> frozenset[frozenset[str]]:
        """The crossings of factors of which no cell has two answered test trials."""
        n = len(self.counted.weight)
        return frozenset(
            names
            for names, factor in self.counted.family.items()
            if factor.times is not None and len(factor.times) == n and len(names) > 1
        )

    @cached_property
    def _answers(self) -> CountedTrials:
        most = self.source.fetch_row("SELECT max(own) FROM included")[0] or 0
        keys = (self._method_key, FOOLED, LEFT, Key("person_trials", "own", most + 1))
        return self._count("included", keys).to_trials(self._method_names)

    def _count(self, table: str, keys: Sequence[Key]) -> Counted:
        return count_trials(self.source, table, keys, self._factors, self._never_twice)

    @property
    def _method_key(self) -> Key:
        return Key("method", "m", len(self.names.methods))

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


def select_rows(
    counted: Counted, patterns: IntArray, broken: Sequence[str], rules: Collection[str]
) -> BoolArray:
    """Return (n,): whether the trials of each row are included under these rules.

    broken: the rules, by bit of the patterns.
    """
    bits = sum(1 << place for place, rule in enumerate(broken) if rule in rules)
    included: BoolArray = (patterns[counted.values["pattern"]] & bits) == 0
    return included & (counted.values["outlying"] == 0) if TIME_RULE in rules else included


def _refuse(what: str) -> NoReturn:
    raise NotCountedError(what)
