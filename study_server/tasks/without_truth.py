"""Functions that are shared by the tasks in which no answer is right or wrong."""

from collections.abc import Iterator, Sequence

from study_server.tasks.task import Feedback, JudgedCandidate, TaskSettings


def is_correct(candidates: Sequence[JudgedCandidate]) -> bool | None:
    """Return None: no answer is right or wrong."""
    return None


def give_feedback(candidates: Sequence[JudgedCandidate]) -> Feedback | None:
    """Return None: no answer is right or wrong."""
    return None


def find_truth_contradictions(settings: TaskSettings) -> Iterator[str]:
    """Yield the settings that need right answers."""
    if settings.qualification:
        yield f"qualification needs right answers, which task = {settings.task!r} does not have"
    if settings.question != "fake":
        yield f"question = {settings.question!r} does not work with task = {settings.task!r}"


def find_tie_contradictions(settings: TaskSettings) -> Iterator[str]:
    """Yield the settings that need a task in which candidates may tie."""
    if settings.ties:
        yield f"ties = true does not work with task = {settings.task!r}"
