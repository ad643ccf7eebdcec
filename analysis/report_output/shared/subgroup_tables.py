"""Tables of the estimates for each level of the declared covariates."""

from analysis.formatting import ReportPart, format_number, format_p, method_label
from analysis.report_output.shared.values import (
    caption_of,
    format_estimate,
    format_estimate_interval,
    format_methods,
    list_entries,
    suffix_of,
)
from analysis.report_output.tables import CI95_HEADING, ReportTable


def tabulate_subgroups(report: ReportPart) -> ReportTable:
    """Tabulate the estimates by level."""
    entries = report["subgroups"]
    rows = [
        (
            method_label(one["method"]),
            f"{entry['covariate']}: {one['level']}{suffix_of(entry, entries)}",
            format_estimate(entry["of"], one["value"]),
            format_estimate_interval(entry["of"], one["ci95"]),
            *(format_number(one[key]) for key in ("participants", "trials")),
        )
        for entry, one in list_entries(report, "subgroups", "levels")
    ]
    return ReportTable(
        f"Estimates for each level of the planned covariates{caption_of(entries)}",
        ("Method", "Level", "Value", CI95_HEADING, "Participants", "Trials"),
        rows,
        text_columns=(1,),
        note=" ".join(filter(None, map(_explain, entries))),
    )


def tabulate_subgroup_differences(report: ReportPart) -> ReportTable:
    """Tabulate the differences between levels, and the interactions."""
    entries = report["subgroups"]
    rows = [
        (
            format_methods(one["methods"]),
            f"{entry['covariate']}: {' − '.join(one['levels'])}{suffix_of(entry, entries)}",
            format_estimate(entry["of"], one["difference"]),
            format_estimate_interval(entry["of"], one["ci95"]),
            format_p(one["p_holm"]),
        )
        for entry, one in list_entries(report, "subgroups", "differences")
    ]
    return ReportTable(
        f"Differences between levels{caption_of(entries)}",
        ("Method", "Levels", "Difference", CI95_HEADING, "p (Holm)"),
        rows,
        text_columns=(1,),
        note=(
            "A row of two methods is an interaction: their difference at the first level minus"
            " their difference at the second. P values are Holm-adjusted over all rows. Only"
            " covariates that the plan declares are compared."
        ),
    )


def _explain(entry: ReportPart) -> str:
    """Say what is missing from an entry."""
    count, missing = entry["levels_found"], entry["missing"]
    if not entry["levels"]:
        return f"{entry['covariate']} has {format_number(count)} levels and is not compared."
    unit = "participants" if entry["unit"] == "participant" else "images"
    return f"{entry['covariate']}: {missing} {unit} without a level." if missing else ""
