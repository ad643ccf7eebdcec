"""The findings on methods in sentences. Each is made from the numbers that it states."""

from collections.abc import Mapping

from analysis.formatting import (
    ReportPart,
    format_interval,
    format_number,
    format_p_equation,
    format_share,
    join_words,
    method_label,
)
from analysis.inference.image_ranking import MIN_RELIABILITY
from analysis.report_output.glossary import MARGIN_TEXTS, UNRANKED_TEXTS
from analysis.report_output.tables import format_pair

SIGNIFICANCE_LEVEL = 0.05  # below it, the sentences call a difference significant
PARTICIPANT_WORDS = {
    "live": "people",
    "preview": "people in a preview",
    "simulated": "simulated participants",
}


def format_rate_sentence(method: str, report: ReportPart) -> str:
    """Describe a method's fooling rate, and compare it with 50% and the other methods."""
    rate = report["methods"][method]
    if rate["rate"] is None:
        return f"No included trial showed {method_label(method)}."
    digits = _digits(rate)
    share = f"{format_share(rate['rate'], digits)}%"
    fooled = (
        f"{method_label(method)} fooled {PARTICIPANT_WORDS[report['input']['mode']]} on {share} of "
        "trials"
    )
    if rate["ci95"] is None:
        return (
            f"{fooled}. One participant and one photograph are not enough for a confidence"
            " interval."
        )
    start = f"{fooled} (95% CI {format_interval(rate['ci95'], digits)}{_scope(rate)})"
    lower = [
        f"{method_label(other)} (by {format_share(size, digits)} points)"
        for other, size in _find_significantly_lower(method, report)
    ]
    compared = [
        *_compare_with_chance(rate),
        *([f"significantly more often than {join_words(lower)}"] if lower else []),
    ]
    return f"{': '.join(filter(None, (start, '; '.join(compared))))}."


def format_error_sentence(method: str, report: ReportPart) -> str:
    """Describe the errors on single images, fakes and photographs, each kind with its rate."""
    rate = report["methods"][method]
    error, alarms = rate["error"], rate["false_alarm_rate"]
    label = method_label(method)
    if rate["rate"] is None:
        return ""
    if alarms is None:
        return (
            f"The participants who rated {label}’s fakes rated no photographs, so it is unknown "
            "how well they could tell the two apart."
        )
    interval_text = f" (95% CI {format_interval(error['ci95'], 0)})" if error["ci95"] else ""
    return (
        f"Across {label}’s fakes and the photographs, {format_share(error['rate'], 0)}%"
        f"{interval_text} of answers were wrong: {format_share(rate['rate'], 0)}% of fakes were "
        f"taken for photographs, and {format_share(alarms, 0)}% of photographs for fakes"
        f"{_format_sensitivity(rate)}."
    )


def format_average_sentence(method: str, report: ReportPart) -> str:
    """Warn if the rate depends on who answered many trials; empty if it does not."""
    rate = report["methods"][method]
    average = rate["participant_averaged"]
    if average["p"] is None or average["p"] >= SIGNIFICANCE_LEVEL:
        return ""
    fewer = "fewer" if average["difference"] < 0 else "more"
    return (
        f"{method_label(method)}: the more often participants were fooled, the {fewer} trials "
        f"they answered ({format_p_equation(average['p'])}), so the rate depends on how "
        f"participants are weighted. With every participant weighted equally, it is "
        f"{format_share(average['rate'])}% (95% CI {format_interval(average['ci95'])}); over all "
        f"trials, {format_share(rate['rate'])}%."
    )


def format_hype_time_sentence(method: str, report: ReportPart) -> str:
    """Describe a method's score in HYPE-time; empty without a staircase."""
    score = report["hype_time"] and report["hype_time"]["methods"][method]
    if not score or score["score_ms"] is None:
        return ""
    low, high = score["ci95"] or (None, None)
    interval = (
        f" (95% CI by the published method: {format_number(low)} to {format_number(high)})"
        if score["ci95"]
        else ""
    )
    return (
        f"HYPE-time score of {method_label(method)}: {format_number(score['score_ms'])} ms"
        f"{interval}."
    )


def explain_hype_time(report: ReportPart) -> str:
    """Say how far scores of HYPE-time can be trusted, and what to use instead."""
    hype_time = report["hype_time"]
    return (
        "A staircase chose the exposures. It settles where participants are right on "
        f"{format_share(hype_time['target_correct'], 0)}% of trials, whatever the method, so "
        "compare methods by their scores, not by the fooling rates of this page. The scores shrink "
        f"toward {format_number(hype_time['start_ms'])} ms, the first exposure of each block, "
        "because the steps are short. The order of the scores can be trusted more than their size, "
        "and their intervals, t intervals over participants, often miss the exposure at which the "
        "staircase would settle. Constant exposures (preset “exposure”) give the rate at each of "
        "them instead, with intervals for new participants and new photographs."
    )


def format_difference_sentence(difference: ReportPart, margin_source: str) -> str:
    """Describe the difference a − b between two methods, and whether it is significant."""
    name, points = format_pair(difference), _format_points(difference["difference"])
    if difference["ci95"] is None:
        return f"{name} is {points}; there are too few data to test this."
    p = difference["p_holm"]
    untested = "no test was possible, so this is based on the interval"
    tested = untested if p is None else format_p_equation(p)
    interval = f"95% CI {format_interval(difference['ci95'])}{_scope(difference)}; {tested}"
    if not is_significant(difference):
        return (
            f"The difference {name} is not significant: {points} ({interval}). "
            f"{_format_equivalence(difference['equivalence'], margin_source)}"
            f"{_format_model_disagreement(difference)}"
        )
    a, b = method_label(difference["a"]), method_label(difference["b"])
    higher, lower = (a, b) if difference["difference"] > 0 else (b, a)
    return (
        f"The fooling rate of {higher} is significantly higher than that of {lower}: "
        f"{name} is {points} ({interval}).{_format_model_disagreement(difference)}"
    )


def format_ranking_sentence(report: ReportPart) -> str:
    """Describe the reliability of the ranking of the fakes, and why some are not ranked."""
    rankings = {method: rate["ranking"] for method, rate in report["methods"].items()}
    shares = {
        method: ranking["reliability"]
        for method, ranking in rankings.items()
        if ranking["reliability"] is not None
    }
    return " ".join([*_format_reliabilities(shares), *_format_unranked(rankings)])


def is_significant(difference: ReportPart) -> bool:
    """Decide by the test, or by the interval if no test was possible."""
    if difference["p_holm"] is not None:
        return bool(difference["p_holm"] < SIGNIFICANCE_LEVEL)
    low, high = difference["ci95"] or (0, 0)
    return bool(low > 0 or high < 0)


def _find_significantly_lower(method: str, report: ReportPart) -> list[tuple[str, float]]:
    """Return the methods with a significantly lower rate, and the sizes of the differences."""
    found = []
    for pair in filter(is_significant, report["differences"]):
        if pair["a"] == method and pair["difference"] > 0:
            found.append((pair["b"], pair["difference"]))
        if pair["b"] == method and pair["difference"] < 0:
            found.append((pair["a"], -pair["difference"]))
    return found


def _compare_with_chance(rate: ReportPart) -> list[str]:
    """Compare a rate with 50%; empty for single images, which have no such rate."""
    p = rate["vs_chance"]["p_holm"]
    if p is None:
        return []
    if p >= SIGNIFICANCE_LEVEL:
        return ["not significantly different from the 50% of a perfect fake"]
    return [f"{'below' if rate['rate'] < 0.5 else 'above'} the 50% of a perfect fake"]


def _format_sensitivity(rate: ReportPart) -> str:
    if rate["d_prime"] is None:
        return ""
    sharp = rate["d_prime_ci95"]
    bounds = (
        f" (95% CI {format_number(sharp[0], 2)} to {format_number(sharp[1], 2)})" if sharp else ""
    )
    return (
        f"; d′ = {format_number(rate['d_prime'], 2)}{bounds}, where 0 means participants could "
        "not tell them apart"
    )


def _format_equivalence(test: ReportPart, margin_source: str) -> str:
    if test["p"] is None:
        return "This does not show that they are equal."
    within = (
        f"{format_number(100 * test['margin'], 1)} points, {MARGIN_TEXTS[margin_source]} "
        f"({format_p_equation(test['p'])})"
    )
    if test["p"] < SIGNIFICANCE_LEVEL:
        return f"They are equivalent within {within}."
    return f"Nor was equivalence shown within {within}."


def _format_model_disagreement(difference: ReportPart) -> str:
    """State that the mixed model decides otherwise; both p values are without Holm's correction."""
    mixed, p = difference["mixed"], difference["p"]
    if mixed is None or mixed["p"] is None or p is None:
        return ""
    if (mixed["p"] < SIGNIFICANCE_LEVEL) == (p < SIGNIFICANCE_LEVEL):
        return ""
    return (
        f" The mixed model disagrees: without correction for multiple comparisons, its test gives "
        f"{format_p_equation(mixed['p'])}, and the test reported here {format_p_equation(p)}."
    )


def _format_reliabilities(shares: Mapping[str, float]) -> list[str]:
    if not shares:
        return []
    listed = join_words(
        [f"{_format_reliability(share)} for {method_label(one)}" for one, share in shares.items()]
    )
    noisy = [method_label(one) for one, share in shares.items() if share < MIN_RELIABILITY]
    low = f"Below {MIN_RELIABILITY}, a ranking is mostly noise, so the fakes of"
    return [
        f"The reliability of a single fake’s rate, from 0 to 1, is {listed}.",
        *([f"{low} {join_words(noisy)} are not ranked."] if noisy else []),
    ]


def _format_reliability(share: float) -> str:
    """Format a reliability, which is never 0 or 1, nor on the other side of its bound."""
    digits = next(n for n in range(2, 9) if round(share, n) not in (0, MIN_RELIABILITY, 1) or n > 7)
    return format_number(share, digits)


def _format_unranked(rankings: Mapping[str, ReportPart]) -> list[str]:
    """Yield a reason for each method whose fakes have no reliability."""
    return [
        f"The fakes of {method_label(method)} cannot be ranked: {UNRANKED_TEXTS[flag]}."
        for method, ranking in rankings.items()
        if ranking["reliability"] is None
        for flag in ranking["flags"][:1]
    ]


def _format_points(difference: float) -> str:
    return f"{format_share(difference)} points"


def _digits(rate: ReportPart) -> int:
    """Return how many digits to print: none, unless that would hide the interval."""
    bounds = rate["ci95"]
    return 1 if bounds and bounds[1] - bounds[0] < 0.02 else 0


def _scope(entry: ReportPart) -> str:
    if "one_participant" in entry["flags"]:
        return ", for this participant only"
    return ", for this photograph only" if "one_image" in entry["flags"] else ""
