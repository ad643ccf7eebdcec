"""The sentences of the report agree with its numbers and claim no more than they show."""

from typing import Any

import pytest

from analysis.formatting import NARROW_SPACE, NO_BREAK_SPACE
from analysis.report_output import sentences


def plain(sentence: str) -> str:
    return sentence.replace(NARROW_SPACE, " ").replace(NO_BREAK_SPACE, " ")


def make_rate(**changes: Any) -> dict[str, Any]:
    rate = {"rate": 0.312, "ci95": (0.262, 0.366), "flags": (), "vs_chance": {"p_holm": 0.001}}
    return rate | {"rate_without_exclusions": 0.33} | changes


def make_difference(**changes: Any) -> dict[str, Any]:
    known = {"difference": -0.079, "ci95": (-0.139, -0.02), "p_holm": 0.021, "flags": ()}
    known |= {"mixed": None, "p": 0.0105}
    equivalence = {"margin": 0.05, "p": 0.84}
    return {"a": "l2", "b": "mcl", "equivalence": equivalence} | known | changes


def make_report(methods: dict[str, Any], *differences: dict[str, Any]) -> dict[str, Any]:
    shown = {"mode": "live", "single": False}
    return {"input": shown, "methods": methods, "differences": differences}


PERFECT = "the 50% of a perfect fake"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"31% of trials (95% CI 26 to 37): below {PERFECT}."),
        (
            {"ci95": (0.305, 0.319)},
            f"31.2% of trials (95% CI 30.5 to 31.9): below {PERFECT}.",
        ),
        (
            {"flags": ("one_participant",), "vs_chance": {"p_holm": None}},
            "31% of trials (95% CI 26 to 37, for this participant only).",
        ),
        (
            {"ci95": None},
            "31% of trials. One participant and one photograph are not enough for a confidence"
            " interval.",
        ),
        (
            {"vs_chance": {"p_holm": 0.3}},
            f"31% of trials (95% CI 26 to 37): not significantly different from {PERFECT}.",
        ),
        ({"rate": 0.61}, f"61% of trials (95% CI 26 to 37): above {PERFECT}."),
    ],
)
def test_a_rate_is_given_with_its_interval(changes: dict[str, Any], expected: str) -> None:
    sentence = sentences.format_rate_sentence("mcl", make_report({"mcl": make_rate(**changes)}))
    assert plain(sentence) == f"MCL fooled people on {expected}"


def test_a_rate_is_compared_with_lower_rates() -> None:
    methods = {"l2": make_rate(rate=0.233), "mcl": make_rate(), "new": make_rate(rate=0.33)}
    unsure = make_difference(a="mcl", b="new", difference=-0.02, p_holm=0.4)
    report = make_report(methods, make_difference(), unsure)
    assert sentences.format_rate_sentence("mcl", report).endswith(
        f"below {PERFECT}; significantly more often than L2 (by 8 points)."
    )
    assert sentences.format_rate_sentence("l2", report).endswith(f"below {PERFECT}.")
    assert sentences.format_rate_sentence("new", report).endswith(f"below {PERFECT}.")


def test_a_method_without_trials_has_no_rate() -> None:
    sentence = sentences.format_rate_sentence("mcl", make_report({"mcl": make_rate(rate=None)}))
    assert sentence == "No included trial showed MCL."


KNOWN = "L2 − MCL is −7.9 points (95% CI −13.9 to −2.0"
LARGER = f"The fooling rate of MCL is significantly higher than that of L2: {KNOWN}"
NOT_SIGNIFICANT = "The difference L2 − MCL is not significant: −7.9 points (95% CI −13.9 to"
DEFAULT = "the default margin, since no plan sets one"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"{LARGER}; p = .021)."),
        (
            {"difference": 0.079, "ci95": (0.02, 0.139)},
            "The fooling rate of L2 is significantly higher than that of MCL: L2 − MCL is 7.9"
            " points (95% CI 2.0 to 13.9; p = .021).",
        ),
        ({"p_holm": 0.0001}, f"{LARGER}; p < .001)."),
        (
            {"mixed": {"p": 0.07}},
            f"{LARGER}; p = .021). The mixed model disagrees: without correction for multiple"
            " comparisons, its test gives p = .070, and the test reported here p = .011.",
        ),
        (
            {"p_holm": 0.05},
            f"{NOT_SIGNIFICANT} −2.0; p = .050). Nor was equivalence shown within 5.0 points,"
            f" {DEFAULT} (p = .840).",
        ),
        (
            {"p_holm": 0.05, "equivalence": {"margin": 0.1, "p": 0.02}},
            f"{NOT_SIGNIFICANT} −2.0; p = .050). They are equivalent within 10.0 points, {DEFAULT}"
            " (p = .020).",
        ),
        (
            {"p_holm": None, "p": None},
            f"{LARGER}; no test was possible, so this is based on the interval).",
        ),
        (
            {
                "p_holm": None,
                "p": None,
                "ci95": (-0.139, 0.0),
                "equivalence": {"margin": 0.05, "p": None},
            },
            f"{NOT_SIGNIFICANT} 0.0; no test was possible, so this is based on the interval)."
            " This does not show that they are equal.",
        ),
        ({"ci95": None}, "L2 − MCL is −7.9 points; there are too few data to test this."),
        (
            {"difference": -0.0003},
            f"{LARGER}; p = .021).".replace("−7.9", "−0.03"),
        ),
    ],
)
def test_a_difference_is_a_minus_b_with_the_signs_of_its_interval(
    changes: dict[str, Any], expected: str
) -> None:
    sentence = sentences.format_difference_sentence(make_difference(**changes), "default")
    assert plain(sentence) == expected


@pytest.mark.parametrize(
    ("average", "expected"),
    [
        ({"p": None}, ""),
        ({"p": 0.05}, ""),
        (
            {"p": 0.002, "rate": 0.35, "ci95": (0.3, 0.4), "difference": -0.038},
            "MCL: the more often participants were fooled, the fewer trials they answered (p ="
            " .002), so the rate depends on how participants are weighted. With every participant"
            " weighted equally, it is 35.0% (95% CI 30.0 to 40.0); over all trials, 31.2%.",
        ),
        (
            {"p": 0.03, "rate": 0.28, "ci95": (0.2, 0.3), "difference": 0.032},
            "MCL: the more often participants were fooled, the more trials they answered (p ="
            " .030), so the rate depends on how participants are weighted. With every participant"
            " weighted equally, it is 28.0% (95% CI 20.0 to 30.0); over all trials, 31.2%.",
        ),
    ],
)
def test_a_rate_that_depends_on_who_answered_more_is_given_both_ways(
    average: dict[str, Any], expected: str
) -> None:
    report = make_report({"mcl": make_rate(participant_averaged=average)})
    assert plain(sentences.format_average_sentence("mcl", report)) == expected


def test_an_unreliable_ranking_is_called_noise() -> None:
    methods = {
        "l2": {"ranking": {"reliability": 0.9998}},
        "mcl": {"ranking": {"reliability": 0.18}},
        "edge": {"ranking": {"reliability": 0.4999}},
        "new": {"ranking": {"reliability": None, "flags": ("one_trial_each_image",)}},
    }
    assert sentences.format_ranking_sentence({"methods": methods}) == (
        "The reliability of a single fake’s rate, from 0 to 1, is 0.9998 for L2, 0.18 for MCL and"
        " 0.4999 for edge. Below 0.5, a ranking is mostly noise, so the fakes of MCL and"
        " edge are not ranked. The fakes of new cannot be ranked: each has only one trial."
    )


SINGLE = "35% (95% CI 30 to 41) of answers were wrong: 31% of fakes were taken for photographs, and"
SINGLE += " 40% of photographs for fakes"
ZERO = ", where 0 means participants could not tell them apart."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"{SINGLE}; d′ = 0.67 (95% CI 0.35 to 0.99){ZERO}"),
        ({"d_prime_ci95": None}, f"{SINGLE}; d′ = 0.67{ZERO}"),
        (
            {"d_prime": None, "error": {"rate": 0.35, "ci95": None}},
            f"{SINGLE}.".replace(" (95% CI 30 to 41)", ""),
        ),
    ],
)
def test_single_images_have_an_error_rate_over_fakes_and_photographs(
    changes: dict[str, Any], expected: str
) -> None:
    rate = {"rate": 0.31, "error": {"rate": 0.352, "ci95": (0.297, 0.411)}, "d_prime": 0.67}
    rate |= {"d_prime_ci95": (0.35, 0.99), "false_alarm_rate": 0.4} | changes
    sentence = sentences.format_error_sentence("mcl", {"methods": {"mcl": rate}})
    assert plain(sentence) == f"Across MCL’s fakes and the photographs, {expected}"


def test_without_photographs_nothing_is_said_of_telling_them_apart() -> None:
    rate = {"rate": 0.31, "error": {"rate": 0.31, "ci95": None}, "false_alarm_rate": None}
    sentence = sentences.format_error_sentence("mcl", {"methods": {"mcl": rate}})
    assert sentence == (
        "The participants who rated MCL’s fakes rated no photographs, so it is unknown how well"
        " they could tell the two apart."
    )
