"""The tasks that a report can describe."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from analysis.checks.robustness import MethodEstimates, RobustnessEstimates
from analysis.exclusions.flow import AnalysisSample
from analysis.formatting import ReportDict
from analysis.inference.image_ranking import ImageRanking
from analysis.inference.rates import Rate
from analysis.inputs.published import PublishedRate
from analysis.inputs.responses import Responses, ResponsesError
from analysis.tasks import rating, real_or_fake
from analysis.tasks.comparison_tasks import best_worst, preference, ranking
from analysis.tasks.interim import InterimDifference
from analysis.tasks.judged import JudgedSample, TieModel
from analysis.tasks.report_sample import ReportSample


class JudgedTask(Protocol):
    """The module of a task whose candidates are judged.

    LABEL: the name of the task. TITLE: the headline of the report. ANSWER: what participants did
    on a trial. STRENGTHS: the model of strengths, with its sources, if trials show more than two
    candidates; empty for a task without strengths. ESTIMATE_TITLES: the captions of its estimates
    by name; a name that begins with `share_` is a share, which is printed in percent.
    """

    @property
    def LABEL(self) -> str: ...  # noqa: D102, N802 (a constant of a module)

    @property
    def TITLE(self) -> str: ...  # noqa: D102, N802 (a constant of a module)

    @property
    def ANSWER(self) -> str: ...  # noqa: D102, N802 (a constant of a module)

    @property
    def STRENGTHS(self) -> str: ...  # noqa: D102, N802 (a constant of a module)

    @property
    def ESTIMATE_TITLES(self) -> Mapping[str, str]: ...  # noqa: D102, N802 (a constant of a module)

    def describe(self, sample: JudgedSample, ties: TieModel) -> ReportDict:
        """Return `methods` and `differences` of report.json, and what else of `NOT_DESCRIBED`."""

    def list_interim(self, sample: JudgedSample) -> list[InterimDifference]:
        """Return the differences between methods that the monitor watches."""

    def is_check_passed(self, foil: float, photograph: float) -> bool:
        """Return whether an attention check is passed, by the judgments of its two images."""


class TaskWithTruth(Protocol):
    """The module of a task with right answers: it describes fooling rates."""

    def describe_methods(
        self,
        sample: ReportSample,
        rates: Mapping[str, Rate],
        unfiltered_rates: Mapping[str, Rate],
        rankings: Mapping[str, ImageRanking],
        published: Sequence[PublishedRate],
        always_fit_mixed: bool,
    ) -> ReportDict:
        """Return `methods` of report.json."""

    def describe_differences(
        self,
        sample: ReportSample,
        estimates: MethodEstimates,
        robustness: RobustnessEstimates,
        margin: float,
        always_fit_mixed: bool,
    ) -> list[ReportDict]:
        """Return `differences` of report.json."""

    def list_interim(self, sample: AnalysisSample) -> list[InterimDifference]:
        """Return the differences between methods that the monitor watches."""


JUDGED_TASKS: dict[str, JudgedTask] = {
    "preference": preference,
    "best_worst": best_worst,
    "ranking": ranking,
    "rating": rating,
}
TASKS_WITH_TRUTH: dict[str, TaskWithTruth] = {
    "real_or_fake": real_or_fake,
}


def find_task(selected: Responses) -> str:
    """Return the task of a study. Raises ResponsesError if no task of the analysis has its name."""
    known = (*JUDGED_TASKS, *TASKS_WITH_TRUTH)
    (task, *others) = selected.distinct("task")
    if others or task not in known:
        raise ResponsesError(
            f"{selected.name}: task is {', '.join((task, *others))}, expected one of "
            f"{', '.join(known)}"
        )
    return task
