"""Read numbers, units, yes and no, real and fake, and names of methods as people write them."""

import re
from collections.abc import Collection, Mapping, Sequence
from statistics import median

from analysis.conversion.notes import ConversionError, Notes, list_some

REAL_WORDS = {
    *("real", "photo", "photograph", "original", "genuine", "authentic", "natural", "human"),
    *("ground truth", "ground-truth", "gt", "echt"),
}
FAKE_WORDS = {
    *("fake", "generated", "synthetic", "artificial", "ai", "ai-generated", "ai generated"),
    *("computer", "computer-generated", "computer generated", "manipulated", "recolored"),
}
YES_WORDS = {"1", "true", "t", "yes", "y", "correct", "1.0"}
NO_WORDS = {"0", "false", "f", "no", "n", "incorrect", "wrong", "0.0"}
GRADES = {  # ITU-T P.910: absolute category rating, and degradation category rating
    **{"bad": 1, "poor": 2, "fair": 3, "good": 4, "excellent": 5},
    **{"very annoying": 1, "annoying": 2, "slightly annoying": 3},
    **{"perceptible but not annoying": 4, "imperceptible": 5},
}
METHOD_NAME, MAX_METHOD_LENGTH = re.compile(r"[^a-z0-9_-]+"), 32
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
UNIT_IN_NAME = {
    "ms": re.compile(r"(?i)(?<![a-z])(ms|msecs?|millis|milliseconds?)(?![a-z])"),
    "s": re.compile(r"(?i)(?<![a-z])(s|secs?|seconds?)(?![a-z])"),
}
# A median time is in seconds up to the first, in milliseconds from the second, unknown between.
MAX_SECONDS, MIN_MS = {"rt": 30.0, "exposure": 5.0}, 100.0
MS_PER_SECOND = 1000
UNIT_WORDS = {"s": "seconds", "ms": "milliseconds"}


def read_yes_no(field: str, values: Collection[str]) -> dict[str, bool]:
    """Return what each value means: True for yes. Raises ConversionError for other words."""
    meanings = {
        value: value.casefold() in YES_WORDS
        for value in values
        if value.casefold() in YES_WORDS | NO_WORDS
    }
    unknown = sorted(set(values) - set(meanings))
    if unknown:
        raise ConversionError(
            f"{field} is {list_some(unknown)}, expected 1 or 0; say what it means with "
            f"--code {field}:{unknown[0]}=1"
        )
    return meanings


def read_real_fake_words(
    field: str, values: Collection[str], column: str, notes: Notes
) -> dict[str, str]:
    """Return `real` or `fake` for each value: by the word, or by the name of a 0/1 column."""
    meanings = {value: _read_word(value) or _read_by_column(value, column) for value in values}
    unknown = sorted(value for value, meaning in meanings.items() if not meaning)
    if unknown:
        raise ConversionError(
            f"{field} is {list_some(unknown)}: cannot tell which is fake; set it with --code "
            f"{field}:{unknown[0]}=fake or --code {field}:{unknown[0]}=real"
        )
    notes.understood[field] = _format_meanings(meanings)
    return meanings


def has_unknown_words(values: Collection[str], column: str) -> bool:
    """Return whether a value does not tell `real` from `fake`."""
    return not all(_read_word(value) or _read_by_column(value, column) for value in values)


def _read_word(value: str) -> str:
    word = value.casefold()
    return "real" if word in REAL_WORDS else "fake" if word in FAKE_WORDS else ""


def _read_by_column(value: str, column: str) -> str:
    """Return what 1 or 0 means in a column that is named after one of the two answers."""
    words = set(re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).casefold()))
    named = [
        meaning for meaning, known in (("real", REAL_WORDS), ("fake", FAKE_WORDS)) if words & known
    ]
    if len(named) != 1 or value.casefold() not in YES_WORDS | NO_WORDS:
        return ""
    (meaning,) = named
    other = "fake" if meaning == "real" else "real"
    return meaning if value.casefold() in YES_WORDS else other


def _format_meanings(meanings: Mapping[str, str]) -> str:
    return ", ".join(
        f"{value!r} is {meaning}" if value != meaning else meaning
        for value, meaning in sorted(meanings.items())
    )


def read_numbers(field: str, values: Collection[str]) -> dict[str, float]:
    """Return the number of each value, with a decimal point or comma.

    Raises ConversionError for other texts, and if commas may separate thousands.
    """
    wrong = sorted(value for value in values if not NUMBER.fullmatch(value))
    if wrong:
        raise ConversionError(f"{field} is {list_some(wrong)}, expected a number")
    commas = [value for value in values if "," in value]
    if commas and (len(commas) < sum("." in value or "," in value for value in values)):
        raise ConversionError(
            f"{field} has decimal points and commas, as in {commas[0]!r}; write all its numbers "
            "in the same way"
        )
    if commas and all(THOUSANDS.fullmatch(value) for value in commas):
        raise ConversionError(
            f"{field} is {commas[0]!r}: cannot tell whether the comma is a decimal comma or "
            "separates thousands; write the numbers with decimal points"
        )
    return {value: float(value.replace(",", ".")) for value in values}


def read_times(
    field: str, values: Collection[str], column: str, unit: str, notes: Notes
) -> dict[str, float]:
    """Return each value in ms. unit: `s`, `ms`, or empty if the name and the values tell it."""
    numbers = read_numbers(field, values)
    negative = [value for value, number in numbers.items() if number < 0]
    if negative:
        raise ConversionError(f"{field} is {negative[0]!r}, expected a time of at least 0")
    unit, reason = (unit, "as given") if unit else _find_unit(field, numbers, column)
    notes.understood[field] = f"in {UNIT_WORDS[unit]} ({reason})"
    factor = MS_PER_SECOND if unit == "s" else 1
    return {value: number * factor for value, number in numbers.items()}


def _find_unit(field: str, numbers: Mapping[str, float], column: str) -> tuple[str, str]:
    """Return the unit and how it is known. Raises ConversionError if it cannot be known."""
    words = column.replace("_", " ")
    named = [unit for unit, pattern in UNIT_IN_NAME.items() if pattern.search(words)]
    middle = median(numbers.values())
    by_size = "s" if middle <= MAX_SECONDS[field] else "ms" if middle >= MIN_MS else ""
    if named and by_size not in ("", named[0]):
        raise ConversionError(
            f"{field}: the column {column!r} seems to be in {UNIT_WORDS[named[0]]}, but the median "
            f"is {middle:g}; say which unit it is with --{field}-unit s or --{field}-unit ms"
        )
    if named:
        return named[0], f"by the name {column}"
    if not by_size:
        raise ConversionError(
            f"{field}: the median is {middle:g}: cannot tell whether it is in seconds or "
            f"milliseconds; set it with --{field}-unit s or --{field}-unit ms"
        )
    return by_size, f"the median is {middle:g}"


def read_scores(field: str, values: Collection[str], notes: Notes) -> dict[str, float]:
    """Return the score of each value: a number, or a grade of ITU-T P.910."""
    known = [value for value in values if value.casefold() in GRADES]
    grades = {value: float(GRADES[value.casefold()]) for value in known}
    if grades:
        notes.understood[field] = ", ".join(
            f"{value!r} is {grade:g}" for value, grade in sorted(grades.items(), key=lambda g: g[1])
        )
    return {**read_numbers(field, set(values) - set(grades)), **grades}


def name_methods(names: Sequence[str], notes: Notes, *, has_photographs: bool) -> dict[str, str]:
    """Return the name of each method in our files: small letters, digits, _ and -.

    has_photographs: words for a photograph are the method `real`. Raises ConversionError if two
    methods would get the same name.
    """
    renamed: dict[str, str] = {}
    for name in names:
        is_real = has_photographs and name.casefold() in REAL_WORDS
        simple = METHOD_NAME.sub("-", name.casefold()).strip("-")
        renamed[name] = "real" if is_real else simple[:MAX_METHOD_LENGTH]
    twice = [name for name in names if list(renamed.values()).count(renamed[name]) > 1]
    empty = [name for name in names if not renamed[name]]
    if empty or (twice and not all(renamed[name] == "real" for name in twice)):
        wrong = (empty or twice)[:2]
        raise ConversionError(
            f"method {' and '.join(map(repr, wrong))}: needs a name of its own, of up to 32 "
            f"characters from a-z, 0-9, _ and -; give one with --code method:{wrong[0]}=NAME"
        )
    changed = [f"{name!r} is {new}" for name, new in renamed.items() if name != new]
    if changed:
        notes.understood["renamed"] = ", ".join(changed)
    return renamed
