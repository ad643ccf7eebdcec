"""The findings in plain sentences, made from the very numbers that the tables print."""

from collections.abc import Iterable

from analysis.formatting import (
    NARROW_SPACE,
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

SIGNIFICANCE_LEVEL = 0.05  # of a test, for what the sentences call a difference
PARTICIPANT_WORDS = {
    "live": "people",
    "preview": "people at a preview",
    "simulated": "simulated people",
}


def format_rate_sentence(method: str, report: ReportPart) -> str:
    """How often a method fooled people, and what that is more and less than."""
    rate = report["methods"][method]
    if rate["rate"] is None:
        return f"No trial that counts showed {method_label(method)}."
    digits = _digits(rate)
    share = f"{format_percent(rate['rate'], digits)}{NARROW_SPACE}%"
    fooled = (
        f"{method_label(method)} fooled {PARTICIPANT_WORDS[report['input']['mode']]} on {share} of "
        f"trials"
    )
    if rate["ci95"] is None:
        return f"{fooled}; one person and one photograph allow no interval."
    start = (
        f"{fooled} (95{NARROW_SPACE}% interval "
        f"{format_interval(rate['ci95'], digits)}{_scope(rate)})"
    )
    differences = [
        f"{method_label(pair.lower)} by {format_percent(pair.difference, digits)} points"
        for pair in map(order_difference, filter(_is_significant, report["differences"]))
        if pair.higher == method
    ]
    compared = [
        *_compare_with_chance(rate),
        *([f"more than {join_words(differences)}"] if differences else []),
    ]
    return f"{': '.join(filter(None, (start, '; '.join(compared))))}."


def format_error_sentence(method: str, report: ReportPart) -> str:
    """Of single images: how many were judged wrongly, fakes and photographs together."""
    rate = report["methods"][method]
    error, sharp = rate["error"], rate["d_prime_ci95"]
    if error["rate"] is None:
        return ""
    interval_text = (
        f" (95{NARROW_SPACE}% interval {format_interval(error['ci95'], 0)})"
        if error["ci95"]
        else ""
    )
    share = f"{format_percent(error['rate'], 0)}{NARROW_SPACE}%{interval_text}"
    sentence = f"Of {method_label(method)}’s fakes and the photographs {share} were judged wrongly"
    if rate["d_prime"] is None:
        return f"{sentence}."
    bounds = f" ({format_number(sharp[0], 2)} to {format_number(sharp[1], 2)})" if sharp else ""
    return (
        f"{sentence}; d′ is {format_number(rate['d_prime'], 2)}{bounds}, 0 where nobody can tell."
    )


def format_sample_sentence(report: ReportPart) -> str:
    """How many people judged how much, and who was left out."""
    exclusions = report["exclusions"]
    last_step = exclusions["flow"][-1]
    simulated = "simulated " * (report["input"]["mode"] == "simulated")
    participants = format_count(
        last_step["participants"], f"{simulated}person", f"{simulated}people"
    )
    if report["input"]["single"]:
        sentence = (
            f"{participants} judged {format_count(last_step['trials'], 'image', 'images')} one by "
            f"one"
        )
    else:
        pairs = format_count(last_step["trials"], "pair", "pairs")
        sentence = f"{participants} judged {pairs} of a photograph and a fake"
    if not last_step["trials"]:
        sentence = "Nobody who counts has answered a test trial"
    left_out = sum(person["excluded"] for person in exclusions["participants"])
    if not left_out:
        return f"{sentence}; nobody was left out."
    broken = exclusions["by_reason"].items()
    reasons = join_words(
        [f"{format_number(count)} {REASON_TEXTS[reason]}" for reason, count in broken]
    )
    several = "; some for several reasons" if sum(count for _, count in broken) > left_out else ""
    others = format_count(left_out, "other is", "others are")
    return f"{sentence}. {others} not counted: {reasons}{several}."


def format_robustness_sentence(report: ReportPart) -> str:
    """How far the rates would move if people were left out by other rules."""
    moves = [
        abs(other["rate"] - rate["rate"])
        for rate, other in _iterate_rule_variants(report)
        if None not in (other["rate"], rate["rate"])
    ]
    unfiltered_rates = [
        f"{method_label(method)} {format_percent(rate['rate_without_exclusions'])}{NARROW_SPACE}%"
        for method, rate in report["methods"].items()
        if rate["rate_without_exclusions"] is not None
    ]
    if not moves or not report["exclusions"]["by_reason"]:
        return ""
    farthest = f"moves no rate by more than {format_percent(max(moves))} points"
    return (
        f"With everybody counted the rates are {join_words(unfiltered_rates)}. Leaving out any one "
        f"rule"
        f" {farthest if max(moves) else 'changes no rate'}.{_format_reversals(report)}"
    )


def format_design_sentence(report: ReportPart) -> str:
    """Whether the study is what was registered."""
    design = report["design"]
    if design["verdict"] == "unknown":
        hash_text = f" (the answers carry {design['sha256'][:12]})" if design["sha256"] else ""
        return f"No frozen design was given to compare this study with{hash_text}."
    if design["verdict"] == "match":
        return f"The study matches its frozen design, {design['sha256'][:12]}."
    many = format_count(len(design["deviations"]), "deviation", "deviations")
    return (
        f"The study departs from its frozen design, {design['sha256'][:12]}: {many}, listed below."
    )


def format_ranking_sentence(report: ReportPart) -> str:
    """How far the order of the fakes can be trusted."""
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
        [f"On a scale from 0 to 1 the reliability of a fake’s rate is {reliabilities}."]
        if trusted
        else []
    )
    if trusted and min(trusted.values()) < MIN_RELIABILITY:
        sentences.append("Below 0.5 a ranking is mostly noise.")
    if unranked:
        sentences.append(f"The fakes of {unranked} cannot be ranked: too few trials, or all alike.")
    return " ".join(sentences)


def format_difference_sentence(difference: ReportPart) -> str:
    """Which of two methods fooled more often, and whether the study can tell."""
    pair = order_difference(difference)
    more, less, points = (
        method_label(pair.higher),
        method_label(pair.lower),
        f"{format_percent(pair.difference)} points",
    )
    if pair.ci95 is None:
        return f"{more} and {less} lie {points} apart; the data are too few to judge that."
    interval_text = f"95{NARROW_SPACE}% interval {format_interval(pair.ci95)}{_scope(difference)}"
    if not _is_significant(difference):
        return (
            f"{more} and {less} cannot be told apart: the difference is {points} ({interval_text})."
            f" {_format_equivalence(difference['equivalence'])}"
        )
    p = difference["p_holm"]
    tested = "no test was possible" if p is None else format_p_equation(p)
    return f"{more} fooled more often than {less}, by {points} ({interval_text}; {tested})."


def _format_reversals(report: ReportPart) -> str:
    """Which differences other rules would make appear or vanish."""
    turns = []
    for pair in report["differences"]:
        alternatives = {"with everybody counted": pair["without_exclusions"]}
        for rule, other in pair["without_a_rule"].items():
            alternatives[f"without the rule on {RULE_TEXTS[rule]}"] = other
        for way, other in alternatives.items():
            if other and _is_significant(other) != _is_significant(pair):
                can = "cannot" if _is_significant(pair) else "can"
                turns.append(
                    f"{way} {method_label(pair['a'])} and {method_label(pair['b'])}"
                    f" {can} be told apart"
                )
    if turns:
        return f" But {'; '.join(turns)}."
    return " By no such choice does a difference appear or vanish." if report["differences"] else ""


def _format_equivalence(test: ReportPart) -> str:
    if test["p"] is None:
        return "That does not make them equal."
    within = (
        f"{format_number(100 * test['margin'], 1)} points of each other "
        f"({format_p_equation(test['p'])})"
    )
    if test["p"] < SIGNIFICANCE_LEVEL:
        return f"They lie within {within}."
    return f"That does not make them equal: nothing shows that they lie within {within}."


def _compare_with_chance(rate: ReportPart) -> list[str]:
    """Only of pairs: single images have no chance rate."""
    p = rate["vs_chance"]["p_holm"]
    if p is None:
        return []
    if p >= SIGNIFICANCE_LEVEL:
        return ["not told from chance"]
    return ["below chance" if rate["rate"] < 0.5 else "above chance"]


def _iterate_rule_variants(report: ReportPart) -> Iterable[tuple[ReportPart, ReportPart]]:
    """(rate, rate without one of the rules) of every method and rule."""
    for others in report["exclusions"]["leave_one_rule_out"].values():
        for method, other in others.items():
            yield report["methods"][method], other


def _is_significant(difference: ReportPart) -> bool:
    """By its test; by its interval where there is none."""
    if difference["p_holm"] is not None:
        return bool(difference["p_holm"] < SIGNIFICANCE_LEVEL)
    low, high = difference["ci95"] or (0, 0)
    return bool(low > 0 or high < 0)


def _digits(rate: ReportPart) -> int:
    """Whole percents, unless that would hide the interval."""
    bounds = rate["ci95"]
    return 1 if bounds and bounds[1] - bounds[0] < 0.02 else 0


def _scope(entry: ReportPart) -> str:
    if "one_participant" in entry["flags"]:
        return ", for one person only"
    return ", for one photograph only" if "one_image" in entry["flags"] else ""
