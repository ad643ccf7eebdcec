"""The study in sentences: its sample, its exclusions, its design. Each states its numbers."""

from collections.abc import Iterator

from analysis.formatting import (
    ReportPart,
    format_count,
    format_number,
    format_share,
    join_words,
    method_label,
)
from analysis.report_output.glossary import REASON_TEXTS, RULE_TEXTS, UNCHECKED_TEXTS
from analysis.report_output.sentences import is_significant
from analysis.report_output.tables import has_exclusions


def format_sample_sentence(report: ReportPart) -> str:
    """Describe how much data was analyzed, and who was excluded."""
    exclusions = report["exclusions"]
    excluded = sum(person["excluded"] for person in exclusions["participants"])
    analyzed = exclusions["flow"][-1]["participants"]
    without_trials = len(exclusions["participants"]) - excluded - analyzed
    sentences = [
        f"{_format_sample(report)}{'; no participant was excluded' if not excluded else ''}."
    ]
    if excluded:
        sentences.append(_format_reasons(exclusions, excluded, others=analyzed > 0))
    if without_trials:
        count = format_count(without_trials, "participant was", "participants were")
        sentences.append(f"{count} not excluded but had no usable test trial.")
    return " ".join(sentences)


def format_robustness_sentence(report: ReportPart) -> str:
    """Describe how much the rates depend on the exclusion rules; empty if nothing is excluded."""
    moves = [
        abs(other["rate"] - rate["rate"])
        for rate, other in _iterate_rule_variants(report)
        if None not in (other["rate"], rate["rate"])
    ]
    if not moves or not has_exclusions(report):
        return ""
    unfiltered_rates = [
        f"{method_label(method)} {format_share(rate['rate_without_exclusions'])}%"
        for method, rate in report["methods"].items()
        if rate["rate_without_exclusions"] is not None
    ]
    limit = f" by more than {format_share(max(moves))} points" if max(moves) else ""
    return (
        f"Without any exclusions, the rates would be {join_words(unfiltered_rates)}. Dropping any "
        f"single exclusion rule changes no rate{limit}."
        f"{_format_reversals(report)}"
    )


def format_design_sentence(report: ReportPart) -> str:
    """Compare the study with its frozen design, and name what the responses cannot show."""
    design = report["design"]
    if design["verdict"] == "unknown":
        hash_text = (
            f" (the responses refer to design {design['sha256'][:12]})" if design["sha256"] else ""
        )
        return f"No frozen design was given, so deviations from it were not checked{hash_text}."
    name = f"its frozen design ({design['sha256'][:12]})"
    unseen = join_words([UNCHECKED_TEXTS[one] for one in design["unchecked"]])
    unchecked = f"The responses cannot show its {unseen}."
    if design["verdict"] == "match":
        return f"The study matches {name} as far as the responses can show. {unchecked}"
    many = format_count(len(design["deviations"]), "deviation", "deviations")
    return f"The study deviates from {name}: the responses show {many}, listed below. {unchecked}"


def _format_sample(report: ReportPart) -> str:
    last_step = report["exclusions"]["flow"][-1]
    if not last_step["trials"]:
        return "No included participant answered a test trial"
    simulated = "simulated " * (report["input"]["mode"] == "simulated")
    participants = format_count(
        last_step["participants"], f"{simulated}participant", f"{simulated}participants"
    )
    if "single" not in report["input"]:  # judged candidates
        trials = format_count(last_step["trials"], "test trial", "test trials")
        return f"{participants} answered {trials}"
    if report["input"]["single"]:
        images = format_count(last_step["trials"], "image", "images")
        return f"{participants} classified {images}, one at a time"
    trials = format_count(last_step["trials"], "test trial", "test trials")
    return f"{participants} answered {trials}, each with a photograph and a fake"


def _format_reasons(exclusions: ReportPart, excluded: int, others: bool) -> str:
    """List the reasons. others: whether there are participants who were not excluded."""
    broken = exclusions["by_reason"].items()
    reasons = join_words(
        [f"{format_number(count)} {REASON_TEXTS[reason]}" for reason, count in broken]
    )
    several = sum(count for _, count in broken) > excluded
    more = "more " * others
    count = format_count(excluded, f"{more}participant was", f"{more}participants were")
    return f"{count} excluded: {reasons}{'; some for more than one reason' if several else ''}."


def _iterate_rule_variants(report: ReportPart) -> Iterator[tuple[ReportPart, ReportPart]]:
    """Yield each method's rate with its rate when one rule is dropped, for every rule."""
    for others in report["exclusions"]["leave_one_rule_out"].values():
        for method, other in others.items():
            yield report["methods"][method], other


def _format_reversals(report: ReportPart) -> str:
    """List the differences whose significance depends on the exclusion rules."""
    reversals = []
    for pair in report["differences"]:
        alternatives = {"without any exclusions": pair["without_exclusions"]}
        for rule, other in pair["without_a_rule"].items():
            alternatives[f"without the rule “{RULE_TEXTS[rule]}”"] = other
        for way, other in alternatives.items():
            if other and is_significant(other) != is_significant(pair):
                verb = "is not" if is_significant(pair) else "is"
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
