"""The sentences of the report agree with its numbers and claim no more than they show."""

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


KNOWN = "95% CI 2.0 to 13.9"
LARGER = "The fooling rate of MCL is 7.9 points higher than that of L2"
NOT_SIGNIFICANT = "The difference L2 − MCL is not significant: −7.9 points"
NEGATED = "95% CI −13.9 to −2.0"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"{LARGER} ({KNOWN}; p = .021)."),
        (
            {"difference": 0.079, "ci95": (0.02, 0.139)},
            f"The fooling rate of L2 is 7.9 points higher than that of MCL ({KNOWN}; p = .021).",
        ),
        ({"p_holm": 0.0001}, f"{LARGER} ({KNOWN}; p < .001)."),
        (
            {"p_holm": 0.05},
            f"{NOT_SIGNIFICANT} ({NEGATED}). Equivalence within 5.0 points (p = .840) was not shown"
            " either.",
        ),
        (
            {"p_holm": 0.05, "equivalence": {"margin": 0.1, "p": 0.02}},
            f"{NOT_SIGNIFICANT} ({NEGATED}). They are equivalent within 10.0 points (p = .020).",
        ),
        (
            {"p_holm": None},
            f"{LARGER} ({KNOWN}; no test was possible; based on the interval).",
        ),
        (
            {"p_holm": None, "ci95": (-0.139, 0.0), "equivalence": {"margin": 0.05, "p": None}},
            f"{NOT_SIGNIFICANT} (95% CI −13.9 to 0.0). This does not show that they are equal.",
        ),
        ({"ci95": None}, "MCL and L2 differ by 7.9 points; there are too few data to test this."),
    ],
)
def test_a_difference_names_the_higher_rate_first(changes: dict[str, Any], expected: str) -> None:
    sentence = sentences.format_difference_sentence(make_difference(**changes))
    assert plain(sentence) == expected


def make_exclusions(**changes: Any) -> dict[str, Any]:
    people = [{"excluded": excluded} for excluded in (True, True, True, False)]
    return {
        "flow": [{"participants": 1, "trials": 1440}],
        "by_reason": {"incomplete": 3, "too_fast": 1},
        "participants": people,
        "leave_one_rule_out": {"too_fast": {"mcl": {"rate": 0.327}}},
    } | changes


def test_excluded_participants_are_listed_by_reason_and_counted_once() -> None:
    report = {"input": {"mode": "simulated", "single": False}, "exclusions": make_exclusions()}
    assert sentences.format_sample_sentence(report) == (
        "1 simulated participant answered 1,440 test trials, each with a photograph and a fake. 3"
        " more participants were excluded: 3 did not finish and 1 answered too fast; some for more"
        " than one reason."
    )


def test_the_largest_change_by_dropping_a_rule_is_given() -> None:
    report = {"methods": {"mcl": make_rate()}, "differences": (), "exclusions": make_exclusions()}
    assert plain(sentences.format_robustness_sentence(report)) == (
        "Without any exclusions, the rates would be MCL 33.0%. Dropping any single exclusion rule"
        " changes no rate by more than 1.5 points."
    )
    untouched = make_exclusions(by_reason={})
    assert sentences.format_robustness_sentence({**report, "exclusions": untouched}) == ""


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (0.03, "None of these choices changes which differences are significant."),
        (
            0.06,
            "However, without the rule “too many fast answers”, the difference between L2 and MCL"
            " is not significant.",
        ),
    ],
)
def test_a_result_that_depends_on_one_rule_is_named(without: float, expected: str) -> None:
    other = {"difference": -0.07, "ci95": (-0.13, -0.01)}
    pair = make_difference(
        without_exclusions=other | {"p_holm": 0.02},
        without_a_rule={"incomplete": None, "too_fast": other | {"p_holm": without}},
    )
    report = {"methods": {"mcl": make_rate()}, "differences": [pair]}
    assert sentences.format_robustness_sentence(
        report | {"exclusions": make_exclusions()}
    ).endswith(expected)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("match", "matches its frozen design"), ("deviations", "1 deviation, listed below")],
)
def test_the_comparison_with_the_design_is_summarized(verdict: str, expected: str) -> None:
    design = {"verdict": verdict, "sha256": "a" * 64, "deviations": [{}]}
    assert expected in sentences.format_design_sentence({"design": design})


def test_an_unreliable_ranking_is_called_noise() -> None:
    methods = {
        "l2": {"ranking": {"reliability": 0.72}},
        "mcl": {"ranking": {"reliability": 0.18}},
        "new": {"ranking": {"reliability": None}},
    }
    assert sentences.format_ranking_sentence({"methods": methods}) == (
        "The reliability of a single fake’s rate, from 0 to 1, is 0.72 for L2 and 0.18 for MCL."
        " Below 0.5, a ranking of fakes is mostly noise."
        " The fakes of new cannot be ranked: there are too few trials, or the fakes do not differ."
    )


WRONG = "35% (95% CI 30 to 41) of answers were wrong; d′ = 0.67"
ZERO = ", where 0 means participants could not tell them apart."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"{WRONG} (95% CI 0.35 to 0.99){ZERO}"),
        ({"d_prime_ci95": None}, f"{WRONG}{ZERO}"),
        ({"d_prime": None, "error": {"rate": 0.35, "ci95": None}}, "35% of answers were wrong."),
    ],
)
def test_single_images_have_an_error_rate_over_fakes_and_photographs(
    changes: dict[str, Any], expected: str
) -> None:
    rate = {"error": {"rate": 0.352, "ci95": (0.297, 0.411)}, "d_prime": 0.67}
    rate |= {"d_prime_ci95": (0.35, 0.99)} | changes
    sentence = sentences.format_error_sentence("mcl", {"methods": {"mcl": rate}})
    assert plain(sentence) == f"Across MCL’s fakes and the photographs, {expected}"
