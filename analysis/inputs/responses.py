"""The responses table that docs/formats.md describes, checked; and the part of it to report on."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

COLUMNS = (
    *("study", "participant", "outcome", "mode", "kind", "block", "position", "presentation"),
    *("question", "image", "method", "real_image", "repeat_of", "truth", "answer", "rt_ms"),
    *("exposure_ms", "first_ms", "second_ms", "flags", "started_at", "received_at"),
    "design_sha256",
)
OUTCOMES = ("active", "complete", "screened_out", "abandoned", "timed_out", "returned")
MODES = ("live", "preview", "simulated")
ALLOWED = {
    "outcome": OUTCOMES,
    "mode": MODES,
    "kind": ("qualification", "practice", "test", "attention"),
    "presentation": ("sequential", "simultaneous", "single"),
    "question": ("fake", "real"),
}
MOST_NAMED = 5  # columns in a message
NEVER_EMPTY = ("study", "participant", "image")
COUNT, DURATION = r"[0-9]{1,9}", r"([0-9]+(\.[0-9]+)?)?"
PATTERNS = {  # column -> what its values are, as a pattern and in words
    "method": (r"[a-z0-9_-]{1,32}", "up to 32 of a-z, 0-9, _ and -"),
    "position": (COUNT, "a whole number"),
    **dict.fromkeys(("block", "repeat_of"), (f"({COUNT})?", "a whole number or nothing")),
    **dict.fromkeys(
        ("rt_ms", "exposure_ms", "first_ms", "second_ms"), (DURATION, "milliseconds or nothing")
    ),
}
SIDES = ("left", "right")
VERDICTS = ("fake", "real")

Words = NDArray[np.str_]
Chosen = NDArray[np.bool_]


class ResponsesError(Exception):
    """The input cannot be read as responses; the message says where, what, and what to do."""


@dataclass(frozen=True)
class Column:
    """A column of n values: row i holds words[codes[i]].

    codes (n,): whole numbers from 0. dictionary: the distinct values, of which some may have no
    row.
    """

    codes: NDArray[np.int32]
    dictionary: pa.StringArray

    @cached_property
    def words(self) -> list[str]:
        """The distinct values; a million moments are a list only where somebody asks."""
        words: list[str] = self.dictionary.to_pylist()
        return words


@dataclass(frozen=True)
class Responses:
    """A checked table: every value as the CSV prints it.

    name: what messages call it, without folders or passwords. sha256: of the file, or of the
    view's rows written as CSV. places (n,): line or row of each.
    """

    name: str
    sha256: str
    columns: Mapping[str, Column]
    places: NDArray[np.int64]
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, column: str) -> Words:
        """The values (n,). Strings are slow by the million: prefer `where` and `code_rows`."""
        return np.array(self.columns[column].words, dtype=np.str_)[self.columns[column].codes]

    def where(self, column: str, test: Callable[[str], object]) -> Chosen:
        """(n,): whether the row's value passes; asked once a distinct value."""
        words, codes = self.columns[column].words, self.columns[column].codes
        return np.array([bool(test(word)) for word in words])[codes]

    def equals(self, column: str, *values: str) -> Chosen:
        """(n,): whether the row's value is one of these."""
        return self.where(column, values.__contains__)

    def agree(self, column: str, other: str) -> Chosen:
        """(n,): whether the row has the same value in both columns."""
        places = {word: code for code, word in enumerate(self.columns[other].words)}
        words = [places.get(word, -1) for word in self.columns[column].words]
        same: Chosen = np.array(words)[self.columns[column].codes] == self.columns[other].codes
        return same

    def numbers(self, column: str) -> NDArray[np.float64]:
        """(n,): the values as numbers, NaN where empty."""
        words = self.columns[column].words
        return np.array([float(word or "nan") for word in words])[self.columns[column].codes]

    def distinct(self, column: str) -> list[str]:
        """The values that the rows have, in alphabetical order."""
        words = self.columns[column].words
        return sorted(words[code] for code in np.flatnonzero(self._seen(column)).tolist())

    def codes(self, column: str) -> NDArray[np.int64]:
        """Codes (n,) from 0 of the rows' values, in alphabetical order: indices of `distinct`."""
        words, seen = self.columns[column].words, np.flatnonzero(self._seen(column))
        ranks = np.zeros(len(words), dtype=np.int64)
        ranks[sorted(seen.tolist(), key=words.__getitem__)] = np.arange(len(seen))
        return ranks[self.columns[column].codes]

    def only(self, chosen: Chosen) -> "Responses":
        """The rows where chosen (n,) is True."""
        return self if chosen.all() else self.take(np.flatnonzero(chosen))

    def take(self, rows: NDArray[np.int64]) -> "Responses":
        """The rows of these indices, in their order."""
        columns = {
            name: replace(column, codes=column.codes[rows]) for name, column in self.columns.items()
        }
        return Responses(self.name, self.sha256, columns, self.places[rows], self.unit)

    def at(self, wrong: Chosen) -> str:
        """`FILE: line N` of the first wrong row, for a message."""
        return f"{self.name}: {self.unit} {self.places[int(np.argmax(wrong))]}"

    def _seen(self, column: str) -> Chosen:
        words, codes = self.columns[column].words, self.columns[column].codes
        return np.bincount(codes, minlength=len(words)) > 0


def choose_study(responses: Responses, study: str | None) -> Responses:
    """One study's rows; None where there is but one."""
    found = responses.distinct("study")
    if study is None and len(found) > 1:
        raise ResponsesError(f"{responses.name} holds {', '.join(found)}: choose one with --study")
    if study is not None and study not in found:
        raise ResponsesError(
            f"{responses.name} has no study {study!r}; it holds {', '.join(found)}"
        )
    return responses.only(responses.equals("study", study or found[0]))


def choose_mode(responses: Responses, mode: str | None) -> Responses:
    """One mode's rows; None: live, or simulated where nobody took part yet."""
    found = responses.distinct("mode")
    if mode is None:
        mode = "live" if "live" in found else "simulated"
    if mode not in found:
        raise ResponsesError(
            f"{responses.name} has no {mode} trials, only {', '.join(found)}: choose with --mode"
        )
    return responses.only(responses.equals("mode", mode))


def code_rows(responses: Responses, *columns: str) -> NDArray[np.int64]:
    """Codes (n,) from 0 of the distinct combinations of these columns' values."""
    codes = responses.codes(columns[0])
    for column in columns[1:]:
        of_column = responses.codes(column)
        pairs = codes * (int(of_column.max(initial=0)) + 1) + of_column
        codes = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
    return codes


def check_columns(name: str, header: Sequence[str]) -> None:
    if not header:
        raise ResponsesError(f"{name}: empty; export the study again")
    missing = [column for column in COLUMNS if column not in header]
    unknown = [column for column in header if column not in COLUMNS]
    twice = sorted({column for column in header if header.count(column) > 1})
    for what, columns in (("unknown", unknown), ("missing", missing), ("repeated", twice)):
        if columns:
            listed = ", ".join(repr(column[:40]) for column in columns[:MOST_NAMED])
            listed += f" and {len(columns) - MOST_NAMED} more" * (len(columns) > MOST_NAMED)
            raise ResponsesError(
                f"{name}: line 1: {what} column {listed}; the columns are those of docs/formats.md"
            )


def check_responses(responses: Responses) -> None:
    """Refuse values the format does not know, and people who contradict themselves."""
    _check_values(responses)
    _check_answers(responses)
    _check_participants(responses)


def _check_values(responses: Responses) -> None:
    for column, allowed in ALLOWED.items():
        _refuse(responses, column, ~responses.equals(column, *allowed), allowed)
    for column in NEVER_EMPTY:
        _refuse(responses, column, responses.equals(column, ""), ("a value",))
    for column, (pattern, words) in PATTERNS.items():
        fits = responses.where(column, re.compile(pattern).fullmatch)
        _refuse(responses, column, ~fits, (words,))


def _check_answers(responses: Responses) -> None:
    """Sides for pairs, fake or real for single images; truth may be blinded, answer missing."""
    single = responses.equals("presentation", "single")
    for column in ("truth", "answer"):
        for rows, known in ((~single, SIDES), (single, VERDICTS)):
            _refuse(responses, column, rows & ~responses.equals(column, *known, ""), known)


def _refuse(responses: Responses, column: str, wrong: Chosen, expected: Sequence[str]) -> None:
    if wrong.any():
        value = str(responses[column][int(np.argmax(wrong))])
        raise ResponsesError(
            f"{responses.at(wrong)}: {column} is {value!r}, expected {' or '.join(expected)}"
        )


def _check_participants(responses: Responses) -> None:
    """A person takes part once, in one mode, with one outcome."""
    people = _code_people(responses)
    _, first = np.unique(people, return_index=True)
    for column in ("mode", "outcome"):
        codes = responses.columns[column].codes
        wrong = codes != codes[first][people]
        if wrong.any():
            who = responses["participant"][int(np.argmax(wrong))]
            raise ResponsesError(
                f"{responses.at(wrong)}: participant {who} has another {column} than before;"
                " do not join exports of different days, export again"
            )


def _code_people(responses: Responses) -> NDArray[np.int64]:
    """One study's people need no second column."""
    several = len(responses.distinct("study")) > 1
    return code_rows(responses, *(("study", "participant") if several else ("participant",)))
