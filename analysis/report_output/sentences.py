"""The findings in sentences, made from the same numbers as the tables."""

from collections.abc import Iterable

from analysis.formatting import (
    ReportPart,
    format_count,
    format_interval,
    format_number,
    format_p_equation,
    format_percent,
    join_words,
    method_label,
    order_difference,
)
from analysis.inference.image_ranking import MIN_RELIABILITY
from analysis.report_output.glossary import REASON_TEXTS, RULE_TEXTS

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
    share = f"{format_percent(rate['rate'], digits)}%"
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
    differences = [
        f"{method_label(pair.lower)} (by {format_percent(pair.difference, digits)} points)"
        for pair in map(order_difference, filter(_is_significant, report["differences"]))
        if pair.higher == method
    ]
    compared = [
        *_compare_with_chance(rate),
        *([f"significantly more often than {join_words(differences)}"] if differences else []),
    ]
    return f"{': '.join(filter(None, (start, '; '.join(compared))))}."


def format_error_sentence(method: str, report: ReportPart) -> str:
    """Describe the errors on single images, fakes and photographs together."""
    rate = report["methods"][method]
    error, sharp = rate["error"], rate["d_prime_ci95"]
    if error["rate"] is None:
        return ""
    interval_text = f" (95% CI {format_interval(error['ci95'], 0)})" if error["ci95"] else ""
    share = f"{format_percent(error['rate'], 0)}%{interval_text}"
    sentence = (
        f"Across {method_label(method)}’s fakes and the photographs, {share} of answers were wrong"
    )
    if rate["d_prime"] is None:
        return f"{sentence}."
    bounds = (
        f" (95% CI {format_number(sharp[0], 2)} to {format_number(sharp[1], 2)})" if sharp else ""
    )
    return (
        f"{sentence}; d′ = {format_number(rate['d_prime'], 2)}{bounds}, where 0 means participants "
        "could not tell them apart."
    )


def format_sample_sentence(report: ReportPart) -> str:
    """Describe how much data was analyzed, and who was excluded."""
    exclusions = report["exclusions"]
    last_step = exclusions["flow"][-1]
    simulated = "simulated " * (report["input"]["mode"] == "simulated")
    participants = format_count(
        last_step["participants"], f"{simulated}participant", f"{simulated}participants"
    )
    if report["input"]["single"]:
        sentence = (
            f"{participants} classified {format_count(last_step['trials'], 'image', 'images')}, "
            "one at a time"
        )
    else:
        trials = format_count(last_step["trials"], "test trial", "test trials")
        sentence = f"{participants} answered {trials}, each with a photograph and a fake"
    if not last_step["trials"]:
        sentence = "No included participant answered a test trial"
    excluded_count = sum(person["excluded"] for person in exclusions["participants"])
    if not excluded_count:
        return f"{sentence}; no participant was excluded."
    broken = exclusions["by_reason"].items()
    reasons = join_words(
        [f"{format_number(count)} {REASON_TEXTS[reason]}" for reason, count in broken]
    )
    several = (
        "; some for more than one reason"
        if sum(count for _, count in broken) > excluded_count
        else ""
    )
    others = format_count(excluded_count, "more participant was", "more participants were")
    return f"{sentence}. {others} excluded: {reasons}{several}."


def format_robustness_sentence(report: ReportPart) -> str:
    """Describe how much the rates depend on the exclusion rules."""
    moves = [
        abs(other["rate"] - rate["rate"])
        for rate, other in _iterate_rule_variants(report)
        if None not in (other["rate"], rate["rate"])
    ]
    unfiltered_rates = [
        f"{method_label(method)} {format_percent(rate['rate_without_exclusions'])}%"
        for method, rate in report["methods"].items()
        if rate["rate_without_exclusions"] is not None
    ]
    if not moves or not report["exclusions"]["by_reason"]:
        return ""
    farthest = f"changes no rate by more than {format_percent(max(moves))} points"
    return (
        f"Without any exclusions, the rates would be {join_words(unfiltered_rates)}. Dropping any "
        f"single exclusion rule {farthest if max(moves) else 'changes no rate'}."
        f"{_format_reversals(report)}"
    )


def format_design_sentence(report: ReportPart) -> str:
    """Compare the study with its frozen design."""
    design = report["design"]
    if design["verdict"] == "unknown":
        hash_text = (
            f" (the responses refer to design {design['sha256'][:12]})" if design["sha256"] else ""
        )
        return f"No frozen design was given, so deviations from it were not checked{hash_text}."
    if design["verdict"] == "match":
        return (
            f"The study matches its frozen design ({design['sha256'][:12]}) as far as the"
            " responses can show."
        )
    many = format_count(len(design["deviations"]), "deviation", "deviations")
    return (
        f"The study deviates from its frozen design ({design['sha256'][:12]}): {many}, listed"
        " below."
    )


def format_ranking_sentence(report: ReportPart) -> str:
    """Describe the reliability of the ranking of the fakes."""
    shares = {method: rate["ranking"]["reliability"] for method, rate in report["methods"].items()}
    trusted = {method: share for method, share in shares.items() if share is not None}
    unranked = join_words([method_label(method) for method in shares if method not in trusted])
    reliabilities = join_words(
        [
            f"{format_number(share, 2)} for {method_label(method)}"
            for method, share in trusted.items()
        ]
    )
    sentences = (
        [f"The reliability of a single fake’s rate, from 0 to 1, is {reliabilities}."]
        if trusted
        else []
    )
    if trusted and min(trusted.values()) < MIN_RELIABILITY:
        sentences.append("Below 0.5, a ranking of fakes is mostly noise.")
    if unranked:
        sentences.append(
            f"The fakes of {unranked} cannot be ranked: there are too few trials, or the fakes do"
            " not differ."
        )
    return " ".join(sentences)


def format_difference_sentence(difference: ReportPart) -> str:
    """Describe the difference between two methods, and whether it is significant."""
    pair = order_difference(difference)
    more, less, points = (
        method_label(pair.higher),
        method_label(pair.lower),
        f"{format_percent(pair.difference)} points",
    )
    if pair.ci95 is None:
        return f"{more} and {less} differ by {points}; there are too few data to test this."
    interval_text = f"95% CI {format_interval(pair.ci95)}{_scope(difference)}"
    if not _is_significant(difference):
        a, b = method_label(difference["a"]), method_label(difference["b"])
        return (
            f"The difference {a} − {b} is not significant: "
            f"{format_percent(difference['difference'])} points (95% CI "
            f"{format_interval(difference['ci95'])}{_scope(difference)}). "
            f"{_format_equivalence(difference['equivalence'])}"
        )
    p = difference["p_holm"]
    tested = "no test was possible; based on the interval" if p is None else format_p_equation(p)
    return (
        f"The fooling rate of {more} is {points} higher than that of {less} "
        f"({interval_text}; {tested})."
    )


def _format_reversals(report: ReportPart) -> str:
    """List the differences whose significance depends on the exclusion rules."""
    reversals = []
    for pair in report["differences"]:
        alternatives = {"without any exclusions": pair["without_exclusions"]}
        for rule, other in pair["without_a_rule"].items():
            alternatives[f"without the rule “{RULE_TEXTS[rule]}”"] = other
        for way, other in alternatives.items():
            if other and _is_significant(other) != _is_significant(pair):
                verb = "is not" if _is_significant(pair) else "is"
                reversals.append(
                    f"{way}, the difference between {method_label(pair['a'])} and "
                    f"{method_label(pair['b'])} {verb} significant"
                )
    if reversals:
        return f" However, {'; '.join(reversals)}."
    return (
        " None of these choices changes which differences are significant."
        if report["differences"]
        else ""
    )


def _format_equivalence(test: ReportPart) -> str:
    if test["p"] is None:
        return "This does not show that they are equal."
    within = f"{format_number(100 * test['margin'], 1)} points ({format_p_equation(test['p'])})"
    if test["p"] < SIGNIFICANCE_LEVEL:
        return f"They are equivalent within {within}."
    return f"Equivalence within {within} was not shown either."


def _compare_with_chance(rate: ReportPart) -> list[str]:
    """Compare a rate with 50%; empty for single images, which have no such rate."""
    p = rate["vs_chance"]["p_holm"]
    if p is None:
        return []
    if p >= SIGNIFICANCE_LEVEL:
        return ["not significantly different from the 50% of a perfect fake"]
    return [
        (
            "below the 50% of a perfect fake"
            if rate["rate"] < 0.5
            else "above the 50% of a perfect fake"
        )
    ]


def _iterate_rule_variants(report: ReportPart) -> Iterable[tuple[ReportPart, ReportPart]]:
    """Yield each method's rate with its rate when one rule is dropped, for every rule."""
    for others in report["exclusions"]["leave_one_rule_out"].values():
        for method, other in others.items():
            yield report["methods"][method], other


def _is_significant(difference: ReportPart) -> bool:
    """Decide by the test, or by the interval if no test was possible."""
    if difference["p_holm"] is not None:
        return bool(difference["p_holm"] < SIGNIFICANCE_LEVEL)
    low, high = difference["ci95"] or (0, 0)
    return bool(low > 0 or high < 0)


def _digits(rate: ReportPart) -> int:
    """Return how many digits to print: none, unless that would hide the interval."""
    bounds = rate["ci95"]
    return 1 if bounds and bounds[1] - bounds[0] < 0.02 else 0


def _scope(entry: ReportPart) -> str:
    if "one_participant" in entry["flags"]:
        return ", for this participant only"
    return ", for this photograph only" if "one_image" in entry["flags"] else ""
