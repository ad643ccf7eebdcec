"""The tasks whose judgments a report can estimate."""

from collections.abc import Mapping
from typing import Protocol

from analysis.formatting import ReportDict
from analysis.tasks import comparisons, rating
from analysis.tasks.judged import JudgedSample


class JudgedTask(Protocol):
    """The module of a task whose candidates are judged.

    TITLE: the headline of the report. ESTIMATE_TITLES: the captions of its estimates by name.
    """

    @property
    def TITLE(self) -> str: ...  # noqa: D102, N802 (a constant of a module)

    @property
    def ESTIMATE_TITLES(self) -> Mapping[str, str]: ...  # noqa: D102, N802 (a constant of a module)

    def describe(self, sample: JudgedSample) -> ReportDict:
        """Return `methods`, `differences`, `pairs` and `unconnected` of report.json."""

    def is_check_passed(self, foil: float, photograph: float) -> bool:
        """Return whether an attention check is passed, by the judgments of its two images."""


JUDGED_TASKS: dict[str, JudgedTask] = {
    "preference": comparisons,
    "best_worst": comparisons,
    "ranking": comparisons,
    "rating": rating,
}
# Tasks with right answers, which the report on fooling rates describes.
TASKS_WITH_TRUTH = ("real_or_fake",)
