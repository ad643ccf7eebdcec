"""The sentences: true to the numbers, and careful where the numbers are."""

from typing import Any

import pytest

from analysis.formatting import NARROW_SPACE
from analysis.report_output import sentences


def plain(sentence: str) -> str:
    return sentence.replace(NARROW_SPACE, " ")


def make_rate(**changes: Any) -> dict[str, Any]:
    rate = {"rate": 0.312, "ci95": (0.262, 0.366), "flags": (), "vs_chance": {"p_holm": 0.001}}
    return rate | {"rate_without_exclusions": 0.33} | changes


def make_difference(**changes: Any) -> dict[str, Any]:
    known = {"difference": -0.079, "ci95": (-0.139, -0.02), "p_holm": 0.021, "flags": ()}
    equivalence = {"margin": 0.05, "p": 0.84}
    return {"a": "l2", "b": "mcl", "equivalence": equivalence} | known | changes


def make_report(methods: dict[str, Any], *differences: dict[str, Any]) -> dict[str, Any]:
    shown = {"mode": "live", "single": False}
    return {"input": shown, "methods": methods, "differences": differences}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "31 % of trials (95 % interval 26 to 37): below chance."),
        ({"ci95": (0.305, 0.319)}, "31.2 % of trials (95 % interval 30.5 to 31.9): below chance."),
        (
            {"flags": ("one_participant",), "vs_chance": {"p_holm": None}},
            "31 % of trials (95 % interval 26 to 37, for one person only).",
        ),
        ({"ci95": None}, "31 % of trials; one person and one photograph allow no interval."),
        (
            {"vs_chance": {"p_holm": 0.3}},
            "31 % of trials (95 % interval 26 to 37): not told from chance.",
        ),
        ({"rate": 0.61}, "61 % of trials (95 % interval 26 to 37): above chance."),
    ],
)
def test_a_rate_is_told_with_its_interval(changes: dict[str, Any], told: str) -> None:
    sentence = sentences.format_rate_sentence("mcl", make_report({"mcl": make_rate(**changes)}))
    assert plain(sentence) == f"MCL fooled people on {told}"


def test_a_rate_is_told_with_what_it_is_more_than() -> None:
    methods = {"l2": make_rate(rate=0.233), "mcl": make_rate(), "new": make_rate(rate=0.33)}
    unsure = make_difference(a="mcl", b="new", difference=-0.02, p_holm=0.4)
    report = make_report(methods, make_difference(), unsure)
    assert sentences.format_rate_sentence("mcl", report).endswith(
        "below chance; more than L2 by 8 points."
    )
    assert sentences.format_rate_sentence("l2", report).endswith("below chance.")
    assert sentences.format_rate_sentence("new", report).endswith("below chance.")


def test_a_method_without_a_rate_is_told_apart() -> None:
    sentence = sentences.format_rate_sentence("mcl", make_report({"mcl": make_rate(rate=None)}))
    assert sentence == "No trial that counts showed MCL."


KNOWN = "95 % interval 2.0 to 13.9"
UNEQUAL = (
    "That does not make them equal: nothing shows that they lie within 5.0 points of each other"
)


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
            f" {UNEQUAL} (p = 0.840).",
        ),
        (
            {"p_holm": 0.05, "equivalence": {"margin": 0.1, "p": 0.02}},
            f"MCL and L2 cannot be told apart: the difference is 7.9 points ({KNOWN})."
            " They lie within 10.0 points of each other (p = 0.020).",
        ),
        (
            {"p_holm": None},
            f"MCL fooled more often than L2, by 7.9 points ({KNOWN}; no test was possible).",
        ),
        (
            {"p_holm": None, "ci95": (-0.139, 0.0), "equivalence": {"margin": 0.05, "p": None}},
            "MCL and L2 cannot be told apart: the difference is 7.9 points"
            " (95 % interval 0.0 to 13.9). That does not make them equal.",
        ),
        ({"ci95": None}, "MCL and L2 lie 7.9 points apart; the data are too few to judge that."),
    ],
)
def test_a_difference_is_told_from_the_higher_rate(changes: dict[str, Any], told: str) -> None:
    assert plain(sentences.format_difference_sentence(make_difference(**changes))) == told


def make_exclusions(**changes: Any) -> dict[str, Any]:
    people = [{"excluded": excluded} for excluded in (True, True, True, False)]
    return {
        "flow": [{"participants": 1, "trials": 1440}],
        "by_reason": {"incomplete": 3, "too_fast": 1},
        "participants": people,
        "leave_one_rule_out": {"too_fast": {"mcl": {"rate": 0.327}}},
    } | changes


def test_who_was_left_out_is_told_with_the_reasons_and_counted_once() -> None:
    report = {"input": {"mode": "simulated", "single": False}, "exclusions": make_exclusions()}
    assert sentences.format_sample_sentence(report) == (
        "1 simulated person judged 1,440 pairs of a photograph and a fake."
        " 3 others are not counted: 3 did not finish and 1 answered too fast; some for several"
        " reasons."
    )


def test_how_far_the_rules_move_the_rates_is_told() -> None:
    report = {"methods": {"mcl": make_rate()}, "differences": (), "exclusions": make_exclusions()}
    assert plain(sentences.format_robustness_sentence(report)) == (
        "With everybody counted the rates are MCL 33.0 %. Leaving out any one rule moves no rate by"
        " more than 1.5 points."
    )
    untouched = make_exclusions(by_reason={})
    assert sentences.format_robustness_sentence({**report, "exclusions": untouched}) == ""


@pytest.mark.parametrize(
    ("without", "told"),
    [
        (0.03, "By no such choice does a difference appear or vanish."),
        (0.06, "But without the rule on answers too fast L2 and MCL cannot be told apart."),
    ],
)
def test_a_verdict_that_hangs_on_one_rule_is_told(without: float, told: str) -> None:
    other = {"difference": -0.07, "ci95": (-0.13, -0.01)}
    pair = make_difference(
        without_exclusions=other | {"p_holm": 0.02},
        without_a_rule={"incomplete": None, "too_fast": other | {"p_holm": without}},
    )
    report = {"methods": {"mcl": make_rate()}, "differences": [pair]}
    assert sentences.format_robustness_sentence(
        report | {"exclusions": make_exclusions()}
    ).endswith(told)


@pytest.mark.parametrize(
    ("verdict", "told"),
    [("match", "matches its frozen design"), ("deviations", "1 deviation, listed below")],
)
def test_the_verdict_on_the_design_is_told(verdict: str, told: str) -> None:
    design = {"verdict": verdict, "sha256": "a" * 64, "deviations": [{}]}
    assert told in sentences.format_design_sentence({"design": design})


def test_a_ranking_of_noise_is_called_so() -> None:
    methods = {
        "l2": {"ranking": {"reliability": 0.72}},
        "mcl": {"ranking": {"reliability": 0.18}},
        "new": {"ranking": {"reliability": None}},
    }
    assert sentences.format_ranking_sentence({"methods": methods}) == (
        "On a scale from 0 to 1 the reliability of a fake’s rate is 0.72 for L2 and 0.18 for MCL."
        " Below 0.5 a ranking is mostly noise."
        " The fakes of new cannot be ranked: too few trials, or all alike."
    )


WRONG = " 35 % (95 % interval 30 to 41) were judged wrongly;"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, f"{WRONG} d′ is 0.67 (0.35 to 0.99), 0 where nobody can tell."),
        ({"d_prime_ci95": None}, f"{WRONG} d′ is 0.67, 0 where nobody can tell."),
        ({"d_prime": None, "error": {"rate": 0.35, "ci95": None}}, " 35 % were judged wrongly."),
    ],
)
def test_errors_over_fakes_and_photographs_are_told_of_single_images(
    changes: dict[str, Any], told: str
) -> None:
    rate = {"error": {"rate": 0.352, "ci95": (0.297, 0.411)}, "d_prime": 0.67}
    rate |= {"d_prime_ci95": (0.35, 0.99)} | changes
    sentence = sentences.format_error_sentence("mcl", {"methods": {"mcl": rate}})
    assert plain(sentence) == f"Of MCL’s fakes and the photographs{told}"
