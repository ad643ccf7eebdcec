"""The sentences: true to the numbers, and careful where the numbers are."""

from typing import Any

import pytest

from analysis import words


def plain(sentence: str) -> str:
    return sentence.replace(words.SPACE, " ")


def make_rate(**changes: Any) -> dict[str, Any]:
    rate = {"rate": 0.312, "ci95": (0.262, 0.366), "flags": ()}
    return rate | {"vs_chance": {"p_holm": 0.001}} | changes


def make_difference(**changes: Any) -> dict[str, Any]:
    known = {"difference": -0.079, "ci95": (-0.139, -0.02), "p_holm": 0.021, "flags": ()}
    return {"a": "l2", "b": "mcl"} | known | changes


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "31 % of trials (95 % interval 26 to 37)."),
        ({"ci95": (0.305, 0.319)}, "31.2 % of trials (95 % interval 30.5 to 31.9)."),
        (
            {"flags": ("one_participant",)},
            "31 % of trials (95 % interval 26 to 37, for one person only).",
        ),
        ({"ci95": None}, "31 % of trials; one person and one photograph allow no interval."),
    ],
)
def test_a_rate_is_told_with_its_interval(changes: dict[str, Any], told: str) -> None:
    sentence = words.tell_rate("mcl", make_rate(**changes), "live")
    assert plain(sentence) == f"MCL fooled people on {told}"


def test_a_method_without_a_rate_is_told_apart() -> None:
    sentence = words.tell_rate("mcl", make_rate(rate=None), "live")
    assert sentence == "No trial that counts showed MCL."


KNOWN = "95 % interval 2.0 to 13.9"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, f"MCL fooled more often than L2, by 7.9 points ({KNOWN}; p = 0.021)."),
        (
            {"difference": 0.079, "ci95": (0.02, 0.139)},
            f"L2 fooled more often than MCL, by 7.9 points ({KNOWN}; p = 0.021).",
        ),
        (
            {"p_holm": 0.0001},
            f"MCL fooled more often than L2, by 7.9 points ({KNOWN}; p < 0.001).",
        ),
        (
            {"p_holm": 0.05},
            f"MCL and L2 cannot be told apart: the difference is 7.9 points ({KNOWN})."
            " That does not make them equal.",
        ),
        (
            {"p_holm": None},
            f"MCL fooled more often than L2, by 7.9 points ({KNOWN}; no test was possible).",
        ),
        (
            {"p_holm": None, "ci95": (-0.139, 0.0)},
            "MCL and L2 cannot be told apart: the difference is 7.9 points"
            " (95 % interval 0.0 to 13.9). That does not make them equal.",
        ),
        ({"ci95": None}, "MCL and L2 lie 7.9 points apart; the data are too few to judge that."),
    ],
)
def test_a_difference_is_told_from_the_higher_rate(changes: dict[str, Any], told: str) -> None:
    assert plain(words.tell_difference(make_difference(**changes))) == told


def test_only_what_the_tests_tell_from_chance_is_told_from_it() -> None:
    methods = {
        "l2": make_rate(),
        "mcl": make_rate(vs_chance={"p_holm": 0.3}),
        "new": make_rate(rate=0.6),
    }
    below, above, even = map(plain, words.tell_chance(methods))
    assert below.startswith("L2 fell short of 50 %")
    assert above.startswith("new surpassed 50 %")
    assert even.startswith("MCL cannot be told from 50 %")


def test_who_was_left_out_is_told_with_the_reasons() -> None:
    flow = [{"participants": 1, "trials": 1440}]
    report = {
        "input": {"mode": "simulated"},
        "exclusions": {"flow": flow, "by_reason": {"abandoned": 3, "timed_out": 1}},
    }
    assert words.tell_study(report) == (
        "1 simulated person judged 1,440 pairs of a photograph and a fake."
        " 4 others are not counted: 3 gave up and 1 ran out of time."
    )


@pytest.mark.parametrize(
    ("value", "digits", "printed"),
    [(-0.04, 1, "0.0"), (-0.05, 2, "\u22120.05"), (1234.5, 0, "1,234"), (None, 1, "\u2013")],
)
def test_numbers_have_a_true_minus_and_zero_has_none(
    value: float | None, digits: int, printed: str
) -> None:
    assert words.number(value, digits) == printed


def test_a_small_p_is_never_zero() -> None:
    assert plain(words.p_value(1e-12)) == "< 0.001"
