"""Find out which candidate an answer names: by its place, its column, or its method."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analysis.conversion.notes import ConversionError, Notes, list_some
from analysis.conversion.records import Record, Records

TIE_WORDS = {
    *("tie", "ties", "tied", "tie (bothbad)", "tie (both bad)", "both", "both bad", "both good"),
    *("bothbad", "equal", "same", "draw", "no preference", "neutral", "undecided", "either"),
    *("unentschieden", "gleich"),
}
PLACE_WORDS = {
    **dict.fromkeys(("left", "l", "first", "1st", "top", "links"), 0),
    **dict.fromkeys(("right", "r", "second", "2nd", "bottom", "rechts"), 1),
    **dict.fromkeys(("third", "3rd"), 2),
}
LETTERS = "abcdefghi"
PREFIX = re.compile(r"(image|img|model|option|choice|method|candidate|response)[ _-]?(?=\w+$)")

Reading = Callable[[str, Sequence[str]], int | None]  # from an answer and the trial's methods


@dataclass(frozen=True)
class NamedReading:
    """A way to read answers. words: how the summary says it."""

    words: str
    read: Reading


def read_slots(
    fields: Sequence[str], records: Records, methods: Sequence[Sequence[str]], notes: Notes
) -> list[dict[str, int | None]]:
    """Return the slot that each field of each record names; None for a tie, absent if empty.

    methods: of the candidates of each record, in the order of their slots. All fields are read
    alike. Raises ConversionError if an answer names no candidate, or may name several.
    """
    said = [
        (record, record[field], names)
        for record, names in zip(records.rows, methods, strict=True)
        for field in fields
        if record[field] and not is_tie(record[field])
    ]
    reading = _choose_reading(fields[0], said, records, methods)
    ties = sorted({r[f] for r in records.rows for f in fields if r[f] and is_tie(r[f])})
    words = f"names the candidate {reading.words}"
    words += f"; a tie is {list_some(ties)}" if ties else ""
    notes.understood |= dict.fromkeys(fields, words)
    return [
        {
            field: None if is_tie(record[field]) else reading.read(record[field], names)
            for field in fields
            if record[field]
        }
        for record, names in zip(records.rows, methods, strict=True)
    ]


def is_tie(answer: str) -> bool:
    """Return whether an answer is a word for a tie."""
    return answer.casefold() in TIE_WORDS


def _choose_reading(
    field: str,
    said: Sequence[tuple[Record, str, Sequence[str]]],
    records: Records,
    methods: Sequence[Sequence[str]],
) -> NamedReading:
    """Return the way of reading that fits all answers; if several do, they must agree."""
    fitting, candidates = [], max(map(len, methods))
    for reading in _list_readings(records.sources, {answer for _, answer, _ in said}, candidates):
        slots = [reading.read(answer, names) for _, answer, names in said]
        if None not in slots:
            fitting.append((reading, slots))
    if not fitting:
        raise ConversionError(
            _explain_misfit(field, said, records, {name for names in methods for name in names})
        )
    (reading, slots), *others = fitting
    for other, other_slots in others:
        if other_slots != slots:
            raise ConversionError(
                f"{records.name}: {field} may name a candidate {reading.words} or {other.words}; "
                f"say which with --code {field}:{said[0][1]}=left or another place"
            )
    return reading


def _explain_misfit(
    field: str,
    said: Sequence[tuple[Record, str, Sequence[str]]],
    records: Records,
    methods: set[str],
) -> str:
    answers = sorted({answer for _, answer, _ in said})
    for record, answer, names in said:
        if answer in methods and answer not in names:
            return (
                f"{record.place}: {field} is {answer!r}, but the candidates are "
                f"{' and '.join(map(repr, names))}"
            )
    return (
        f"{records.name}: {field} is {list_some(answers)}: cannot tell which candidate is meant; "
        f"set it with --code {field}:{answers[0]}=left (or 1, 2, ..., or tie)"
    )


def _list_readings(
    sources: Mapping[str, str], answers: set[str], candidates: int
) -> list[NamedReading]:
    columns = {
        sources[f"method{slot + 1}"]: slot
        for slot in range(candidates)
        if f"method{slot + 1}" in sources
    }
    letters = {letter: slot for slot, letter in enumerate(LETTERS[:candidates])}
    return [
        NamedReading("by its column", lambda answer, _: columns.get(answer)),
        _build_reading("by its place", _keep_small(PLACE_WORDS, candidates)),
        _build_reading("by its letter", letters),
        *_list_number_readings(answers, candidates),
        NamedReading("by its method", _find_method),
    ]


def _build_reading(words: str, slots: Mapping[str, int]) -> NamedReading:
    return NamedReading(words, lambda answer, _: slots.get(_strip_prefix(answer)))


def _keep_small(slots: Mapping[str, int], candidates: int) -> dict[str, int]:
    return {word: slot for word, slot in slots.items() if slot < candidates}


def _find_method(answer: str, names: Sequence[str]) -> int | None:
    return names.index(answer) if list(names).count(answer) == 1 else None


def _list_number_readings(answers: set[str], candidates: int) -> list[NamedReading]:
    """Return the readings of numbers: from 1, from 0, or both if the answers do not tell."""
    numbers = {_strip_prefix(answer) for answer in answers}
    by_start = {start: {str(start + slot): slot for slot in range(candidates)} for start in (1, 0)}
    return [
        _build_reading(f"by its number from {start}", slots)
        for start, slots in by_start.items()
        if numbers <= set(slots)
    ]


def _strip_prefix(answer: str) -> str:
    return PREFIX.sub("", answer.casefold())
