"""The responses table that docs/formats.md describes, checked; and the part of it to report on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
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
    "kind": ("qualification", "practice", "test", "vigilance"),
    "presentation": ("sequential", "simultaneous", "single"),
    "question": ("fake", "real"),
}
NEVER_EMPTY = ("study", "participant", "image")
PATTERNS = {"method": r"[a-z0-9_-]{1,32}", "position": r"[0-9]{1,9}"}
SIDES = ("left", "right")
VERDICTS = ("fake", "real")

Words = NDArray[np.str_]


class ResponsesError(Exception):
    """The input cannot be read as responses; the message says where, what, and what to do."""


@dataclass(frozen=True)
class Responses:
    """A checked table: every value as the CSV prints it.

    name: what messages call it, without folders or passwords. sha256: of the file, or of the
    view's rows written as CSV. columns: name -> (n,) strings. places (n,): line or row of each.
    """

    name: str
    sha256: str
    columns: dict[str, Words]
    places: NDArray[np.int64]
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, column: str) -> Words:
        return self.columns[column]

    def only(self, chosen: NDArray[np.bool_]) -> "Responses":
        """The rows where chosen (n,) is True."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return Responses(self.name, self.sha256, columns, self.places[chosen], self.unit)

    def at(self, wrong: NDArray[np.bool_]) -> str:
        """`FILE: line N` of the first wrong row, for a message."""
        return f"{self.name}: {self.unit} {self.places[int(np.argmax(wrong))]}"


def choose_study(responses: Responses, study: str | None) -> Responses:
    """One study's rows; None where there is but one."""
    found = np.unique(responses["study"]).tolist()
    if study is None and len(found) > 1:
        raise ResponsesError(f"{responses.name} holds {', '.join(found)}: choose one with --study")
    if study is not None and study not in found:
        raise ResponsesError(
            f"{responses.name} has no study {study!r}; it holds {', '.join(found)}"
        )
    return responses.only(responses["study"] == (study or found[0]))


def choose_mode(responses: Responses, mode: str | None) -> Responses:
    """One mode's rows; None: live, or simulated where nobody took part yet."""
    found = np.unique(responses["mode"]).tolist()
    if mode is None:
        mode = "live" if "live" in found else "simulated"
    if mode not in found:
        raise ResponsesError(
            f"{responses.name} has no {mode} trials, only {', '.join(found)}: choose with --mode"
        )
    return responses.only(responses["mode"] == mode)


def code_rows(responses: Responses, *columns: str) -> NDArray[np.int64]:
    """Codes (n,) from 0 of the distinct combinations of these columns' values."""
    codes = np.zeros(len(responses), dtype=np.int64)
    for column in columns:
        found, of_column = np.unique(responses[column], return_inverse=True)
        codes = np.unique(codes * len(found) + of_column, return_inverse=True)[1].astype(np.int64)
    return codes


def check_columns(name: str, header: Sequence[str]) -> None:
    if not header:
        raise ResponsesError(f"{name}: empty; export the study again")
    missing = [column for column in COLUMNS if column not in header]
    unknown = [column for column in header if column not in COLUMNS]
    twice = sorted({column for column in header if header.count(column) > 1})
    for what, columns in (("unknown", unknown), ("missing", missing), ("repeated", twice)):
        if columns:
            listed = ", ".join(repr(column) for column in columns)
            raise ResponsesError(
                f"{name}: line 1: {what} column {listed}; the columns are those of docs/formats.md"
            )


def check_responses(responses: Responses) -> None:
    """Refuse values the format does not know, and rows that contradict each other."""
    _check_values(responses)
    _check_answers(responses)
    _check_participants(responses)
    _check_duplicates(responses)


def _check_values(responses: Responses) -> None:
    for column, allowed in ALLOWED.items():
        _refuse(responses, column, ~np.isin(responses[column], allowed), allowed)
    for column in NEVER_EMPTY:
        _refuse(responses, column, responses[column] == "", ("a value",))
    for column, pattern in PATTERNS.items():
        values, codes = np.unique(responses[column], return_inverse=True)
        fits = np.array([re.fullmatch(pattern, value) is not None for value in values.tolist()])
        _refuse(responses, column, ~fits[codes], (pattern,))


def _check_answers(responses: Responses) -> None:
    """Sides for pairs, fake or real for single images; truth may be blinded, answer missing."""
    single = responses["presentation"] == "single"
    for column in ("truth", "answer"):
        values = responses[column]
        _refuse(responses, column, ~single & ~np.isin(values, (*SIDES, "")), SIDES)
        _refuse(responses, column, single & ~np.isin(values, (*VERDICTS, "")), VERDICTS)


def _refuse(
    responses: Responses, column: str, wrong: NDArray[np.bool_], expected: Sequence[str]
) -> None:
    if wrong.any():
        value = str(responses[column][int(np.argmax(wrong))])
        raise ResponsesError(
            f"{responses.at(wrong)}: {column} is {value!r}, expected {' or '.join(expected)}"
        )


def _check_participants(responses: Responses) -> None:
    """A person takes part once, in one mode, with one outcome."""
    people = code_rows(responses, "study", "participant")
    _, first = np.unique(people, return_index=True)
    for column in ("mode", "outcome"):
        expected = responses[column][first][people]
        wrong = responses[column] != expected
        if wrong.any():
            who = responses["participant"][int(np.argmax(wrong))]
            raise ResponsesError(
                f"{responses.at(wrong)}: participant {who} has another {column} than before;"
                " do not join exports of different days, export again"
            )


def _check_duplicates(responses: Responses) -> None:
    codes = code_rows(responses, "study", "participant", "position")
    _, first = np.unique(codes, return_index=True)
    again = np.ones(len(codes), dtype=np.bool_)
    again[first] = False
    if again.any():
        row = int(np.argmax(again))
        raise ResponsesError(
            f"{responses.at(again)}: participant {responses['participant'][row]}, position"
            f" {responses['position'][row]} stands there a second time; remove one or export again"
        )
