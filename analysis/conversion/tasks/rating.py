"""Read ratings: a score of one image on one scale or several."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from analysis.conversion.notes import ConversionError, Notes
from analysis.conversion.records import Record, Records
from analysis.conversion.trials import Judgment, Trial, TrialFrame
from analysis.conversion.values import name_methods, read_scores

PREFIX = "score."


def read_trials(
    task: str, records: Records, frames: Sequence[TrialFrame], _assign_sides: bool, notes: Notes
) -> list[Trial]:
    """Return the trials; rows of several scales for the same image are one trial."""
    columns = _find_scales(records)
    methods = name_methods(records.values("method"), notes, has_photographs=False)
    texts = {record[field] for record in records.rows for field in columns} - {""}
    scores = read_scores("score", texts, notes)
    groups = defaultdict[tuple[object, ...], dict[str, float | None]](dict)
    first: dict[tuple[object, ...], int] = {}
    seen = Counter[tuple[str, ...]]()
    for row, record in enumerate(records.rows):
        stimulus = (record["participant"], record["trial"], record["image"], record["method"])
        for field, name in columns.items():
            scale = record["scale"] or name
            key = (*stimulus, seen[(*stimulus, scale)])
            seen[(*stimulus, scale)] += 1
            groups[key][scale] = scores.get(record[field])
            first.setdefault(key, row)
    scales = sorted({scale for said in groups.values() for scale in said})
    notes.understood["task"] = f"{task}, {' and '.join(scales)}"
    return [
        _build_trial(frames[first[key]], records.rows[first[key]], methods, said)
        for key, said in groups.items()
    ]


def _find_scales(records: Records) -> dict[str, str]:
    """Return the name of the scale of each field with scores."""
    columns = {
        field: field.removeprefix(PREFIX)
        for field in sorted(records.fields)
        if field.startswith(PREFIX)
    }
    if "score" in records.fields:
        column = records.sources.get("score", "score").casefold()
        columns["score"] = re.sub(r"[^a-z0-9]+", "-", column).strip("-")
    if not columns:
        raise ConversionError(
            f"{records.name}: score is not known; name its column with --map score=COLUMN, or one "
            "per scale with --map score.SCALE=COLUMN"
        )
    return columns


def _build_trial(
    frame: TrialFrame, record: Record, methods: Mapping[str, str], said: Mapping[str, float | None]
) -> Trial:
    judgments = tuple(
        Judgment(0, record["image"], methods[record["method"]], scale, value)
        for scale, value in said.items()
    )
    return Trial(frame, 1, "single", judgments=judgments)
