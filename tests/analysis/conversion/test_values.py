"""Tests of numbers, units, words and names as people write them."""

from pathlib import Path

import pytest

from analysis.conversion.notes import ConversionError, Notes
from analysis.conversion.values import (
    name_methods,
    read_numbers,
    read_scores,
    read_times,
    read_yes_no,
)
from tests.analysis.conversion.conversions import (
    MAP,
    SINGLE,
    change,
    convert_rows,
    make_refusal_test,
    run_convert,
)


@pytest.mark.parametrize(
    ("column", "values", "meaning"),
    [
        ("said", ("Fake", "REAL"), "'Fake' is fake, 'REAL' is real"),
        ("said", ("AI", "photo"), "'AI' is fake, 'photo' is real"),
        ("said_fake", ("1", "0"), "'0' is real, '1' is fake"),
        ("isReal", ("False", "True"), "'False' is fake, 'True' is real"),
    ],
)
def test_words_and_the_names_of_columns_tell_real_from_fake(
    column: str, values: tuple[str, str], meaning: str, tmp_path: Path
) -> None:
    fake, real = values
    rows = [
        {"who": row["who"], "stim": row["stim"], "by": row["by"], column: said}
        for row, said in zip(SINGLE, (fake, fake, real), strict=True)
    ]
    options = ("--map", "participant=who", "image=stim", "method=by", f"answer={column}")
    converted = convert_rows(tmp_path, rows, *options)
    assert [row["answer"] for row in converted] == ["fake", "fake", "real"]
    assert meaning in run_convert(tmp_path / "table.csv", *options, "--replace").stdout


def test_yes_and_no_have_many_spellings() -> None:
    meanings = read_yes_no("correct", ["1", "TRUE", "y", "0.0", "No", "wrong"])
    assert list(meanings.values()) == [True, True, True, False, False, False]
    with pytest.raises(ConversionError, match="correct is 'perhaps', expected 1 or 0; say what"):
        read_yes_no("correct", ["1", "perhaps"])


def test_numbers_have_a_decimal_point_or_a_comma() -> None:
    assert read_numbers("rt", ["1,5", "2"]) == {"1,5": 1.5, "2": 2.0}
    assert read_numbers("rt", ["1.234", "-.5", "1e3"]) == {"1.234": 1.234, "-.5": -0.5, "1e3": 1000}


@pytest.mark.parametrize(
    ("values", "column", "unit", "ms", "reason"),
    [
        (["0.8", "1.2"], "time", "", 800, "in seconds (the median is 1)"),
        (["800", "1200"], "time", "", 800, "in milliseconds (the median is 1000)"),
        (["50", "60"], "rt_ms", "", 50, "in milliseconds (by the name rt_ms)"),
        (["50", "60"], "rt", "s", 50_000, "in seconds (as given)"),
    ],
)
def test_times_are_in_the_unit_that_is_given_named_or_plausible(
    values: list[str], column: str, unit: str, ms: float, reason: str
) -> None:
    notes = Notes()
    assert read_times("rt", values, column, unit, notes)[values[0]] == ms
    assert notes.understood["rt"] == reason


def test_a_name_and_values_in_different_units_are_refused() -> None:
    with pytest.raises(ConversionError, match="seems to be in milliseconds, but the median is 1"):
        read_times("rt", ["0.8", "1.2"], "rt_ms", "", Notes())


def test_scores_are_numbers_or_grades_of_p910() -> None:
    notes = Notes()
    scores = read_scores("score", ["Good", "imperceptible", "3,5"], notes)
    assert scores == {"Good": 4, "imperceptible": 5, "3,5": 3.5}
    assert notes.understood["score"] == "'Good' is 4, 'imperceptible' is 5"


def test_methods_get_simple_names_and_photographs_are_real() -> None:
    notes = Notes()
    names = name_methods(["DALL-E 3", "Original", "l2"], notes, has_photographs=True)
    assert names == {"DALL-E 3": "dall-e-3", "Original": "real", "l2": "l2"}
    assert notes.understood["renamed"] == "'DALL-E 3' is dall-e-3, 'Original' is real"
    kept = name_methods(["Original"], notes, has_photographs=False)
    assert kept == {"Original": "original"}


REFUSALS = [
    (change(SINGLE, rt="800ms"), MAP, "rt is '800ms', expected a number"),
    (change(SINGLE, rt="-1"), MAP, "expected a time of at least 0"),
    (change(SINGLE, rt="1,234"), MAP, "decimal points and commas"),
    ([row | {"rt": "1,234"} for row in SINGLE], MAP, "cannot tell whether the comma is"),
    ([row | {"rt": "50"} for row in SINGLE], MAP, "cannot tell whether it is in seconds"),
    (change(SINGLE, by="?!"), MAP, "method '?!': needs a name of its own"),
    (change(SINGLE, by="l 2"), (*MAP, "--code", "method:MCL=l_2", "--code", "method:L2=l-2"),
     "method 'l 2' and 'l-2': needs a name of its own"),
    (change(SINGLE, said="1"), MAP, "answer is '1': cannot tell which is fake"),
]  # fmt: skip

test_unclear_values_are_refused_in_one_line = make_refusal_test(REFUSALS)
