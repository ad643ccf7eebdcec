"""Tables of what was found: rates, differences, published rates, sensitivity, what varies."""

from analysis.formatting import DASH, SPACE, Entry, interval, name, number, p_value, percent
from analysis.report_output.tables import (
    EMPTY,
    KNOWN,
    Table,
    mark_error,
    mark_source,
    name_pair,
    plain_interval,
)

LEVELS = {"participant": "person", "image": "photograph"}


def tabulate_rates(report: Entry) -> Table:
    rows = [
        (
            name(method), percent(rate["rate"]), interval(rate["ci95"]),
            f"{number(rate['fooled'])} / {number(rate['trials'])}", number(rate["participants"]),
            number(rate["images"]), number(rate["n_eff"]), p_value(rate["vs_chance"]["p_holm"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    columns = (
        "Method", "Rate", KNOWN, "Fooled / trials", "People", "Photos", "n eff.",
        f"p vs 50{SPACE}% (Holm)",
    )  # fmt: skip
    keep = len(columns) - report["input"]["single"]  # which have no chance rate
    return Table(
        "Percent of trials, for new people and new photographs",
        columns[:keep],
        [row[:keep] for row in rows],
        note="n eff.: how many independent trials would tell as much. It is the number of trials"
        " over the design effect, for people and photographs come back from trial to trial.",
    )


def tabulate_narrower(report: Entry) -> Table:
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


def tabulate_resampled(report: Entry) -> Table:
    drawn = report["bootstrap"]
    if not drawn:
        return EMPTY
    named = [(name(method), one) for method, one in drawn["methods"].items()]
    named += [(name_pair(pair), pair) for pair in drawn["differences"]]
    return Table(
        f"The same by {number(drawn['replicates'])} bootstrap resamples, percentile intervals",
        ("Method", "People drawn anew", "People and photographs drawn anew"),
        [(who, interval(one["ci95_people"]), interval(one["ci95_both"])) for who, one in named],
        note="To set beside the intervals for these photographs, and for new ones. Drawing both"
        " counts the noise of single trials three times, so those intervals are about a third too"
        " wide (Owen, 2007).",
    )


def tabulate_errors(report: Entry) -> Table:
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


def tabulate_differences(report: Entry) -> Table:
    rows = [
        (
            name_pair(pair), percent(pair["difference"]), interval(pair["ci95"]),
            number(pair["t"], 2), number(pair["df"]), p_value(pair["p"]), p_value(pair["p_holm"]),
        )
        for pair in report["differences"]
    ]  # fmt: skip
    return Table(
        "Percentage points, the first method’s rate less the second’s",
        ("Methods", "Difference", KNOWN, "t", "df", "p", "p (Holm)"),
        rows,
    )


def tabulate_equivalence(report: Entry) -> Table:
    rows = [
        (
            name_pair(pair), f"±{number(100 * test['margin'], 1)}", interval(test["ci90"]),
            p_value(test["p"]),
        )
        for pair in report["differences"]
        for test in (pair["equivalence"],)
    ]  # fmt: skip
    margin = report["design"]["margin"]
    fixed = all(pair["equivalence"]["margin"] == margin for pair in report["differences"])
    return Table(
        "Whether two rates are equal within a margin: two one-sided tests, percentage points",
        ("Methods", "Margin", f"90{SPACE}% interval", "p"),
        rows,
        note="" if fixed else "No frozen design fixed this margin before the data, so it proves no"
        " equivalence by itself: say why it is the right one.",
    )  # fmt: skip


def tabulate_mixed_differences(report: Entry) -> Table:
    rows = [
        (
            name_pair(pair), percent(mixed["difference"]), interval(mixed["ci95"]),
            p_value(mixed["p"]), number(mixed["log_odds_ratio"], 2),
            number(mixed["log_odds_se"], 2), p_value(mixed["p_intercepts"]),
        )
        for pair in report["differences"]
        if (mixed := pair["mixed"])
    ]  # fmt: skip
    return Table(
        "The same by a logistic mixed model of two methods, for comparison: marginal rates",
        ("Methods", "Difference", KNOWN, "p", "Log odds ratio", "SE", "p, intercepts only"),
        rows,
        note="In this model every person and every photograph reacts to each method (random"
        " slopes). Papers often let them vary in one way for all methods (random intercepts"
        " only), and that test finds differences too often: its p stands last. No p here is"
        " corrected for the number of pairs.",
    )


def tabulate_subgroups(report: Entry) -> Table:
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


def tabulate_published(report: Entry) -> Table:
    rows = [
        (
            name(method), other["source"] + mark_source(other),
            percent(other["rate"]) + mark_error(other), percent(other["difference"]),
            p_value(other["p"]), number(other["d_prime"], 2),
        )
        for method, rate in report["methods"].items()
        for other in rate["vs_published"]
    ]  # fmt: skip
    return Table(
        "Percent, and percentage points for the difference; ± the source’s own standard error",
        ("Method", "Published", "Rate", "Difference", "p", "d′"),
        rows,
        words=(1,),
        note="p: Student’s t with both standard errors, not corrected for the number of rows; none"
        " where the source gives no error. † quoted second-hand or from memory, to be checked"
        " against the source before it is cited. The same model scores differently from study to"
        " study: to compare with a published model, show its images in the same study.",
    )


def tabulate_detection(report: Entry) -> Table:
    rows = [
        (
            name(method), number(rate["d_prime"], 2), plain_interval(rate["d_prime_ci95"]),
            number(rate["criterion"], 2), number(rate["d_prime_of_rate"], 2),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    columns = ("Method", "d′", KNOWN, "Criterion", "d′ of the rate")
    caption = "How well fakes were told from photographs"
    note = "d′ is 0 where nobody can tell; a criterion below 0 leans to"
    if report["input"]["single"]:
        short = [row[:-1] for row in rows]
        return Table(caption, columns[:-1], short, note=f"{note} fake.")
    note += " the left. d′ of the rate: what the fooling rate is worth where nobody leans to a"
    return Table(caption, columns, rows, note=f"{note} side, to set beside published rates.")


def tabulate_variance(report: Entry) -> Table:
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


def tabulate_mixed(report: Entry) -> Table:
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


def tabulate_influence(report: Entry) -> Table:
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
