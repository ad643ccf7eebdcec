"""Tables of learning over the test and of agreement."""

from analysis.formatting import (
    ReportPart,
    capitalize,
    format_interval,
    format_number,
    format_p,
    format_percent,
    method_label,
)
from analysis.report_output.shared.values import (
    caption_of,
    estimate_label,
    format_estimate,
    format_estimate_interval,
    suffix_of,
)
from analysis.report_output.tables import CI95_HEADING, EMPTY_TABLE, ReportTable

TRIALS_OF_A_CHANGE = 10  # slopes are printed per so many trials


def tabulate_learning(report: ReportPart) -> ReportTable:
    """Tabulate the slope of each method's estimate over the test, and its value in each part."""
    entries = [entry for entry in report["learning"] if entry["slope"] is not None]
    if not entries:
        return EMPTY_TABLE
    parts = max((entry["parts"] for entry in entries), key=len)
    spans = [(part["first"], part["last"]) for part in parts]
    rows = []
    for entry in entries:
        of, by_span = entry["of"], {(one["first"], one["last"]): one for one in entry["parts"]}
        rows.append(
            (
                method_label(entry["method"]) + suffix_of(entry, entries),
                *(format_estimate(of, by_span.get(span, {}).get("value")) for span in spans),
                format_estimate(of, entry["slope"], TRIALS_OF_A_CHANGE),
                format_estimate_interval(of, entry["ci95"], TRIALS_OF_A_CHANGE),
                format_p(entry["p_holm"]),
            )
        )
    headings = [f"{first}–{last}" if first < last else str(first) for first, last in spans]
    return ReportTable(
        f"Learning: estimates by position of the trial in the test{caption_of(entries)}",
        ("Method", *headings, f"Per {TRIALS_OF_A_CHANGE} trials", CI95_HEADING, "p (Holm)"),
        rows,
        note="The change compares each participant’s later trials with their earlier ones.",
    )


def tabulate_agreement(report: ReportPart) -> ReportTable:
    """Tabulate how far participants agree about the ratings."""
    rows = [
        (
            capitalize(estimate_label(one["of"])),
            *(
                format_number(one[key], 2)
                for key in ("alpha_ordinal", "alpha_interval", "icc_single", "icc_average")
            ),
            format_number(one["ratings_per_stimulus"], 1),
        )
        for one in report["agreement"]
    ]
    return ReportTable(
        "Agreement between participants about the same stimulus",
        ("", "Alpha, ordinal", "Alpha, interval", "ICC, one rating", "ICC, mean rating",
         "Ratings per stimulus"),
        rows,
        note="Alpha: Krippendorff’s; 0 is chance agreement, and 1 is perfect agreement. ICC:"
        " absolute agreement, two-way random; “mean rating” is the mean of a stimulus’s ratings.",
    )  # fmt: skip


def tabulate_repeats(report: ReportPart) -> ReportTable:
    """Tabulate how far participants agree with themselves in repeated trials."""
    repeats = report["consistency"]
    if not repeats or repeats["rate"] is None:
        return EMPTY_TABLE
    row = (
        "Repeats",
        format_percent(repeats["rate"]),
        format_interval(repeats["ci95"]),
        f"{format_number(repeats['agreements'])} / {format_number(repeats['repeats'])}",
        format_number(repeats["mean_absolute_change"], 2),
    )
    return ReportTable(
        "Consistency: percent of repeated trials answered the same way",
        ("", "Same answer", CI95_HEADING, "Same / repeats", "Mean absolute change"),
        [row],
        note="The change is in the score, or in the rank. Repeats are not included in any"
        " estimate.",
    )
