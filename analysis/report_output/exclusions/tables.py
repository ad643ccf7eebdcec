"""Tables of the exclusions, of the participant flow and of deviations from the design."""

from analysis.formatting import (
    EN_DASH,
    ReportPart,
    capitalize,
    format_interval,
    format_number,
    format_percent,
    method_label,
)
from analysis.inference.intervals import Interval
from analysis.report_output.glossary import REASON_TEXTS, RULE_TEXTS
from analysis.report_output.tables import (
    EMPTY_TABLE,
    ReportTable,
    format_pair,
    has_exclusions,
)

MAX_METHODS_WITH_INTERVALS = 3  # with more methods, intervals do not fit on the page


def tabulate_flow(report: ReportPart) -> ReportTable:
    """Tabulate the participants and trials after each step."""
    rows = [
        (
            capitalize(step["step"]),
            format_number(step["participants"]),
            format_number(step["trials"]),
        )
        for step in report["exclusions"]["flow"]
    ]
    return ReportTable(
        "Participants and trials remaining after each step",
        ("Step", "Participants", "Trials"),
        rows,
    )


def tabulate_reasons(report: ReportPart) -> ReportTable:
    """Tabulate the excluded participants by reason."""
    exclusions = report["exclusions"]
    rows = [
        (
            capitalize(REASON_TEXTS[rule]),
            format_number(count),
            format_number(exclusions["only_reason"][rule]),
        )
        for rule, count in exclusions["by_reason"].items()
    ]
    return ReportTable(
        "Excluded participants by reason", ("Reason", "Participants", "For this reason only"), rows
    )


def tabulate_co_occurrence(report: ReportPart) -> ReportTable:
    """Tabulate the participants excluded for two reasons."""
    pairs = report["exclusions"]["co_occurrence"]
    if len(pairs) < 2:
        return EMPTY_TABLE
    rows = [
        (capitalize(REASON_TEXTS[rule]), *(format_number(count) for count in others.values()))
        for rule, others in pairs.items()
    ]
    return ReportTable(
        "Participants to whom both reasons apply (diagonal: all with that reason)",
        ("", *(capitalize(REASON_TEXTS[rule]) for rule in pairs)),
        rows,
    )


def tabulate_rates_under_other_rules(report: ReportPart) -> ReportTable:
    """Tabulate the rates without each exclusion rule, and without any."""
    methods = report["methods"]
    if not has_exclusions(report):
        return EMPTY_TABLE

    def row(title: str, rates: ReportPart) -> tuple[str, ...]:
        with_interval = len(methods) <= MAX_METHODS_WITH_INTERVALS
        return (
            title,
            *(_format_estimate(one["rate"], one["ci95"], with_interval) for one in rates.values()),
        )

    unfiltered_rates = {
        method: {"rate": rate["rate_without_exclusions"], "ci95": rate["ci95_without_exclusions"]}
        for method, rate in methods.items()
    }
    without = report["exclusions"]["leave_one_rule_out"].items()
    rows = [row("All rules", methods)]
    rows += [row(f"Without “{RULE_TEXTS[rule]}”", rates) for rule, rates in without]
    rows += [row("No exclusions", unfiltered_rates)]
    return ReportTable(
        "Rates in percent under other exclusion rules",
        ("Rules", *map(method_label, methods)),
        rows,
    )


def tabulate_differences_under_other_rules(report: ReportPart) -> ReportTable:
    """Tabulate each difference without the one exclusion rule that changes it most."""
    if not has_exclusions(report):
        return EMPTY_TABLE
    rows = []
    for pair in report["differences"]:
        alternatives = [(key, other) for key, other in pair["without_a_rule"].items() if other]
        rule, farthest = max(
            alternatives, key=lambda way: _distance(pair, way[1]), default=("", pair)
        )
        rule_label = capitalize(RULE_TEXTS[rule]) if _distance(pair, farthest) else EN_DASH
        without_exclusions = pair["without_exclusions"]
        rows.append(
            (
                format_pair(pair), format_percent(pair["difference"]),
                _format_estimate(farthest["difference"], farthest["ci95"]), rule_label,
                format_percent(without_exclusions and without_exclusions["difference"]),
            )
        )  # fmt: skip
    return ReportTable(
        "Differences in percentage points under other exclusion rules",
        ("Methods", "All rules", "Largest change", "Without", "No exclusions"),
        rows,
        text_columns=(3,),
        note=(
            "Largest change: without the one rule that changes the difference most. report.json has"
            " the differences without each rule."
        ),
    )


def _distance(pair: ReportPart, other: ReportPart) -> float:
    return float(abs(other["difference"] - pair["difference"]))


def _format_estimate(
    value: float | None, bounds: Interval | None, with_interval: bool = True
) -> str:
    return (
        f"{format_percent(value)} ({format_interval(bounds)})"
        if with_interval
        else format_percent(value)
    )


def tabulate_not_applicable(report: ReportPart) -> ReportTable:
    """Tabulate the rules that do not apply."""
    rows = [
        (capitalize(RULE_TEXTS[rule["rule"]]), capitalize(rule["reason"]))
        for rule in report["exclusions"]["not_applicable"]
    ]
    return ReportTable(
        "Rules that do not apply to this study", ("Rule", "Reason"), rows, text_columns=(1,)
    )


def tabulate_deviations(report: ReportPart) -> ReportTable:
    """Tabulate the deviations from the frozen design."""
    rows = [
        (capitalize(one["aspect"].replace("_", " ")), one["planned"], one["done"])
        for one in report["design"]["deviations"]
    ]
    return ReportTable(
        "Deviations from the frozen design", ("Aspect", "Planned", "Actual"), rows, (1, 2)
    )
