"""Tables of response behavior and of answers to questions."""

from analysis.formatting import (
    EN_DASH,
    NARROW_SPACE,
    ReportPart,
    format_interval,
    format_number,
    format_p,
    format_percent,
    method_label,
)
from analysis.report_output.tables import (
    CI95_HEADING,
    EMPTY_TABLE,
    ReportTable,
)


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
