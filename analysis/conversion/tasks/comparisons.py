"""Read trials that compare candidates: preference, best and worst, ranking."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from analysis.conversion.notes import ConversionError, Notes, list_some
from analysis.conversion.records import Record, Records
from analysis.conversion.slots import PLACE_WORDS, read_slots
from analysis.conversion.trials import (
    ASSIGNED_SIDES,
    Judgment,
    Trial,
    TrialFrame,
    assign_chosen_sides,
)
from analysis.conversion.values import name_methods, read_numbers, read_yes_no

RANK, PAIR, MAX_CANDIDATES = "rank", 2, 9
METHOD_FIELDS = tuple(f"method{slot + 1}" for slot in range(MAX_CANDIDATES))
RANK_FIELDS = tuple(f"rank{slot + 1}" for slot in range(MAX_CANDIDATES))
SEPARATORS = re.compile(r"\s*[>,;|]\s*")
ANSWER_FIELDS = {
    "preference": "answer or chosen",
    "best_worst": "best and worst, or rank",
    "ranking": "order, rank1 and rank2, or rank",
}

Ranks = list[int] | None  # of the candidates, 1 is best and ties are equal; None without an answer


def read_trials(
    task: str, records: Records, frames: Sequence[TrialFrame], assign_sides: bool, notes: Notes
) -> list[Trial]:
    """Return the trials, from a row per trial or from a row per candidate."""
    if "method1" in records.fields:
        trials = _read_rows_per_trial(task, records, frames, notes)
    else:
        trials = _read_rows_per_candidate(task, records, frames, assign_sides, notes)
    sizes = sorted({trial.candidates for trial in trials})
    notes.understood["task"] = f"{task}, {' or '.join(map(str, sizes))} candidates in a trial"
    return trials


def _read_rows_per_trial(
    task: str, records: Records, frames: Sequence[TrialFrame], notes: Notes
) -> list[Trial]:
    shown = [[record[field] for field in METHOD_FIELDS if record[field]] for record in records.rows]
    methods = name_methods(
        sorted({name for names in shown for name in names}), notes, has_photographs=False
    )
    read = {
        "preference": _read_choices, "best_worst": _read_best_and_worst, "ranking": _read_rankings
    }  # fmt: skip
    ranks = read[task](records, shown, notes)
    trials = []
    for record, frame, names, ranked in zip(records.rows, frames, shown, ranks, strict=True):
        _check_candidates(record, names)
        own = [methods[name] for name in names]
        trials.append(_build_trial(frame, record["image"], own, ranked))
    return trials


def _check_candidates(record: Record, names: Sequence[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConversionError(
            f"{record.place}: two candidates have the method {twice[0]!r}; methods are compared "
            "with other methods only; remove such rows with --where"
        )
    if not PAIR <= len(names) <= MAX_CANDIDATES:
        raise ConversionError(
            f"{record.place}: {len(names)} candidates, expected 2 to {MAX_CANDIDATES}"
        )


def _build_trial(frame: TrialFrame, image: str, methods: Sequence[str], ranks: Ranks) -> Trial:
    said: Sequence[int | None] = ranks or [None] * len(methods)
    judgments = tuple(
        Judgment(slot, image, method, RANK, rank)
        for slot, (method, rank) in enumerate(zip(methods, said, strict=True))
    )
    return Trial(frame, len(methods), frame.presentation, judgments=judgments)


def _read_choices(records: Records, shown: Sequence[list[str]], notes: Notes) -> list[Ranks]:
    _require(records, ("answer",), "preference")
    return [
        _rank_choice(said["answer"], len(names)) if "answer" in said else None
        for said, names in zip(read_slots(["answer"], records, shown, notes), shown, strict=True)
    ]


def _rank_choice(chosen: int | None, candidates: int) -> list[int]:
    """Return ranks: 1 for the chosen candidate and 2 for the others, or 1 for all in a tie."""
    return [1 if chosen in (None, slot) else 2 for slot in range(candidates)]


def _read_best_and_worst(records: Records, shown: Sequence[list[str]], notes: Notes) -> list[Ranks]:
    _require(records, ("best", "worst"), "best_worst")
    ranks: list[Ranks] = []
    said = read_slots(["best", "worst"], records, shown, notes)
    for record, slots, names in zip(records.rows, said, shown, strict=True):
        best, worst = slots.get("best"), slots.get("worst")
        if best is None or worst is None:
            ranks.append(None)
        elif best == worst:
            raise ConversionError(f"{record.place}: best and worst are the same candidate")
        else:
            middle = 2
            ranks.append([{best: 1, worst: 3}.get(slot, middle) for slot in range(len(names))])
    return ranks


def _read_rankings(records: Records, shown: Sequence[list[str]], notes: Notes) -> list[Ranks]:
    if "order" in records.fields:
        return [
            _read_order(record, names) for record, names in zip(records.rows, shown, strict=True)
        ]
    _require(records, ("rank1", "rank2"), "ranking")
    texts = {record[field] for record in records.rows for field in RANK_FIELDS} - {""}
    numbers = read_numbers("rank", texts)
    return [
        _to_ranks(record, [numbers.get(record[field]) for field in RANK_FIELDS[: len(names)]])
        for record, names in zip(records.rows, shown, strict=True)
    ]


def _read_order(record: Record, names: Sequence[str]) -> Ranks:
    """Return the ranks from a list of methods, the best first."""
    if not record["order"]:
        return None
    listed = SEPARATORS.split(record["order"])
    if sorted(listed) != sorted(names):
        raise ConversionError(
            f"{record.place}: order is {record['order']!r}, expected all of "
            f"{list_some(list(names))}, the best first, separated by > or ,"
        )
    return [listed.index(name) + 1 for name in names]


def _to_ranks(record: Record, numbers: Sequence[float | None]) -> Ranks:
    """Return ranks from 1 without gaps; equal numbers are ties. None if a number is missing."""
    known = [number for number in numbers if number is not None]
    if not known:
        return None
    if len(known) < len(numbers):
        raise ConversionError(f"{record.place}: a candidate has no rank; rank all, or none")
    distinct = sorted(set(known))
    return [distinct.index(number) + 1 for number in known]


def _require(records: Records, fields: Sequence[str], task: str) -> None:
    missing = [field for field in fields if field not in records.fields]
    if missing:
        raise ConversionError(
            f"{records.name}: {missing[0]} is not known; {task} needs {ANSWER_FIELDS[task]}; name "
            f"columns with --map {missing[0]}=COLUMN"
        )


def _read_rows_per_candidate(
    task: str,
    records: Records,
    frames: Sequence[TrialFrame],
    assign_sides: bool,
    notes: Notes,
) -> list[Trial]:
    _require(records, ("chosen" if "chosen" in records.fields else "rank",), task)
    _require_trial(records)
    methods = name_methods(records.values("method"), notes, has_photographs=False)
    values = _read_candidate_values(records)
    groups = defaultdict[tuple[str, ...], list[int]](list)
    for row, record in enumerate(records.rows):
        groups[record.trial].append(row)
    trials = []
    for rows in groups.values():
        own = _sort_by_slot([records.rows[row] for row in rows])
        _check_candidates(own[0], [record["method"] for record in own])
        if len({record["image"] for record in own}) > 1:
            raise ConversionError(f"{own[0].place}: the candidates of the trial have two images")
        ranks = _to_ranks(own[0], [values.get(record[RANK] or record["chosen"]) for record in own])
        names = [methods[record["method"]] for record in own]
        trials.append(_build_trial(frames[rows[0]], own[0]["image"], names, ranks))
    if "slot" not in records.fields and any(trial.candidates == PAIR for trial in trials):
        return _assign_slots(trials, records, assign_sides, notes)
    return trials


def _require_trial(records: Records) -> None:
    if not records.knows_trial:
        raise ConversionError(
            f"{records.name}: cannot tell which rows belong to one trial; name a column that they "
            "share with --map trial=COLUMN, or give a row per trial with --map method1=COLUMN "
            "--map method2=COLUMN"
        )


def _read_candidate_values(records: Records) -> dict[str, float]:
    """Return the rank of each value; a chosen candidate has rank 1, the others rank 2."""
    if "chosen" in records.fields:
        chosen = read_yes_no("chosen", records.values("chosen"))
        return {value: 1 if is_chosen else 2 for value, is_chosen in chosen.items()}
    return read_numbers(RANK, records.values(RANK))


def _sort_by_slot(records: list[Record]) -> list[Record]:
    """Return the candidates from left to right if their places are known."""
    if not all(record["slot"] for record in records):
        return records
    places = {record["slot"]: PLACE_WORDS.get(record["slot"].casefold()) for record in records}
    if None in places.values():
        numbers = read_numbers("slot", set(places))
        return sorted(records, key=lambda record: numbers[record["slot"]])
    return sorted(records, key=lambda record: places[record["slot"]] or 0)


def _assign_slots(
    trials: Sequence[Trial], records: Records, assign_sides: bool, notes: Notes
) -> list[Trial]:
    """Assign the places of the better candidates of pairs; larger trials stay as they are."""
    if not assign_sides:
        raise ConversionError(
            f"{records.name}: cannot tell which candidate of a pair was on the left; name a column "
            "with --map slot=COLUMN, or assign the sides with --assign-sides"
        )
    notes.cautions.append(ASSIGNED_SIDES)
    chosen = assign_chosen_sides([trial.frame.participant for trial in trials])
    return [
        _place_better(trial, slot) if trial.candidates == PAIR else trial
        for trial, slot in zip(trials, chosen, strict=True)
    ]


def _place_better(trial: Trial, slot: int) -> Trial:
    ranked = sorted(trial.judgments, key=lambda one: one.value or 0, reverse=slot == 1)
    return replace(
        trial, judgments=tuple(replace(one, slot=place) for place, one in enumerate(ranked))
    )
