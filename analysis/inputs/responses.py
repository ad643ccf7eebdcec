"""The responses table of docs/formats.md, checked, and the selection of a study and mode."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.trials import BoolArray

RESPONSE_COLUMNS = (
    *("study", "participant", "person", "outcome", "mode", "kind", "block", "position", "task"),
    *("candidates", "presentation", "question", "image", "method", "real_image", "repeat_of"),
    *("truth", "answer", "rt_ms", "exposure_ms", "first_ms", "second_ms", "flags"),
    *("started_at", "received_at", "design_sha256"),
)
OUTCOMES = ("active", "complete", "screened_out", "abandoned", "timed_out", "returned")
MODES = ("live", "preview", "simulated")
MAX_COLUMNS_NAMED = 5  # columns in a message

StrArray = NDArray[np.str_]


class ResponsesError(Exception):
    """The input cannot be read as responses; the message says where, what, and what to do."""


class HasDistinct(Protocol):
    """Responses, or another object that knows the values that occur in them."""

    def distinct(self, column: str) -> list[str]:
        """Return the values that occur in the rows, in alphabetical order."""


@dataclass(frozen=True)
class Column:
    """A column of n values: row i holds words[codes[i]].

    codes (n,): whole numbers from 0. dictionary: the distinct values, of which some may have no
    row.
    """

    codes: NDArray[np.int32]
    dictionary: pa.StringArray

    @cached_property
    def values(self) -> list[str]:
        """The distinct values, as a list that is built only on demand."""
        words: list[str] = self.dictionary.to_pylist()
        return words


@dataclass(frozen=True)
class Responses:
    """A checked table of responses: every value as the CSV prints it.

    name: what messages call it, without folders or passwords. sha256: of the file, or of the
    view's rows written as CSV. line_numbers (n,): line or row of each.
    """

    name: str
    sha256: str
    columns: Mapping[str, Column]
    line_numbers: NDArray[np.int64]
    line_word: str = "line"

    def __len__(self) -> int:
        return len(self.line_numbers)

    def __getitem__(self, column: str) -> StrArray:
        """Return the values of a column (n,).

        Strings are slow by the million: prefer `matches` and `encode_combinations`.
        """
        return np.array(self.columns[column].values, dtype=np.str_)[self.columns[column].codes]

    def matches(self, column: str, test: Callable[[str], object]) -> BoolArray:
        """(n,): whether the row's value passes; asked once a distinct value."""
        words, codes = self.columns[column].values, self.columns[column].codes
        return np.array([bool(test(word)) for word in words])[codes]

    def isin(self, column: str, *values: str) -> BoolArray:
        """(n,): whether the row's value is one of these."""
        return self.matches(column, values.__contains__)

    def columns_equal(self, column: str, other: str) -> BoolArray:
        """(n,): whether the row has the same value in both columns."""
        places = {word: code for code, word in enumerate(self.columns[other].values)}
        words = [places.get(word, -1) for word in self.columns[column].values]
        same: BoolArray = np.array(words)[self.columns[column].codes] == self.columns[other].codes
        return same

    def numbers(self, column: str) -> NDArray[np.float64]:
        """(n,): the values as numbers, NaN where empty."""
        words = self.columns[column].values
        return np.array([float(word or "nan") for word in words])[self.columns[column].codes]

    def distinct(self, column: str) -> list[str]:
        """Return the values that occur in the rows, in alphabetical order."""
        words = self.columns[column].values
        return sorted(words[code] for code in np.flatnonzero(self._codes_in_use(column)).tolist())

    def codes(self, column: str) -> NDArray[np.int64]:
        """Codes (n,) from 0 of the rows' values, in alphabetical order: indices of `distinct`."""
        words, seen = self.columns[column].values, np.flatnonzero(self._codes_in_use(column))
        ranks = np.zeros(len(words), dtype=np.int64)
        ranks[sorted(seen.tolist(), key=words.__getitem__)] = np.arange(len(seen))
        return ranks[self.columns[column].codes]

    def select(self, chosen: BoolArray) -> "Responses":
        """Return the rows where chosen (n,) is True."""
        return self if chosen.all() else self.take(np.flatnonzero(chosen))

    def take(self, rows: NDArray[np.int64]) -> "Responses":
        """Return the rows with these indices, in their order."""
        columns = {
            name: replace(column, codes=column.codes[rows]) for name, column in self.columns.items()
        }
        return Responses(self.name, self.sha256, columns, self.line_numbers[rows], self.line_word)

    def locate_first(self, wrong: BoolArray) -> str:
        """`FILE: line N` of the first wrong row, for a message."""
        return f"{self.name}: {self.line_word} {self.line_numbers[int(np.argmax(wrong))]}"

    def _codes_in_use(self, column: str) -> BoolArray:
        words, codes = self.columns[column].values, self.columns[column].codes
        return np.bincount(codes, minlength=len(words)) > 0


def select_study(responses: Responses, study: str | None) -> Responses:
    """One study's rows; None where there is but one."""
    chosen = choose_study(responses.name, responses.distinct("study"), study)
    return responses.select(responses.isin("study", chosen))


def choose_study(name: str, studies: Sequence[str], study: str | None) -> str:
    """Return the chosen one of the studies in an input; None where there is but one."""
    if study is None and len(studies) > 1:
        raise ResponsesError(
            f"{name} contains the studies {', '.join(studies)}; choose one with --study"
        )
    if study is not None and study not in studies:
        raise ResponsesError(f"{name} has no study {study!r}; it contains {', '.join(studies)}")
    return study or studies[0]


def select_mode(responses: Responses, mode: str | None) -> Responses:
    """One mode's rows; None: live, or simulated where nobody took part yet."""
    chosen = choose_mode(responses.name, responses.distinct("mode"), mode)
    return responses.select(responses.isin("mode", chosen))


def choose_mode(name: str, modes: Sequence[str], mode: str | None) -> str:
    """Return the chosen one of the modes in an input; None: live, or simulated without any."""
    if mode is None:
        mode = "live" if "live" in modes else "simulated"
    if mode not in modes:
        raise ResponsesError(
            f"{name} has no {mode} trials, only {', '.join(modes)}; choose with --mode"
        )
    return mode


def encode_combinations(responses: Responses, *columns: str) -> NDArray[np.int64]:
    """Codes (n,) from 0 of the distinct combinations of these columns' values."""
    codes = responses.codes(columns[0])
    for column in columns[1:]:
        of_column = responses.codes(column)
        pairs = codes * (int(of_column.max(initial=0)) + 1) + of_column
        codes = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
    return codes


def check_columns(name: str, header: Sequence[str]) -> None:
    """Raise ResponsesError unless the header has exactly the columns of docs/formats.md."""
    if not header:
        raise ResponsesError(f"{name}: empty file; export the study again")
    if len(header) == 1 and {";", "\t"} & set(header[0]):
        raise ResponsesError(
            f"{name}: saved by a spreadsheet, which may have changed numbers and dates; use the "
            "file that `study export` wrote"
        )
    missing = [column for column in RESPONSE_COLUMNS if column not in header]
    unknown = [column for column in header if column not in RESPONSE_COLUMNS]
    twice = sorted({column for column in header if header.count(column) > 1})
    for problem, columns in (("unknown", unknown), ("missing", missing), ("repeated", twice)):
        if columns:
            listed = ", ".join(repr(column[:40]) for column in columns[:MAX_COLUMNS_NAMED])
            listed += f" and {len(columns) - MAX_COLUMNS_NAMED} more" * (
                len(columns) > MAX_COLUMNS_NAMED
            )
            raise ResponsesError(
                f"{name}: line 1: {problem} column {listed}; for the columns, see docs/formats.md"
            )
