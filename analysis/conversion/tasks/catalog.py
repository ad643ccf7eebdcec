"""The tasks that a table may be about, and the fields by which they are recognized."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.conversion.notes import ConversionError, Notes
from analysis.conversion.records import Records
from analysis.conversion.tasks import comparisons, rating, real_or_fake
from analysis.conversion.trials import Trial, TrialFrame

# From the task's name, the records, their frames, and whether to assign sides that are not known.
TrialReader = Callable[[str, Records, Sequence[TrialFrame], bool, Notes], list[Trial]]


@dataclass(frozen=True)
class ConvertedTask:
    """A task. read: makes its trials. needed: the fields of a row that has no `method1`.

    trial_answers: the fields with an answer to a whole trial, whose candidates `method1`, `method2`
    and so on name.
    """

    read: TrialReader
    needed: tuple[str, ...]
    trial_answers: tuple[str, ...] = ()


CONVERTED_TASKS = {
    "real_or_fake": ConvertedTask(real_or_fake.read_trials, ("image",)),
    "preference": ConvertedTask(comparisons.read_trials, ("image", "method"), ("answer",)),
    "best_worst": ConvertedTask(comparisons.read_trials, ("image", "method"), ("best", "worst")),
    "ranking": ConvertedTask(comparisons.read_trials, ("image", "method"), ("order", "rank1")),
    "rating": ConvertedTask(rating.read_trials, ("image", "method")),
}
TASKS_BY_FIELD = (  # the first of these fields that the records have tells the task
    (("best", "worst"), "best_worst"),
    (("order", "rank", "rank1"), "ranking"),
    (("chosen",), "preference"),
    (("question", "truth", "correct"), "real_or_fake"),
    (("method1",), "preference"),
    (("answer",), "real_or_fake"),
)


def find_task(records: Records) -> str:
    """Infer the task from the fields. Raises ConversionError if they do not determine it."""
    if any(field.startswith("score") for field in records.fields):
        return "rating"
    for fields, task in TASKS_BY_FIELD:
        if records.fields & set(fields):
            return task
    raise ConversionError(
        f"{records.name}: cannot tell the task; map their answers with --map answer=COLUMN, "
        f"or give --task, one of {', '.join(CONVERTED_TASKS)}"
    )
