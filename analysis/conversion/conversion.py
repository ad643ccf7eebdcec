"""Convert a table that another program collected into responses, participants and judgments."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from analysis.conversion.column_map import ColumnMap
from analysis.conversion.notes import ConversionError, Notes, count_noun
from analysis.conversion.records import Records, build_records
from analysis.conversion.source_table import read_source
from analysis.conversion.tables import is_answered, render_tables
from analysis.conversion.tasks.catalog import CONVERTED_TASKS, ConvertedTask, find_task
from analysis.conversion.trials import (
    Trial,
    count_shown_again,
    drop_unusable,
    read_frames,
    sort_trials,
)

CANDIDATE_ANSWERS = ("rank", "chosen")  # fields with what was said of one candidate


@dataclass(frozen=True)
class Conversion:
    """A converted table. files: contents by name. summary: what was understood, as lines."""

    files: dict[str, bytes]
    summary: list[str]


def convert_table(
    path: Path,
    column_map: ColumnMap,
    *,
    study: str,
    items_path: Path | None = None,
    assign_sides: bool = False,
) -> Conversion:
    """Convert the table at `path`, as the map describes it.

    study: the name of the study. items_path: a table with further fields of each `item`.
    assign_sides: whether to assign the sides of pairs that the table does not tell. Raises
    ConversionError if the table does not tell what a field means.
    """
    notes = Notes()
    table = read_source(path, notes, missing=column_map.missing, header_mark=column_map.header_mark)
    items = None if items_path is None else read_source(items_path, notes)
    records = build_records(table, column_map, items, notes)
    task = column_map.task or find_task(records)
    converted = CONVERTED_TASKS[task]
    _require_candidates(records, converted)
    has_row_per_trial = "method1" in records.fields
    needed = ("image", "method1", "method2") if has_row_per_trial else converted.needed
    records = drop_unusable(records, needed, notes)
    frames = read_frames(records, column_map, notes)
    trials = converted.read(task, records, frames, assign_sides, notes)
    sorted_trials = sort_trials(trials, records, notes)
    count_shown_again(sorted_trials, notes)
    _count(trials, sorted_trials, notes)
    return Conversion(render_tables(study, task, sorted_trials), notes.format_summary())


def _require_candidates(records: Records, task: ConvertedTask) -> None:
    """Raise ConversionError if a field needs a row per trial, but the candidates are not named."""
    if records.fields & {"method1", *CANDIDATE_ANSWERS}:
        return
    for field in (*task.trial_answers, "method2"):
        if field in records.fields:
            raise ConversionError(
                f"{records.name}: method1 is not known; {field} needs a row per trial with the "
                "method of every candidate; name their columns with --map method1=COLUMN "
                "method2=COLUMN and so on, or, if all trials have the same candidates, their "
                "methods with --set method1=NAME --set method2=NAME"
            )


def _count(trials: list[Trial], sorted_trials: list[list[Trial]], notes: Notes) -> None:
    images = {trial.image for trial in trials} | {
        one.image for trial in trials for one in trial.judgments
    }
    answered = sum(map(is_answered, trials))
    parts = [
        count_noun(len(trials), "trial"),
        count_noun(len(sorted_trials), "participant"),
        count_noun(len(images - {""}), "source image"),
    ]
    _count_participants(sorted_trials, notes)
    unanswered = len(trials) - answered
    notes.understood["converted"] = ", ".join(parts) + (
        f"; {unanswered:,} without an answer" if unanswered else ""
    )


def _count_participants(sorted_trials: list[list[Trial]], notes: Notes) -> None:
    """Note how many participants did not finish, or did not take part for real."""
    frames = [own[0].frame for own in sorted_trials]
    for field, usual in (("mode", "live"), ("finished", "complete")):
        states = Counter(frame.mode if field == "mode" else frame.outcome for frame in frames)
        if field in notes.sources:
            counted = [f"{count:,} {state}" for state, count in states.items() if state != usual]
            notes.understood[field] = ", ".join(counted) or f"all are {usual}"
