"""Tables of how people answered, and of who and what was counted."""

from analysis.formatting import (
    DASH,
    SPACE,
    Entry,
    capitalize,
    interval,
    name,
    number,
    p_value,
    percent,
)
from analysis.inference.intervals import Interval
from analysis.report_output.glossary import REASONS, RULES
from analysis.report_output.tables import EMPTY, KNOWN, Table, name_pair

ROOM = 3  # methods whose intervals a page is wide enough for


def tabulate_sides(report: Entry) -> Table:
    sides = report["side_bias"]
    if not sides:
        return EMPTY
    chose, correct = sides["chose_left"], sides["correct_left"]
    return Table(
        "The left side, percent of trials",
        ("", "Left", "Left / trials", KNOWN, f"p vs 50{SPACE}%"),
        [
            (
                "Chosen", percent(chose["rate"]),
                f"{number(chose['left'])} / {number(chose['trials'])}",
                interval(chose["ci95"]), p_value(chose["p"]),
            ),
            (
                "Right answer", percent(correct["rate"]),
                f"{number(correct['left'])} / {number(correct['trials'])}", DASH,
                p_value(correct["p"]),
            ),
        ],
    )  # fmt: skip


def tabulate_consistency(report: Entry) -> Table:
    seen = report["consistency"]
    if not seen or seen["rate"] is None:
        return EMPTY
    row = (
        "Repeats", percent(seen["rate"]), interval(seen["ci95"]),
        f"{number(seen['alike'])} / {number(seen['repeats'])}", percent(seen["chance"]),
        percent(seen["first_rate"]), percent(seen["again_rate"]),
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


def tabulate_order(report: Entry) -> Table:
    order = report["order"]
    change = order["difference"]
    if not change:
        return EMPTY
    row = (
        "All methods", percent(order["first"]["rate"]), percent(order["second"]["rate"]),
        percent(change["difference"]), interval(change["ci95"]), p_value(change["p"]),
    )  # fmt: skip
    what = "wrong" if report["input"]["single"] else "fooled"
    return Table(
        f"Learning or fatigue: percent {what} in each person’s first and second half",
        ("", "First half", "Second half", "Difference", KNOWN, "p"),
        [row],
    )


def tabulate_times(report: Entry) -> Table:
    rows = [
        (
            name(row["method"]), "fooled" if row["fooled"] else "not fooled", number(row["trials"]),
            *(number(row[key]) for key in ("q05_ms", "q25_ms", "median_ms", "q75_ms", "q95_ms")),
        )
        for row in report["rt"]
        if row["trials"]
    ]  # fmt: skip
    quantiles = (f"{share}{SPACE}%" for share in (5, 25, 50, 75, 95))
    return Table(
        "Response times in milliseconds, quantiles",
        ("Method", "Answer", "Trials", *quantiles),
        rows,
        words=(1,),
    )


def tabulate_attention_checks(report: Entry) -> Table:
    seen = report["attention_checks"]
    if seen["rate"] is None:
        return EMPTY
    row = (
        "Attention checks", percent(seen["rate"]), interval(seen["ci95"]),
        f"{number(seen['correct'])} / {number(seen['answers'])}", number(seen["saw_all"]),
        number(seen["failed"]),
    )  # fmt: skip
    chance = seen["passing"]
    return Table(
        "Trials that whoever looks gets right, percent right",
        ("", "Right", KNOWN, "Right / trials", "Saw all", "Of these failed"),
        [row],
        note=f"With {chance['needed']} of {chance['planned']} to get right, a coin-flipper passes"
        f" with chance {number(chance['coin_flipper'], 2)}, somebody inattentive on one trial in"
        f" ten with {number(chance['lapse_10'], 2)}, on one in fifty with"
        f" {number(chance['lapse_02'], 3)}."
        if chance
        else "",
    )


def tabulate_timing(report: Entry) -> Table:
    rows = [
        (
            f"{number(shown['asked_ms'])}{SPACE}ms", number(shown["images"]),
            number(shown["median_off_ms"], 1), number(shown["p05_off_ms"], 1),
            number(shown["p95_off_ms"], 1), percent(shown["shorter"]), percent(shown["longer"]),
        )
        for shown in report["timing"]["exposures"]
    ]  # fmt: skip
    flags = report["timing"]["flags"].items()
    told = [
        f"{flag.replace('_', ' ')} {number(count['trials'])}"
        for flag, count in flags
        if count["trials"]
    ]
    return Table(
        "Exposures: achieved less asked, in milliseconds, and percent off by a 60 Hz frame or more",
        ("Asked", "Images", "Median", f"5{SPACE}%", f"95{SPACE}%", "Shorter", "Longer"),
        rows,
        note=f"Trials with a flag: {', '.join(told)}." if told else "",
    )


def tabulate_flow(report: Entry) -> Table:
    rows = [
        (capitalize(step["step"]), number(step["participants"]), number(step["trials"]))
        for step in report["exclusions"]["flow"]
    ]
    return Table("What is left after each step", ("Step", "People", "Trials"), rows)


def tabulate_reasons(report: Entry) -> Table:
    exclusions = report["exclusions"]
    rows = [
        (capitalize(REASONS[rule]), number(count), number(exclusions["only_reason"][rule]))
        for rule, count in exclusions["by_reason"].items()
    ]
    return Table("People left out, by reason", ("Reason", "People", "For this reason alone"), rows)


def tabulate_co_occurrence(report: Entry) -> Table:
    pairs = report["exclusions"]["co_occurrence"]
    if len(pairs) < 2:
        return EMPTY
    rows = [
        (capitalize(REASONS[rule]), *(number(count) for count in others.values()))
        for rule, others in pairs.items()
    ]
    return Table(
        "How many people each two reasons have in common",
        ("", *(capitalize(REASONS[rule]) for rule in pairs)),
        rows,
    )


def tabulate_rates_otherwise(report: Entry) -> Table:
    methods = report["methods"]
    if not report["exclusions"]["by_reason"]:
        return EMPTY

    def row(title: str, rates: Entry) -> tuple[str, ...]:
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
        ("Rules", *map(name, methods)),
        rows,
    )


def tabulate_differences_otherwise(report: Entry) -> Table:
    """Of the rules that are left out one at a time, the one that matters most."""
    if not report["exclusions"]["by_reason"]:
        return EMPTY
    rows = []
    for pair in report["differences"]:
        ways = [(rule, other) for rule, other in pair["without_a_rule"].items() if other]
        rule, farthest = max(ways, key=lambda way: _distance(pair, way[1]), default=("", pair))
        what = capitalize(RULES[rule]) if _distance(pair, farthest) else DASH
        everybody = pair["without_exclusions"]
        rows.append(
            (
                name_pair(pair), percent(pair["difference"]),
                _estimate(farthest["difference"], farthest["ci95"]), what,
                percent(everybody and everybody["difference"]),
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


def _distance(pair: Entry, other: Entry) -> float:
    return float(abs(other["difference"] - pair["difference"]))


def _estimate(value: float | None, bounds: Interval | None, roomy: bool = True) -> str:
    return f"{percent(value)} ({interval(bounds)})" if roomy else percent(value)


def tabulate_not_applicable(report: Entry) -> Table:
    rows = [
        (capitalize(RULES[rule["rule"]]), capitalize(rule["reason"]))
        for rule in report["exclusions"]["not_applicable"]
    ]
    return Table("Rules that do not apply here", ("Rule", "Why"), rows, words=(1,))


def tabulate_deviations(report: Entry) -> Table:
    rows = [
        (capitalize(one["what"].replace("_", " ")), one["planned"], one["done"])
        for one in report["design"]["deviations"]
    ]
    return Table("Departures from the frozen design", ("What", "Planned", "Done"), rows, (1, 2))
