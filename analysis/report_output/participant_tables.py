"""Tables of response behavior and of the participant flow."""

from analysis.formatting import (
    EN_DASH,
    NARROW_SPACE,
    ReportPart,
    capitalize,
    format_interval,
    format_number,
    format_p,
    format_percent,
    method_label,
)
from analysis.inference.intervals import Interval
from analysis.report_output.glossary import REASON_TEXTS, RULE_TEXTS
from analysis.report_output.tables import (
    CI95_HEADING,
    EMPTY_TABLE,
    ReportTable,
    format_pair,
    has_exclusions,
)

MAX_METHODS_WITH_INTERVALS = 3  # with more methods, intervals do not fit on the page


def tabulate_side_bias(report: ReportPart) -> ReportTable:
    """Tabulate the share of left choices, and of left correct answers."""
    sides = report["side_bias"]
    if not sides:
        return EMPTY_TABLE
    chose, correct = sides["chose_left"], sides["correct_left"]
    return ReportTable(
        "Side bias: percent of trials on which the left side was chosen or correct",
        ("", "Left", "Left / trials", CI95_HEADING, "p vs 50%"),
        [
            (
                "Chosen", format_percent(chose["rate"]),
                f"{format_number(chose['left'])} / {format_number(chose['trials'])}",
                format_interval(chose["ci95"]), format_p(chose["p"]),
            ),
            (
                "Correct answer", format_percent(correct["rate"]),
                f"{format_number(correct['left'])} / {format_number(correct['trials'])}", EN_DASH,
                format_p(correct["p"]),
            ),
        ],
    )  # fmt: skip


def tabulate_consistency(report: ReportPart) -> ReportTable:
    """Tabulate the agreement between repeated trials."""
    consistency = report["consistency"]
    if not consistency or consistency["rate"] is None:
        return EMPTY_TABLE
    row = (
        "Repeats", format_percent(consistency["rate"]), format_interval(consistency["ci95"]),
        f"{format_number(consistency['agreements'])} / {format_number(consistency['repeats'])}",
        format_percent(consistency["expected_agreement"]),
        format_percent(consistency["first_rate"]), format_percent(consistency["again_rate"]),
    )  # fmt: skip
    wrong = "Wrong" if report["input"]["single"] else "Fooled"
    return ReportTable(
        "Consistency: percent of repeated trials answered the same way",
        ("", "Same answer", CI95_HEADING, "Same / repeats", "Expected", f"{wrong} first time",
         f"{wrong} on repeat"),
        [row],
        note="Expected: agreement if the two answers were unrelated but correct equally often. "
        "Repeats are not included in any rate.",
    )  # fmt: skip


def tabulate_order_effect(report: ReportPart) -> ReportTable:
    """Tabulate the change from the first to the second half of the trials."""
    order = report["order"]
    change = order["difference"]
    if not change:
        return EMPTY_TABLE
    row = (
        "All methods", format_percent(order["first"]["rate"]),
        format_percent(order["second"]["rate"]),
        format_percent(change["difference"]), format_interval(change["ci95"]),
        format_p(change["p"]),
    )  # fmt: skip
    outcome_word = "wrong" if report["input"]["single"] else "fooled"
    return ReportTable(
        f"Learning or fatigue: percent {outcome_word} in the first and second half of each "
        "participant’s trials",
        ("", "First half", "Second half", "Second − first", CI95_HEADING, "p"),
        [row],
    )


def tabulate_response_times(report: ReportPart) -> ReportTable:
    """Tabulate quantiles of the response times."""
    rows = [
        (
            method_label(row["method"]), "fooled" if row["fooled"] else "not fooled",
            format_number(row["trials"]),
            *(
                format_number(row[key])
                for key in ("q05_ms", "q25_ms", "median_ms", "q75_ms", "q95_ms")
            ),
        )
        for row in report["rt"]
        if row["trials"]
    ]  # fmt: skip
    quantiles = (f"{share}%" for share in (5, 25, 50, 75, 95))
    return ReportTable(
        "Quantiles of response times in milliseconds",
        ("Method", "Answer", "Trials", *quantiles),
        rows,
        text_columns=(1,),
    )


def tabulate_attention_checks(report: ReportPart) -> ReportTable:
    """Tabulate the attention checks."""
    attention_checks = report["attention_checks"]
    if attention_checks["rate"] is None:
        return EMPTY_TABLE
    row = (
        "Attention checks", format_percent(attention_checks["rate"]),
        format_interval(attention_checks["ci95"]),
        f"{format_number(attention_checks['correct'])}"
        f" / {format_number(attention_checks['answers'])}",
        format_number(attention_checks["saw_all"]),
        format_number(attention_checks["failed"]),
    )  # fmt: skip
    chance = attention_checks["pass_probability"]
    return ReportTable(
        "Attention checks: % correct",
        ("", "% correct", CI95_HEADING, "Correct / trials", "Saw all checks", "Of these, failed"),
        [row],
        note=(
            f"{chance['needed']} of {chance['planned']} must be correct. Probability of passing: "
            f"{format_number(chance['coin_flipper'], 2)} when guessing, "
            f"{format_number(chance['lapse_10'], 2)} with one wrong answer in ten, "
            f"{format_number(chance['lapse_02'], 3)} with one in fifty."
            if chance
            else ""
        ),
    )


def _format_requested(exposure_ms: float | None) -> str:
    return "All" if exposure_ms is None else f"{format_number(exposure_ms)}{NARROW_SPACE}ms"


def tabulate_choices(report: ReportPart) -> ReportTable:
    """Tabulate how many included participants chose each option of the study's questions."""
    rows = []
    for question in report["questionnaire"]:
        others = (("Prefer not to say", "declined"), ("No answer", "blank"))
        for option in question["options"] or ():
            share = option["participants"] / question["answered"] if question["answered"] else None
            count = format_number(option["participants"])
            rows.append((question["name"], option["option"], count, format_percent(share)))
        if question["type"] == "choice":
            rows += [
                (question["name"], label, format_number(question[key]), EN_DASH)
                for label, key in others
                if question[key]
            ]
    return ReportTable(
        "Choices of the included participants, in percent of those who chose an option",
        ("Question", "Answer", "Participants", "Percent"),
        rows,
        text_columns=(1,),
    )


def tabulate_numbers(report: ReportPart) -> ReportTable:
    """Tabulate the range of the numbers that included participants gave."""
    rows = [
        (
            question["name"], format_number(question["answered"]),
            format_number(question["declined"]), format_number(question["blank"]),
            *(_format_answer(question[key]) for key in ("minimum", "median", "maximum")),
        )
        for question in report["questionnaire"]
        if question["type"] == "number"
    ]  # fmt: skip
    return ReportTable(
        "Numbers that the included participants gave",
        ("Question", "Answered", "Prefer not to say", "No answer", "Minimum", "Median", "Maximum"),
        rows,
    )


def _format_answer(value: float | None) -> str:
    """Format a number with decimals only if it has any."""
    return format_number(value, 0 if value is None or value.is_integer() else 2)


def tabulate_exposures(report: ReportPart) -> ReportTable:
    """Tabulate the exposure errors."""
    rows = [
        (
            _format_requested(shown["requested_ms"]),
            format_number(shown["images"]),
            format_number(shown["median_error_ms"], 1), format_number(shown["p05_error_ms"], 1),
            format_number(shown["p95_error_ms"], 1), format_percent(shown["shorter_share"]),
            format_percent(shown["longer_share"]),
        )
        for shown in report["timing"]["exposures"]
    ]  # fmt: skip
    flags = report["timing"]["flags"].items()
    flag_counts = [
        f"{flag.replace('_', ' ')} {format_number(count['trials'])}"
        for flag, count in flags
        if count["trials"]
    ]
    return ReportTable(
        "Exposure errors (achieved − requested) in milliseconds, and percent off by more than one"
        " 60 Hz frame",
        (
            "Requested",
            "Images",
            "Median",
            "5%",
            "95%",
            "Shorter",
            "Longer",
        ),
        rows,
        note=f"Flagged trials: {', '.join(flag_counts)}." if flag_counts else "",
    )


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
