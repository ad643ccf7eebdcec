"""Tables of the estimates: rates, differences, published rates, sensitivity, variance."""

from analysis.formatting import (
    ReportPart,
    format_interval,
    format_number,
    format_p,
    format_percent,
    method_label,
)
from analysis.report_output.glossary import MARGIN_TEXTS
from analysis.report_output.tables import (
    CI95_HEADING,
    EMPTY_TABLE,
    ReportTable,
    format_pair,
    format_source_mark,
    format_standard_error,
)


def tabulate_rates(report: ReportPart) -> ReportTable:
    """Tabulate the fooling rates."""
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
        "Method", "Rate", CI95_HEADING, "Fooled / trials", "Participants", "Photos", "Effective N",
        "p vs 50% (Holm)",
    )  # fmt: skip
    keep = len(columns) - report["input"]["single"]  # single images have no chance level
    return ReportTable(
        "Fooling rates in percent of trials, with intervals for new participants and photographs",
        columns[:keep],
        [row[:keep] for row in rows],
        note=(
            "Effective N (effective sample size): the number of independent trials that would carry"
            " the same information. It is the number of trials divided by the design effect."
        ),
    )


def tabulate_other_intervals(report: ReportPart) -> ReportTable:
    """Tabulate intervals for the same photographs, and without clustering."""
    rows = [
        (
            method_label(method), format_interval(rate["ci95_these_images"]),
            format_interval(rate["ci95_naive_wilson"]),
            format_percent(rate["se"]), format_number(rate["deff"], 2), format_number(rate["df"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    return ReportTable(
        "The same rates with intervals of narrower scope",
        ("Method", "New participants, same photographs", "Ignoring clustering", "Standard error",
         "Design effect", "df"),
        rows,
        note="Ignoring clustering: Wilson interval as if each trial came from a new participant "
        "and a new photograph. It is too narrow and is given only because many papers report "
        "it.",
    )  # fmt: skip


def tabulate_participant_averages(report: ReportPart) -> ReportTable:
    """Tabulate the rates with every participant weighted equally."""
    rows = [
        (
            method_label(method), format_percent(average["rate"]),
            format_interval(average["ci95"]), format_percent(rate["rate"]),
            format_percent(average["difference"]), format_p(average["p"]),
        )
        for method, rate in report["methods"].items()
        for average in (rate["participant_averaged"],)
        if average["rate"] is not None
    ]  # fmt: skip
    return ReportTable(
        "Rates in percent with every participant weighted equally",
        ("Method", "Participant-averaged", CI95_HEADING, "Over all trials", "Difference", "p"),
        rows,
        note="Difference: the rate over all trials minus the participant-averaged rate, in points. "
        "If it is far from 0, participants who answered more trials were fooled more or less often "
        "than the others; report both rates. p: not corrected for the number of methods; missing "
        "if all participants answered the same number of trials.",
    )


def tabulate_bootstrap(report: ReportPart) -> ReportTable:
    """Tabulate the bootstrap intervals."""
    bootstrap = report["bootstrap"]
    if not bootstrap:
        return EMPTY_TABLE
    named = [(method_label(method), one) for method, one in bootstrap["methods"].items()]
    named += [(format_pair(pair), pair) for pair in bootstrap["differences"]]
    return ReportTable(
        f"Bootstrap intervals from {format_number(bootstrap['replicates'])} resamples (percentile "
        "method)",
        ("Method", "Resampling participants", "Resampling participants and photographs"),
        [
            (label, format_interval(one["ci95_participants"]), format_interval(one["ci95_both"]))
            for label, one in named
        ],
        note=(
            "For comparison with the intervals for the same photographs and for new ones."
            " When participants and photographs are both resampled, trial-level noise is counted"
            " three times, so those intervals are about a third too wide (Owen, 2007)."
        ),
    )


def tabulate_error_rates(report: ReportPart) -> ReportTable:
    """Tabulate the error rates of single images."""
    rows = [
        (
            method_label(method), format_percent(error["rate"]), format_interval(error["ci95"]),
            f"{format_number(error['fooled'])} / {format_number(error['trials'])}",
        )
        for method, rate in report["methods"].items()
        if (error := rate["error"])
    ]  # fmt: skip
    return ReportTable(
        "Error rates over each method’s fakes and the photographs, in percent of trials",
        ("Method", "Error rate", CI95_HEADING, "Errors / trials"),
        rows,
    )


def tabulate_differences(report: ReportPart) -> ReportTable:
    """Tabulate the differences between methods."""
    rows = [
        (
            format_pair(pair), format_percent(pair["difference"]), format_interval(pair["ci95"]),
            format_number(pair["t"], 2), format_number(pair["df"]), format_p(pair["p"]),
            format_p(pair["p_holm"]),
        )
        for pair in report["differences"]
    ]  # fmt: skip
    return ReportTable(
        "Differences in percentage points (first method minus second)",
        ("Methods", "Difference", CI95_HEADING, "t", "df", "p", "p (Holm)"),
        rows,
    )


def tabulate_equivalence(report: ReportPart) -> ReportTable:
    """Tabulate the equivalence tests."""
    rows = [
        (
            format_pair(pair), f"±{format_number(100 * test['margin'], 1)}",
            format_interval(test["ci90"]),
            format_p(test["p"]),
        )
        for pair in report["differences"]
        for test in (pair["equivalence"],)
    ]  # fmt: skip
    source = report["equivalence_margin"]["source"]
    return ReportTable(
        "Equivalence of two rates within a margin: two one-sided tests, percentage points",
        ("Methods", "Margin", "90% CI", "p"),
        rows,
        note=""
        if source == "design"
        else f"This is {MARGIN_TEXTS[source]}. Justify it before you claim equivalence.",
    )


def tabulate_published(report: ReportPart) -> ReportTable:
    """Tabulate the comparison with published rates."""
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
        "Rates in percent, differences in percentage points; ± the source’s own standard error",
        ("Method", "Published", "Rate", "Difference", "p", "d′"),
        rows,
        text_columns=(1,),
        note=(
            "p: t test with both standard errors, not corrected for the number of rows; missing"
            " where the source gives no standard error. † Not verified against the source;"
            " check before citing. The same model scores differently in different studies. To"
            " compare with a published model, include its images in your study."
        ),
    )
