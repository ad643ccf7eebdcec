"""A sample answers what a report on fooling rates asks, with trials listed or counted."""

from collections.abc import Collection, Iterator, Mapping, Sequence, Sized
from typing import Protocol

from analysis.checks.consistency import Consistency
from analysis.checks.deviations import DesignCheck
from analysis.checks.funnel import Funnel
from analysis.checks.response_behavior import OrderEffect, ResponseTimes, SideBalance, SideBias
from analysis.checks.timing import TimingSummary
from analysis.exclusions.people import ExcludedPeople
from analysis.formatting import ReportDict
from analysis.inference.bootstrap import BootstrapIntervals
from analysis.inputs.covariates import Covariate
from analysis.inputs.design import Design, Plan
from analysis.tasks.learning import Trend
from analysis.trials import AnyTrials, BoolArray, Trials

Exposures = tuple[ReportDict | None, ReportDict | None]
INPUT_COLUMNS = ("presentation", "question", "exposure_ms")
MAX_DRAWN_PARTICIPANTS = 100_000  # in the lists and the figure of participants


def is_drawn(participants: Sized) -> bool:
    """Return whether participants are few enough to be listed and drawn one by one."""
    return len(participants) <= MAX_DRAWN_PARTICIPANTS


class ReportSample(Protocol):
    """The analysis sample of a study, and everything that its report counts."""

    @property
    def task(self) -> str:
        """The name of the task."""

    @property
    def people(self) -> ExcludedPeople:
        """All participants, and why some are excluded."""

    @property
    def participants(self) -> Sequence[str]:
        """The names of the participants, by code."""

    @property
    def images(self) -> Sequence[str]:
        """The names of the source images, by code."""

    @property
    def is_single(self) -> bool:
        """True if images are shown alone."""

    @property
    def methods(self) -> Sequence[str]:
        """Every tested method, even without included trials."""

    @property
    def trials(self) -> AnyTrials:
        """The included trials."""

    def trials_under(self, rules: Collection[str]) -> AnyTrials:
        """Return the trials included under these rules; `trials` itself if nothing changes."""

    def leave_one_rule_out(self) -> Iterator[tuple[str, AnyTrials]]:
        """Yield (rule, the trials included without it) for every rule that applies."""

    def trials_of_people(self, method: str) -> AnyTrials:
        """Return the included trials of a method, with their participant's number of trials."""

    def list_trials(self, most: float, *methods: str) -> Trials | None:
        """Return the included trials, of these methods or of all; None if more than `most`."""

    def sides_of(self, method: str) -> tuple[AnyTrials, BoolArray]:
        """Return the included trials of a method, and whether the left image was chosen."""

    def with_photographs(self, method: str) -> AnyTrials:
        """Return a method's single fakes, and the photographs that the same people saw."""

    def find_side_bias(self) -> tuple[SideBias, SideBalance]:
        """Return how often the left side was chosen, and how often it was correct."""

    def find_order_effect(self) -> OrderEffect:
        """Return the change from the first to the second half of the trials."""

    def list_trends(self) -> list[Trend]:
        """Return the answers about each method by their place in the test."""

    def list_response_times(self) -> list[ResponseTimes]:
        """Return the response times of each method, fooled and not fooled."""

    def list_attention_checks(self) -> AnyTrials:
        """Return the answered attention checks, in which `fooled` means correct."""

    def build_funnel(self, method: str, center: float, sd: float) -> Funnel | None:
        """Return the participants' own rates of a method; None if they are too many to draw."""

    def find_consistency(self) -> Consistency | None:
        """Return the agreement of repeated trials; None if no trial was repeated."""

    def summarize_timing(self) -> TimingSummary:
        """Return the accuracy of the exposures, and disturbances of the trials."""

    def check_design(self, design: Design | None, plan: Plan) -> DesignCheck:
        """Compare the study and its analysis with the frozen design."""

    def describe_input(self) -> ReportDict:
        """Return `input` of report.json."""

    def describe_exposures(
        self, design: Design | None
    ) -> tuple[ReportDict | None, ReportDict | None]:
        """Return `by_exposure` and `hype_time` of report.json."""

    def describe_subgroups(self, covariates: Sequence[Covariate]) -> list[ReportDict]:
        """Return `subgroups` of report.json."""

    def bootstrap(self, replicates: int, seed: int) -> Mapping[tuple[str, ...], BootstrapIntervals]:
        """Return bootstrap intervals, by one method or by two."""
