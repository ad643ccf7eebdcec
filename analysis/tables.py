"""The page's tables, every cell as it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.intervals import Interval
from analysis.sentences import REASONS, RULES
from analysis.words import DASH, SPACE, Entry, capitalize, interval, name, number, p_value, percent

Rows = Sequence[tuple[str, ...]]

KNOWN = f"95{SPACE}% interval"
LEVELS = {"participant": "person", "image": "photograph"}


@dataclass(frozen=True)
class Table:
    """columns: the headings; the first column names the rows. words: columns that hold text."""

    caption: str
    columns: tuple[str, ...]
    rows: Rows
    words: tuple[int, ...] = ()
    note: str = ""


EMPTY = Table("", (), [])


def lay_out_tables(report: Entry) -> dict[str, list[Table]]:
    """Title of a section -> its tables; none without rows."""
    sections = {
        "Fooling rates": [_rates(report), _narrower(report), _errors(report)],
        "Differences between methods": [_differences(report), _equivalence(report)],
        "Kinds of photographs": [_subgroups(report)],
        "Beside published rates": [_published(report)],
        "Sensitivity": [_detection(report)],
        "What varies": [_variance(report), _mixed(report), _influence(report)],
        "How people answered": [
            _sides(report), _order(report), _times(report), _vigilance(report), _timing(report),
        ],
        "Who and what was counted": [
            _flow(report), _reasons(report), _co_occurrence(report), _without_a_rule(report),
            _not_applicable(report), _deviations(report),
        ],
    }  # fmt: skip
    filled = {
        title: [table for table in tables if table.rows] for title, tables in sections.items()
    }
    return {title: tables for title, tables in filled.items() if tables}


def _rates(report: Entry) -> Table:
    rows = [
        (
            name(method), percent(rate["rate"]), interval(rate["ci95"]),
            f"{number(rate['fooled'])} / {number(rate['trials'])}", number(rate["participants"]),
            number(rate["images"]), number(rate["n_eff"]), p_value(rate["vs_chance"]["p_holm"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    return Table(
        "Percent of trials, for new people and new photographs",
        ("Method", "Rate", KNOWN, "Fooled / trials", "People", "Photos", "n eff.",
         f"p vs 50{SPACE}% (Holm)"),
        rows,
        note="n eff.: how many independent trials would tell as much. It is the number of trials"
        " over the design effect, for people and photographs come back from trial to trial.",
    )  # fmt: skip


def _narrower(report: Entry) -> Table:
    rows = [
        (
            name(method), interval(rate["ci95_these_images"]), interval(rate["ci95_naive_wilson"]),
            percent(rate["se"]), number(rate["deff"], 2), number(rate["df"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    return Table(
        "The same rates with narrower claims",
        ("Method", "New people, these photographs", "Ignoring clustering", "Standard error",
         "Design effect", "df"),
        rows,
        note="Ignoring clustering: Wilson’s interval as if each trial came from another person and"
        " another photograph. It is too narrow, and stands here only because papers print it.",
    )  # fmt: skip


def _errors(report: Entry) -> Table:
    """Of single images."""
    rows = [
        (
            name(method), percent(error["rate"]), interval(error["ci95"]),
            f"{number(error['fooled'])} / {number(error['trials'])}",
        )
        for method, rate in report["methods"].items()
        if (error := rate["error"])
    ]  # fmt: skip
    return Table(
        "Errors over the method’s fakes and the photographs, percent of trials",
        ("Method", "Error rate", KNOWN, "Errors / trials"),
        rows,
    )


def _differences(report: Entry) -> Table:
    rows = [
        (
            _pair(pair), percent(pair["difference"]), interval(pair["ci95"]), number(pair["t"], 2),
            number(pair["df"]), p_value(pair["p"]), p_value(pair["p_holm"]),
        )
        for pair in report["differences"]
    ]  # fmt: skip
    return Table(
        "Percentage points, the first method’s rate less the second’s",
        ("Methods", "Difference", KNOWN, "t", "df", "p", "p (Holm)"),
        rows,
    )


def _equivalence(report: Entry) -> Table:
    rows = [
        (
            _pair(pair), f"±{number(100 * test['margin'], 1)}", interval(test["ci90"]),
            p_value(test["p"]),
        )
        for pair in report["differences"]
        for test in (pair["equivalence"],)
    ]  # fmt: skip
    return Table(
        "Whether two rates are equal within a margin: two one-sided tests, percentage points",
        ("Methods", "Margin", f"90{SPACE}% interval", "p"),
        rows,
    )


def _pair(pair: Entry) -> str:
    return f"{name(pair['a'])} less {name(pair['b'])}"


def _subgroups(report: Entry) -> Table:
    rows = [
        (
            name(group["method"]), group["group"] or DASH, percent(group["rate"]["rate"]),
            interval(group["rate"]["ci95"]), number(group["rate"]["trials"]),
            number(group["rate"]["images"]), percent(change and change["difference"]),
            interval(change and change["ci95"]), p_value(group["p_holm"]),
        )
        for group in report["subgroups"]
        for change in (group["difference"],)
    ]  # fmt: skip
    return Table(
        "Percent fooled on the photographs of each folder, and how that differs from the others",
        ("Method", "Folder", "Rate", KNOWN, "Trials", "Photos", "Difference", KNOWN, "p (Holm)"),
        rows,
        words=(1,),
    )


def _published(report: Entry) -> Table:
    rows = [
        (
            name(method), other["source"] + mark_source(other),
            percent(other["rate"]) + error(other), percent(other["difference"]),
            p_value(other["p"]),
        )
        for method, rate in report["methods"].items()
        for other in rate["vs_published"]
    ]  # fmt: skip
    return Table(
        "Percent, and percentage points for the difference; ± the source’s own standard error",
        ("Method", "Published", "Rate", "Difference", "p"),
        rows,
        words=(1,),
        note="p: Student’s t with both standard errors, not corrected for the number of rows; none"
        " where the source gives no error. † quoted second-hand or from memory, to be checked"
        " against the source before it is cited. The same model scores differently from study to"
        " study: to compare with a published model, show its images in the same study.",
    )


def mark_source(other: Entry) -> str:
    """† where nobody read the source itself."""
    return "" if other["checked"] == "original" else f"{SPACE}†"


def error(other: Entry) -> str:
    """± the standard error, where it is known."""
    return "" if other["se"] is None else f" ± {percent(other['se'])}"


def _detection(report: Entry) -> Table:
    rows = [
        (
            name(method), number(rate["d_prime"], 2), plain_interval(rate["d_prime_ci95"]),
            number(rate["criterion"], 2),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    leaning = "fake" if report["input"]["single"] else "the left"
    return Table(
        "How well fakes were told from photographs",
        ("Method", "d′", KNOWN, "Criterion"),
        rows,
        note=f"d′ is 0 where nobody can tell; a criterion below 0 leans to {leaning}.",
    )


def plain_interval(bounds: Interval | None) -> str:
    """Of what is no percentage."""
    return DASH if bounds is None else f"{number(bounds[0], 2)} to {number(bounds[1], 2)}"


def _variance(report: Entry) -> Table:
    rows = [
        (
            name(method), number(rate["icc_participant"], 3), number(rate["icc_image"], 3),
            number(rate["ranking"]["trials_per_image"], 1),
            number(rate["ranking"]["reliability"], 2),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    return Table(
        "Shares of the variation in who was fooled (ANOVA intraclass correlations)",
        ("Method", "Between people", "Between photographs", "Trials a photograph",
         "Reliability of a photograph’s rate"),
        rows,
    )  # fmt: skip


def _influence(report: Entry) -> Table:
    rows = [
        (
            name(method), f"One {LEVELS[factor]}",
            f"{percent(out['low'])} without {out['low_without']}",
            f"{percent(out['high'])} without {out['high_without']}",
        )
        for method, rate in report["methods"].items()
        for factor, out in rate["influence"].items()
        if out
    ]  # fmt: skip
    return Table(
        "What leaving out one person, or one photograph, does to a rate, in percent",
        ("Method", "Left out", "Lowest rate", "Highest rate"),
        rows,
        words=(1, 2, 3),
    )


def _sides(report: Entry) -> Table:
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


def _order(report: Entry) -> Table:
    order = report["order"]
    change = order["difference"]
    if not change:
        return EMPTY
    row = (
        "All methods", percent(order["first"]["rate"]), percent(order["second"]["rate"]),
        percent(change["difference"]), interval(change["ci95"]), p_value(change["p"]),
    )  # fmt: skip
    return Table(
        "Learning or fatigue: percent fooled in each person’s first and second half",
        ("", "First half", "Second half", "Difference", KNOWN, "p"),
        [row],
    )


def _times(report: Entry) -> Table:
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


def _vigilance(report: Entry) -> Table:
    seen = report["vigilance"]
    if seen["rate"] is None:
        return EMPTY
    row = (
        "Vigilance trials", percent(seen["rate"]), interval(seen["ci95"]),
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


def _timing(report: Entry) -> Table:
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


def _deviations(report: Entry) -> Table:
    rows = [
        (capitalize(one["what"].replace("_", " ")), one["planned"], one["done"])
        for one in report["design"]["deviations"]
    ]
    return Table("Departures from the frozen design", ("What", "Planned", "Done"), rows, (1, 2))


def _mixed(report: Entry) -> Table:
    rows = [
        (
            name(method), percent(mixed["marginal_rate"]), interval(mixed["ci95"]),
            number(mixed["beta"], 3), number(mixed["sd_participant"], 2),
            number(mixed["sd_image"], 2), number(mixed["deviance"], 1),
        )
        for method, rate in report["methods"].items()
        if (mixed := rate["mixed"])
    ]  # fmt: skip
    return Table(
        "Crossed logistic mixed model of each method, for comparison",
        ("Method", "Marginal rate, %", KNOWN, "Intercept", "SD of people",
         "SD of photographs", "Deviance"),
        rows,
        note="The marginal rate is integrated over people and photographs; the intercept alone"
        " gives the rate of a typical person and photograph, which lies further from one half.",
    )  # fmt: skip


def _flow(report: Entry) -> Table:
    rows = [
        (capitalize(step["step"]), number(step["participants"]), number(step["trials"]))
        for step in report["exclusions"]["flow"]
    ]
    return Table("What is left after each step", ("Step", "People", "Trials"), rows)


def _reasons(report: Entry) -> Table:
    exclusions = report["exclusions"]
    rows = [
        (capitalize(REASONS[rule]), number(count), number(exclusions["only_reason"][rule]))
        for rule, count in exclusions["by_reason"].items()
    ]
    return Table("People left out, by reason", ("Reason", "People", "For this reason alone"), rows)


def _co_occurrence(report: Entry) -> Table:
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


def _without_a_rule(report: Entry) -> Table:
    methods = report["methods"]
    if not report["exclusions"]["by_reason"]:
        return EMPTY

    def row(title: str, rates: Entry) -> tuple[str, ...]:
        cells = (f"{percent(rate['rate'])} ({interval(rate['ci95'])})" for rate in rates.values())
        return (title, *cells)

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


def _not_applicable(report: Entry) -> Table:
    rows = [
        (capitalize(RULES[rule["rule"]]), capitalize(rule["reason"]))
        for rule in report["exclusions"]["not_applicable"]
    ]
    return Table("Rules that do not apply here", ("Rule", "Why"), rows, words=(1,))
