"""Tests of the public functions: they agree with independent software, and refuse bad data."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

import analysis
from tests.analysis.inference.task_data import (
    METHODS,
    STATS,
    read_expected,
    read_rankings,
    read_table,
)

Columns = dict[str, Sequence[Any]]
TWO = ([1, 2], [1, 2])  # participants and images
THREE = ([1, 1, 2], [1, 1, 2])


def read_crossed() -> dict[str, list[str | bool]]:
    with (STATS / "crossed_responses.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "test"]
    return {
        "fooled": [row["answer"] != row["truth"] for row in rows],
        **{key: [row[key] for row in rows] for key in ("method", "participant", "image")},
    }


def read_pairs() -> Columns:
    """Return the reference pairs as a table of names."""
    trials = read_rankings("pairs")
    first, second = (np.array(METHODS)[trials.candidate[:, slot]] for slot in (0, 1))
    won = np.where(trials.rank[:, 0] < trials.rank[:, 1], first, second)
    return {
        "first": first.tolist(),
        "second": second.tolist(),
        "winner": np.where(trials.rank[:, 0] == trials.rank[:, 1], "tie", won).tolist(),
        "participant": trials.participant.tolist(),
        "image": trials.image.tolist(),
    }


def test_importing_the_package_loads_no_library() -> None:
    code = "import sys, analysis; print({'numpy', 'scipy', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_every_exported_name_exists_and_no_other() -> None:
    assert all(callable(getattr(analysis, name)) for name in dir(analysis))
    with pytest.raises(AttributeError, match="no attribute 'fooling'"):
        _ = analysis.fooling


def test_rates_and_differences_are_those_of_statsmodels() -> None:
    table = read_crossed()
    expected = json.loads((STATS / "crossed_expected.json").read_text(encoding="utf-8"))
    is_mcl = np.array(table["method"]) == "mcl"
    columns = [np.array(table[key])[is_mcl] for key in ("fooled", "participant", "image")]
    assert analysis.fooling_rate(*columns).interval == pytest.approx(
        expected["rates"]["mcl"]["ci95"], rel=1e-6
    )
    names = ("fooled", "method", "participant", "image")
    difference = analysis.difference(*names, a="l2", b="mcl", data=table)
    assert difference.interval == pytest.approx(expected["differences"]["l2-mcl"]["ci95"], rel=1e-3)


def test_strengths_of_pairs_are_those_of_statsmodels() -> None:
    names = ("first", "second", "winner", "participant", "image")
    strengths = analysis.bradley_terry(*names, data=read_pairs())
    values = [strengths.estimates[method].value for method in METHODS]
    assert values == pytest.approx(read_expected("pairs")["strengths"], abs=1e-9)
    assert strengths.interval.keys() == strengths.rank_sets.keys() == set(METHODS)


def test_a_tie_is_half_a_win() -> None:
    names = ("first", "second", "winner", "participant", "image")
    pairs = read_pairs()
    wins = analysis.win_rates(*names, data=pairs).estimates["a"].value
    rows = list(zip(pairs["first"], pairs["second"], pairs["winner"], strict=True))
    shown = [winner for first, second, winner in rows if "a" in (first, second)]
    assert wins == pytest.approx(
        sum((winner == "a") + (winner == "tie") / 2 for winner in shown) / len(shown)
    )


def test_strengths_of_rankings_are_those_of_choix() -> None:
    trials = read_rankings("rankings")
    n, k = trials.candidate.shape
    table = {
        "trial": np.repeat(np.arange(n), k),
        "method": np.array(METHODS)[trials.candidate.ravel()],
        "rank": trials.rank.ravel(),
        "participant": np.repeat(trials.participant, k),
        "image": np.repeat(trials.image, k),
    }
    strengths = analysis.plackett_luce(*table, data=table)
    values = [strengths.estimates[method].value for method in METHODS]
    assert values == pytest.approx(read_expected("rankings")["strengths"], abs=1e-9)


def test_mean_scores_are_those_of_statsmodels() -> None:
    participant, image, method, score = read_table("ratings").T
    scores = analysis.mean_opinion(score, np.array(METHODS)[method], participant, image)
    values = [scores.estimates[method].value for method in METHODS]
    assert values == pytest.approx(read_expected("ratings")["means"])
    assert len(scores.differences) == len(scores.p_holm) == 6


def test_intervals_of_mean_scores_end_with_the_scale() -> None:
    answers = [5, 3, 5, 5, 5, 5, 5, 5], ["a"] * 8, [1, 1, 2, 2, 3, 3, 4, 4], [1, 2] * 4
    assert (analysis.mean_opinion(*answers).interval["a"] or (0, 0))[1] > 5
    assert (analysis.mean_opinion(*answers, scale=(1, 5)).interval["a"] or (0, 0))[1] == 5


def test_the_threshold_is_that_of_psignifit() -> None:
    participant, image, exposure_ms, correct = read_table("exposures").T
    threshold = analysis.threshold(correct, exposure_ms, participant, image)
    assert threshold.ms == pytest.approx(read_expected("exposures")["threshold_ms"], rel=1e-4)


def test_results_are_frozen_and_are_tables_in_notebooks() -> None:
    rate = analysis.fooling_rate([True, False, True], [1, 2, 3], [1, 1, 2])
    with pytest.raises(FrozenInstanceError):
        rate.rate = 0.5  # type: ignore[misc]
    assert "<th>95% CI</th><td>" in rate._repr_html_()
    scores = analysis.mean_opinion([1, 2, 3, 5], ["<a>", "b", "<a>", "b"], [1, 1, 2, 2], [1, 2] * 2)
    assert "<th>&lt;a&gt;</th><td>2</td>" in scores._repr_html_()


class LikePandasNA:
    """Compares like pandas.NA, whose equality with anything, itself included, is not known."""

    def __eq__(self, other: object) -> Any:
        return self

    def __ne__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    "missing",
    [None, np.nan, np.datetime64("NaT"), LikePandasNA()],
    ids=["None", "NaN", "NaT", "NA"],
)
@pytest.mark.parametrize("column", ["fooled", "participant", "image"])
def test_a_missing_value_is_an_error_that_names_its_row(missing: object, column: str) -> None:
    values = {"fooled": [1, 0, 1], "participant": [1, 2, 2], "image": ["a", "b", "a"]}
    table: dict[str, Any] = {name: np.array(own, dtype=object) for name, own in values.items()}
    table[column][1] = missing
    with pytest.raises(analysis.DataError) as refused:
        analysis.fooling_rate(*table, data=table)
    assert str(refused.value) == f"{column}: row 1 has no value; leave such rows out"


@pytest.mark.parametrize(
    "days",
    [
        np.array(["2026-01-01", "NaT", "2026-01-02"], dtype="datetime64[D]"),
        np.ma.masked_array([1, 2, 3], mask=[False, True, False]),
    ],
)
def test_missing_dates_and_masked_values_are_errors(days: Any) -> None:
    with pytest.raises(analysis.DataError, match="image: row 1 has no value; leave such rows out"):
        analysis.fooling_rate([1, 0, 1], [1, 2, 2], days)


@pytest.mark.parametrize(
    ("estimate", "message"),
    [
        (
            lambda: analysis.fooling_rate("fool", "participant", "image", data=read_pairs()),
            "fooled: data has no column 'fool'; check the name",
        ),
        (
            lambda: analysis.fooling_rate("fooled", [1, 2], [1, 2]),
            "fooled is the name 'fooled'; pass the table of columns as data=",
        ),
        (
            lambda: analysis.fooling_rate([1, 0], [1, 2, 3], [1, 2]),
            "the columns differ in length (fooled 2, participant 3, image 2); give one value per "
            "row in each",
        ),
        (
            lambda: analysis.fooling_rate([], [], []),
            "fooled has the shape (0,); give at least one value in a row",
        ),
        (
            lambda: analysis.fooling_rate([1, 0], ["p", "p"], [1, 2]),
            "participant is 'p' in every row; an interval needs at least two",
        ),
        (
            lambda: analysis.fooling_rate([1, 0.5], *TWO),
            "fooled: row 1 is 0.5; expected true or false, or 1 or 0",
        ),
        (
            lambda: analysis.mean_opinion([1, np.nan], ["a", "b"], *TWO),
            "score: row 1 has no value; leave such rows out",
        ),
        (
            lambda: analysis.mean_opinion(["4", "bad"], ["a", "b"], *TWO),
            "score holds 'bad'; expected numbers",
        ),
        (
            lambda: analysis.mean_opinion([4, 6], ["a", "b"], *TWO, scale=(1, 5)),
            "score: row 1 is 6; the scale is 1 to 5",
        ),
        (
            lambda: analysis.mean_opinion([4, 5], ["a", "b"], *TWO, scale=(5, 1)),
            "scale is (5, 1); give the lowest score, then the highest",
        ),
        (
            lambda: analysis.mean_opinion([4, 4], ["a", "b"], *TWO),
            "score is 4.0 in every row; without variation there is no interval",
        ),
        (
            lambda: analysis.difference([1, 0], ["a", "b"], *TWO, a="a", b="c"),
            "there is no method 'c'; the methods are a, b",
        ),
        (
            lambda: analysis.win_rates(["a", "a"], ["b", "b"], ["a", "c"], *TWO),
            "winner: row 1 is 'c'; expected 'a', 'b' or 'tie'",
        ),
        (
            lambda: analysis.win_rates(["a", "a"], ["b", "a"], ["a", "a"], *TWO),
            "second: row 1 is 'a', as first is; a pair has two methods",
        ),
        (
            lambda: analysis.bradley_terry(["a", "a"], ["b", "b"], ["a", "a"], *TWO),
            "b won or lost every comparison with the other methods, so strengths are not finite; "
            "use the win rates",
        ),
        (
            lambda: analysis.difference([1, 0], ["a", "b"], *TWO, a="a", b="a"),
            "a and b are both 'a'; name two methods",
        ),
        (
            lambda: analysis.plackett_luce([1, 1], ["a", "b"], [1, 2], *TWO),
            "participant differs within a trial; give each trial its own number",
        ),
        (
            lambda: analysis.plackett_luce([1, 1, 2], ["a", "a", "b"], [1, 2, 1], *THREE),
            "a method occurs twice in one trial; give each trial its own number",
        ),
        (
            lambda: analysis.threshold([1, 0], [500, 500], *TWO),
            "exposure_ms is 500.0 in every row; without variation there is no interval",
        ),
        (
            lambda: analysis.threshold([1, 0], [500, 0], *TWO),
            "exposure_ms has 0; expected milliseconds above 0",
        ),
    ],
)
def test_bad_data_are_refused_in_one_line(estimate: Callable[[], object], message: str) -> None:
    with pytest.raises(analysis.DataError) as refused:
        estimate()
    assert str(refused.value) == message
