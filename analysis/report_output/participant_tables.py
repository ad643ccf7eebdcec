"""Tables of how people answered, and of who and what was counted."""

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
from analysis.report_output.glossary import REASONS, RULES
from analysis.report_output.tables import EMPTY, KNOWN, Table, name_pair

ROOM = 3  # methods whose intervals a page is wide enough for


def tabulate_sides(report: ReportPart) -> Table:
    sides = report["side_bias"]
    if not sides:
        return EMPTY
    chose, correct = sides["chose_left"], sides["correct_left"]
    return Table(
        "The left side, percent of trials",
        ("", "Left", "Left / trials", KNOWN, f"p vs 50{NARROW_SPACE}%"),
        [
            (
                "Chosen", format_percent(chose["rate"]),
                f"{format_number(chose['left'])} / {format_number(chose['trials'])}",
                format_interval(chose["ci95"]), format_p(chose["p"]),
            ),
            (
                "Right answer", format_percent(correct["rate"]),
                f"{format_number(correct['left'])} / {format_number(correct['trials'])}", EN_DASH,
                format_p(correct["p"]),
            ),
        ],
    )  # fmt: skip


def tabulate_consistency(report: ReportPart) -> Table:
    seen = report["consistency"]
    if not seen or seen["rate"] is None:
        return EMPTY
    row = (
        "Repeats", format_percent(seen["rate"]), format_interval(seen["ci95"]),
        f"{format_number(seen['alike'])} / {format_number(seen['repeats'])}",
        format_percent(seen["chance"]),
        format_percent(seen["first_rate"]), format_percent(seen["again_rate"]),
    )  # fmt: skip
    wrong = "Wrong" if report["input"]["single"] else "Fooled"
    return Table(
        "Trials shown twice: percent answered as before",
        ("", "As before", KNOWN, "As before / repeats", "By chance", f"{wrong} at first",
         f"{wrong} again"),
        [row],
        note="By chance: what answers would share that have nothing to do with each other but are"
        " as often right. A repeat enters no rate.",
    )  # fmt: skip


def tabulate_order(report: ReportPart) -> Table:
    order = report["order"]
    change = order["difference"]
    if not change:
        return EMPTY
    row = (
        "All methods", format_percent(order["first"]["rate"]),
        format_percent(order["second"]["rate"]),
        format_percent(change["difference"]), format_interval(change["ci95"]),
        format_p(change["p"]),
    )  # fmt: skip
    what = "wrong" if report["input"]["single"] else "fooled"
    return Table(
        f"Learning or fatigue: percent {what} in each person’s first and second half",
        ("", "First half", "Second half", "Difference", KNOWN, "p"),
        [row],
    )


def tabulate_times(report: ReportPart) -> Table:
    rows = [
        (
            method_label(row["method"]), "fooled" if row["fooled"] else "not fooled",
            format_number(row["trials"]),
            *(format_number(row[key]) for key in ("q05_ms", "q25_ms", "median_ms", "q75_ms", "q95_ms")),
        )
        for row in report["rt"]
        if row["trials"]
    ]  # fmt: skip
    quantiles = (f"{share}{NARROW_SPACE}%" for share in (5, 25, 50, 75, 95))
    return Table(
        "Response times in milliseconds, quantiles",
        ("Method", "Answer", "Trials", *quantiles),
        rows,
        words=(1,),
    )


def tabulate_attention_checks(report: ReportPart) -> Table:
    seen = report["attention_checks"]
    if seen["rate"] is None:
        return EMPTY
    row = (
        "Attention checks", format_percent(seen["rate"]), format_interval(seen["ci95"]),
        f"{format_number(seen['correct'])} / {format_number(seen['answers'])}",
        format_number(seen["saw_all"]),
        format_number(seen["failed"]),
    )  # fmt: skip
    chance = seen["passing"]
    return Table(
        "Trials that whoever looks gets right, percent right",
        ("", "Right", KNOWN, "Right / trials", "Saw all", "Of these failed"),
        [row],
        note=f"With {chance['needed']} of {chance['planned']} to get right, a coin-flipper passes"
        f" with chance {format_number(chance['coin_flipper'], 2)}, somebody inattentive on one "
        f"trial in"
        f" ten with {format_number(chance['lapse_10'], 2)}, on one in fifty with"
        f" {format_number(chance['lapse_02'], 3)}."
        if chance
        else "",
    )


def tabulate_timing(report: ReportPart) -> Table:
    rows = [
        (
            f"{format_number(shown['asked_ms'])}{NARROW_SPACE}ms", format_number(shown["images"]),
            format_number(shown["median_off_ms"], 1), format_number(shown["p05_off_ms"], 1),
            format_number(shown["p95_off_ms"], 1), format_percent(shown["shorter"]),
            format_percent(shown["longer"]),
        )
        for shown in report["timing"]["exposures"]
    ]  # fmt: skip
    flags = report["timing"]["flags"].items()
    told = [
        f"{flag.replace('_', ' ')} {format_number(count['trials'])}"
        for flag, count in flags
        if count["trials"]
    ]
    return Table(
        "Exposures: achieved less asked, in milliseconds, and percent off by a 60 Hz frame or more",
        (
            "Asked",
            "Images",
            "Median",
            f"5{NARROW_SPACE}%",
            f"95{NARROW_SPACE}%",
            "Shorter",
            "Longer",
        ),
        rows,
        note=f"Trials with a flag: {', '.join(told)}." if told else "",
    )


def tabulate_flow(report: ReportPart) -> Table:
    rows = [
        (
            capitalize(step["step"]),
            format_number(step["participants"]),
            format_number(step["trials"]),
        )
        for step in report["exclusions"]["flow"]
    ]
    return Table("What is left after each step", ("Step", "People", "Trials"), rows)


def tabulate_reasons(report: ReportPart) -> Table:
    exclusions = report["exclusions"]
    rows = [
        (
            capitalize(REASONS[rule]),
            format_number(count),
            format_number(exclusions["only_reason"][rule]),
        )
        for rule, count in exclusions["by_reason"].items()
    ]
    return Table("People left out, by reason", ("Reason", "People", "For this reason alone"), rows)


def tabulate_co_occurrence(report: ReportPart) -> Table:
    pairs = report["exclusions"]["co_occurrence"]
    if len(pairs) < 2:
        return EMPTY
    rows = [
        (capitalize(REASONS[rule]), *(format_number(count) for count in others.values()))
        for rule, others in pairs.items()
    ]
    return Table(
        "How many people each two reasons have in common",
        ("", *(capitalize(REASONS[rule]) for rule in pairs)),
        rows,
    )


def tabulate_rates_otherwise(report: ReportPart) -> Table:
    methods = report["methods"]
    if not report["exclusions"]["by_reason"]:
        return EMPTY

    def row(title: str, rates: ReportPart) -> tuple[str, ...]:
        roomy = len(methods) <= ROOM
        return (title, *(_estimate(one["rate"], one["ci95"], roomy) for one in rates.values()))

    everybody = {
        method: {"rate": rate["rate_without_exclusions"], "ci95": rate["ci95_without_exclusions"]}
        for method, rate in methods.items()
    }
    without = report["exclusions"]["leave_one_rule_out"].items()
    rows = [row("All rules", methods)]
    rows += [row(f"Without: {RULES[rule]}", rates) for rule, rates in without]
    rows += [row("No rule", everybody)]
    return Table(
        "The rates in percent, had people been left out by other rules",
        ("Rules", *map(method_label, methods)),
        rows,
    )


def tabulate_differences_otherwise(report: ReportPart) -> Table:
    """Of the rules that are left out one at a time, the one that matters most."""
    if not report["exclusions"]["by_reason"]:
        return EMPTY
    rows = []
    for pair in report["differences"]:
        ways = [(rule, other) for rule, other in pair["without_a_rule"].items() if other]
        rule, farthest = max(ways, key=lambda way: _distance(pair, way[1]), default=("", pair))
        what = capitalize(RULES[rule]) if _distance(pair, farthest) else EN_DASH
        everybody = pair["without_exclusions"]
        rows.append(
            (
                name_pair(pair), format_percent(pair["difference"]),
                _estimate(farthest["difference"], farthest["ci95"]), what,
                format_percent(everybody and everybody["difference"]),
            )
        )  # fmt: skip
    return Table(
        "The differences in points, had people been left out by other rules",
        ("Methods", "All rules", "Farthest from it", "Without", "No rule"),
        rows,
        words=(3,),
        note="Farthest from it: without the one rule that moves the difference most. Those of every"
        " rule are in report.json.",
    )


def _distance(pair: ReportPart, other: ReportPart) -> float:
    return float(abs(other["difference"] - pair["difference"]))


def _estimate(value: float | None, bounds: Interval | None, roomy: bool = True) -> str:
    return (
        f"{format_percent(value)} ({format_interval(bounds)})" if roomy else format_percent(value)
    )


def tabulate_not_applicable(report: ReportPart) -> Table:
    rows = [
        (capitalize(RULES[rule["rule"]]), capitalize(rule["reason"]))
        for rule in report["exclusions"]["not_applicable"]
    ]
    return Table("Rules that do not apply here", ("Rule", "Why"), rows, words=(1,))


def tabulate_deviations(report: ReportPart) -> Table:
    rows = [
        (capitalize(one["what"].replace("_", " ")), one["planned"], one["done"])
        for one in report["design"]["deviations"]
    ]
    return Table("Departures from the frozen design", ("What", "Planned", "Done"), rows, (1, 2))
