"""Tables of what was found: rates, differences, published rates, sensitivity, what varies."""

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
    format_pair,
    format_plain_interval,
    format_source_mark,
    format_standard_error,
)

FACTOR_LABELS = {"participant": "person", "image": "photograph"}


def tabulate_rates(report: ReportPart) -> ReportTable:
    rows = [
        (
            method_label(method), format_percent(rate["rate"]), format_interval(rate["ci95"]),
            f"{format_number(rate['fooled'])} / {format_number(rate['trials'])}",
            format_number(rate["participants"]),
            format_number(rate["images"]), format_number(rate["n_eff"]),
            format_p(rate["vs_chance"]["p_holm"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    columns = (
        "Method", "Rate", CI95_HEADING, "Fooled / trials", "People", "Photos", "n eff.",
        f"p vs 50{NARROW_SPACE}% (Holm)",
    )  # fmt: skip
    keep = len(columns) - report["input"]["single"]  # which have no chance rate
    return ReportTable(
        "Percent of trials, for new people and new photographs",
        columns[:keep],
        [row[:keep] for row in rows],
        note="n eff.: how many independent trials would tell as much. It is the number of trials"
        " over the design effect, for people and photographs come back from trial to trial.",
    )


def tabulate_other_intervals(report: ReportPart) -> ReportTable:
    rows = [
        (
            method_label(method), format_interval(rate["ci95_these_images"]),
            format_interval(rate["ci95_naive_wilson"]),
            format_percent(rate["se"]), format_number(rate["deff"], 2), format_number(rate["df"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    return ReportTable(
        "The same rates with narrower claims",
        ("Method", "New people, these photographs", "Ignoring clustering", "Standard error",
         "Design effect", "df"),
        rows,
        note="Ignoring clustering: Wilson’s interval as if each trial came from another person and"
        " another photograph. It is too narrow, and stands here only because papers print it.",
    )  # fmt: skip


def tabulate_bootstrap(report: ReportPart) -> ReportTable:
    bootstrap = report["bootstrap"]
    if not bootstrap:
        return EMPTY_TABLE
    named = [(method_label(method), one) for method, one in bootstrap["methods"].items()]
    named += [(format_pair(pair), pair) for pair in bootstrap["differences"]]
    return ReportTable(
        f"The same by {format_number(bootstrap['replicates'])} bootstrap resamples, percentile "
        f"intervals",
        ("Method", "People drawn anew", "People and photographs drawn anew"),
        [
            (label, format_interval(one["ci95_participants"]), format_interval(one["ci95_both"]))
            for label, one in named
        ],
        note="To set beside the intervals for these photographs, and for new ones. Drawing both"
        " counts the noise of single trials three times, so those intervals are about a third too"
        " wide (Owen, 2007).",
    )


def tabulate_error_rates(report: ReportPart) -> ReportTable:
    """Of single images."""
    rows = [
        (
            method_label(method), format_percent(error["rate"]), format_interval(error["ci95"]),
            f"{format_number(error['fooled'])} / {format_number(error['trials'])}",
        )
        for method, rate in report["methods"].items()
        if (error := rate["error"])
    ]  # fmt: skip
    return ReportTable(
        "Errors over the method’s fakes and the photographs, percent of trials",
        ("Method", "Error rate", CI95_HEADING, "Errors / trials"),
        rows,
    )


def tabulate_differences(report: ReportPart) -> ReportTable:
    rows = [
        (
            format_pair(pair), format_percent(pair["difference"]), format_interval(pair["ci95"]),
            format_number(pair["t"], 2), format_number(pair["df"]), format_p(pair["p"]),
            format_p(pair["p_holm"]),
        )
        for pair in report["differences"]
    ]  # fmt: skip
    return ReportTable(
        "Percentage points, the first method’s rate less the second’s",
        ("Methods", "Difference", CI95_HEADING, "t", "df", "p", "p (Holm)"),
        rows,
    )


def tabulate_equivalence(report: ReportPart) -> ReportTable:
    rows = [
        (
            format_pair(pair), f"±{format_number(100 * test['margin'], 1)}",
            format_interval(test["ci90"]),
            format_p(test["p"]),
        )
        for pair in report["differences"]
        for test in (pair["equivalence"],)
    ]  # fmt: skip
    margin = report["design"]["margin"]
    fixed = all(pair["equivalence"]["margin"] == margin for pair in report["differences"])
    return ReportTable(
        "Whether two rates are equal within a margin: two one-sided tests, percentage points",
        ("Methods", "Margin", f"90{NARROW_SPACE}% interval", "p"),
        rows,
        note="" if fixed else "No frozen design fixed this margin before the data, so it proves no"
        " equivalence by itself: say why it is the right one.",
    )  # fmt: skip


def tabulate_mixed_differences(report: ReportPart) -> ReportTable:
    rows = [
        (
            format_pair(pair), format_percent(mixed["difference"]), format_interval(mixed["ci95"]),
            format_p(mixed["p"]), format_number(mixed["log_odds_ratio"], 2),
            format_number(mixed["log_odds_se"], 2), format_p(mixed["p_intercepts"]),
        )
        for pair in report["differences"]
        if (mixed := pair["mixed"])
    ]  # fmt: skip
    return ReportTable(
        "The same by a logistic mixed model of two methods, for comparison: marginal rates",
        ("Methods", "Difference", CI95_HEADING, "p", "Log odds ratio", "SE", "p, intercepts only"),
        rows,
        note="In this model every person and every photograph reacts to each method (random"
        " slopes). Papers often let them vary in one way for all methods (random intercepts"
        " only), and that test finds differences too often: its p stands last. No p here is"
        " corrected for the number of pairs.",
    )


def tabulate_subgroups(report: ReportPart) -> ReportTable:
    rows = [
        (
            method_label(group["method"]), group["group"] or EN_DASH,
            format_percent(group["rate"]["rate"]),
            format_interval(group["rate"]["ci95"]), format_number(group["rate"]["trials"]),
            format_number(group["rate"]["images"]), format_percent(change and change["difference"]),
            format_interval(change and change["ci95"]), format_p(group["p_holm"]),
        )
        for group in report["subgroups"]
        for change in (group["difference"],)
    ]  # fmt: skip
    return ReportTable(
        "Percent fooled on the photographs of each folder, and how that differs from the others",
        (
            "Method",
            "Folder",
            "Rate",
            CI95_HEADING,
            "Trials",
            "Photos",
            "Difference",
            CI95_HEADING,
            "p (Holm)",
        ),
        rows,
        text_columns=(1,),
    )


def tabulate_published(report: ReportPart) -> ReportTable:
    rows = [
        (
            method_label(method), other["source"] + format_source_mark(other["checked"]),
            format_percent(other["rate"]) + format_standard_error(other),
            format_percent(other["difference"]),
            format_p(other["p"]), format_number(other["d_prime"], 2),
        )
        for method, rate in report["methods"].items()
        for other in rate["vs_published"]
    ]  # fmt: skip
    return ReportTable(
        "Percent, and percentage points for the difference; ± the source’s own standard error",
        ("Method", "Published", "Rate", "Difference", "p", "d′"),
        rows,
        text_columns=(1,),
        note="p: Student’s t with both standard errors, not corrected for the number of rows; none"
        " where the source gives no error. † quoted second-hand or from memory, to be checked"
        " against the source before it is cited. The same model scores differently from study to"
        " study: to compare with a published model, show its images in the same study.",
    )


def tabulate_signal_detection(report: ReportPart) -> ReportTable:
    rows = [
        (
            method_label(method), format_number(rate["d_prime"], 2),
            format_plain_interval(rate["d_prime_ci95"]),
            format_number(rate["criterion"], 2), format_number(rate["d_prime_of_rate"], 2),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    columns = ("Method", "d′", CI95_HEADING, "Criterion", "d′ of the rate")
    caption = "How well fakes were told from photographs"
    note = "d′ is 0 where nobody can tell; a criterion below 0 leans to"
    if report["input"]["single"]:
        short = [row[:-1] for row in rows]
        return ReportTable(caption, columns[:-1], short, note=f"{note} fake.")
    note += " the left. d′ of the rate: what the fooling rate is worth where nobody leans to a"
    return ReportTable(caption, columns, rows, note=f"{note} side, to set beside published rates.")


def tabulate_variance(report: ReportPart) -> ReportTable:
    rows = [
        (
            method_label(method), format_number(rate["icc_participant"], 3),
            format_number(rate["icc_image"], 3),
            format_number(rate["ranking"]["trials_per_image"], 1),
            format_number(rate["ranking"]["reliability"], 2),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    return ReportTable(
        "Shares of the variation in who was fooled (ANOVA intraclass correlations)",
        ("Method", "Between people", "Between photographs", "Trials a photograph",
         "Reliability of a photograph’s rate"),
        rows,
    )  # fmt: skip


def tabulate_mixed(report: ReportPart) -> ReportTable:
    rows = [
        (
            method_label(method), format_percent(mixed["marginal_rate"]),
            format_interval(mixed["ci95"]),
            format_number(mixed["beta"], 3), format_number(mixed["sd_participant"], 2),
            format_number(mixed["sd_image"], 2), format_number(mixed["deviance"], 1),
        )
        for method, rate in report["methods"].items()
        if (mixed := rate["mixed"])
    ]  # fmt: skip
    return ReportTable(
        "Crossed logistic mixed model of each method, for comparison",
        ("Method", "Marginal rate, %", CI95_HEADING, "Intercept", "SD of people",
         "SD of photographs", "Deviance"),
        rows,
        note="The marginal rate is integrated over people and photographs; the intercept alone"
        " gives the rate of a typical person and photograph, which lies further from one half.",
    )  # fmt: skip


def tabulate_influence(report: ReportPart) -> ReportTable:
    rows = [
        (
            method_label(method), f"One {FACTOR_LABELS[factor]}",
            f"{format_percent(out['low'])} without {out['low_without']}",
            f"{format_percent(out['high'])} without {out['high_without']}",
        )
        for method, rate in report["methods"].items()
        for factor, out in rate["influence"].items()
        if out
    ]  # fmt: skip
    return ReportTable(
        "What leaving out one person, or one photograph, does to a rate, in percent",
        ("Method", "Left out", "Lowest rate", "Highest rate"),
        rows,
        text_columns=(1, 2, 3),
    )
