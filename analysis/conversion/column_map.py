"""The map from columns to fields, made of a built-in map and the options of the command."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from analysis.conversion.notes import ConversionError
from analysis.conversion.patterns import Pattern, is_pattern

FIELDS = {
    "participant": "who answered",
    "image": "the source image (or the prompt) that the candidates share",
    "method": "what made the image; for a pair, the method of the fake",
    "method1": "method of the first candidate, method2 of the second, and so on",
    "answer": "real or fake; for a pair, the chosen side; else the chosen candidate, or a tie",
    "truth": "the right answer; for a pair, the side of the fake",
    "correct": "whether the answer was right, instead of truth or answer",
    "question": "fake or real: which image of a pair participants had to choose",
    "real_image": "for a pair, the source image of the photograph if it differs from the fake's",
    "best": "the best candidate",
    "worst": "the worst candidate",
    "order": "the candidates from best to worst, as in mcl > l2",
    "rank1": "rank of the first candidate, 1 is best; rank2 of the second, and so on",
    "rank": "with a row per candidate: its rank",
    "chosen": "with a row per candidate: whether it was chosen",
    "slot": "with a row per candidate: its place from the left",
    "trial": "with a row per candidate: a value that the rows of a trial share",
    "score": "the score of the image; score.NAME for each of several scales",
    "scale": "the name of the scale",
    "item": "the key of a row of --items",
    "position": "the order in which a participant saw the trials",
    "kind": "test, practice or attention",
    "presentation": "for a pair: simultaneous or sequential",
    "rt": "response time",
    "exposure": "how long the images were shown",
    "finished": "whether the participant finished",
    "mode": "live, preview or simulated",
}
NUMBERED = re.compile(r"(method|rank)[1-9]|score\.[A-Za-z0-9 _-]+")
BUILT_IN = Path(__file__).with_name("built_in.toml")


@dataclass(frozen=True)
class ColumnMap:
    """A plain description of a table.

    columns: by field, the column, or the first that the table has of several; with placeholders,
    as in `{image}_{method}`, all columns that fit. required: the fields whose column must exist.
    patterns: by column, a pattern that takes fields
    from its values. constants: by field. codes: by field, what its values mean. keep: by column,
    the values of the rows to convert. json_keys: by field, the key of its value in a cell of JSON.
    missing: further spellings of missing values. header_mark: see `read_source`. rt_unit: `s` or
    `ms`.
    """

    task: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    patterns: Mapping[str, Pattern] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    json_keys: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    header_mark: str = ""
    rt_unit: str = ""
    exposure_unit: str = ""

    def merge(self, other: "ColumnMap") -> "ColumnMap":
        """Return this map with the entries of another, which win."""
        own = set(other.columns) | set(other.constants)
        own |= {name for pattern in other.patterns.values() for name in pattern.fields}
        kept = {name: names for name, names in self.columns.items() if name not in own}
        codes = {**self.codes, **other.codes}
        return replace(
            self,
            task=other.task or self.task,
            columns={**kept, **other.columns},
            required=other.required,
            patterns={**self.patterns, **other.patterns},
            constants={name: value for name, value in self.constants.items() if name not in own}
            | dict(other.constants),
            codes={name: {**self.codes.get(name, {}), **codes[name]} for name in codes},
            keep={**self.keep, **other.keep},
            missing=(*self.missing, *other.missing),
            rt_unit=other.rt_unit or self.rt_unit,
            exposure_unit=other.exposure_unit or self.exposure_unit,
        )


@cache
def read_built_in() -> Mapping[str, ColumnMap]:
    """Return the built-in maps by name."""
    entries = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))
    return {
        name: ColumnMap(
            task=entry.get("task", ""),
            columns={key: tuple(names) for key, names in entry["columns"].items()},
            constants=entry.get("constants", {}),
            codes=entry.get("codes", {}),
            json_keys=entry.get("json_keys", {}),
            missing=tuple(entry.get("missing", ())),
            header_mark=entry.get("header_mark", ""),
            rt_unit=entry.get("rt_unit", ""),
        )
        for name, entry in entries.items()
    }


def parse_columns(options: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Parse `FIELD=COLUMN` options of --map."""
    return {name: (column,) for name, column in _parse_pairs("--map", options)}


def parse_constants(options: Iterable[str]) -> dict[str, str]:
    """Parse `FIELD=VALUE` options of --set."""
    return dict(_parse_pairs("--set", options))


def parse_codes(options: Iterable[str]) -> dict[str, dict[str, str]]:
    """Parse `FIELD:VALUE=MEANING` options of --code."""
    codes: dict[str, dict[str, str]] = {}
    for option in options:
        left, equals, meaning = option.rpartition("=")
        name, colon, value = left.partition(":")
        if not (equals and colon and value and meaning):
            raise ConversionError(
                f"--code {option}: write FIELD:VALUE=MEANING, as in answer:1=fake"
            )
        _check_field("--code", name)
        codes.setdefault(name, {})[value] = meaning
    return codes


def parse_patterns(options: Iterable[str]) -> dict[str, Pattern]:
    """Parse `COLUMN=PATTERN` options of --split."""
    patterns = {}
    for option in options:
        column, _, pattern = option.partition("=")
        if not is_pattern(pattern):
            raise ConversionError(
                f"--split {option}: write COLUMN=PATTERN, as in "
                "stimulus=img/{method}/{image}.png"
            )
        patterns[column] = _check_pattern("--split", pattern)
    return patterns


def parse_keep(options: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Parse `COLUMN=VALUE` options of --where; several values of a column are alternatives."""
    keep: dict[str, tuple[str, ...]] = {}
    for option in options:
        column, equals, value = option.partition("=")
        if not equals:
            raise ConversionError(f"--where {option}: write COLUMN=VALUE")
        keep[column] = (*keep.get(column, ()), value)
    return keep


def _parse_pairs(name: str, options: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for option in options:
        left, _, right = option.partition("=")
        if not (left and right):
            raise ConversionError(f"{name} {option}: write FIELD=VALUE, as in participant=subject")
        _check_field(name, left)
        if name == "--map" and is_pattern(right):
            _check_pattern(name, right)
        pairs.append((left, right))
    twice = [left for place, (left, _) in enumerate(pairs) if left in dict(pairs[:place])]
    if twice:
        raise ConversionError(f"{name} {twice[0]} is given twice; give it once")
    return pairs


def _check_pattern(name: str, text: str) -> Pattern:
    pattern = Pattern(text)
    for placeholder in pattern.fields:
        _check_field(name, placeholder)
    return pattern


def _check_field(name: str, text: str) -> None:
    if text not in FIELDS and not NUMBERED.fullmatch(text):
        raise ConversionError(f"{name}: unknown field {text!r}; known: {', '.join(FIELDS)}")
