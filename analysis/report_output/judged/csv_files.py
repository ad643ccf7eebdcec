"""The numbers of a report on judged candidates as CSV files."""

from analysis.csv_cells import render_csv
from analysis.findings.judged_parts import iterate_estimates
from analysis.formatting import ReportDict, ReportPart
from analysis.report_output.csv_files import flatten, render_participants_csv
from analysis.report_output.shared.csv_files import render_shared_csv_files


def render_judged_csv_files(report: ReportPart) -> dict[str, bytes]:
    """Render all tables at full precision; return them by file name.

    pairs.csv is for comparisons only, raters.csv for ratings only.
    """
    estimates: list[ReportDict] = [
        {"method": method, "estimate": name, "scale": scale, **flatten(one)}
        for method, name, scale, one in iterate_estimates(report)
    ]
    ranks: list[ReportDict] = [
        {"method": method, "best_rank": entry["rank_set"][0], "worst_rank": entry["rank_set"][1]}
        for method, entry in report["methods"].items()
        if "rank_set" in entry
    ]
    files = {
        "estimates.csv": render_csv(estimates, ["method", "estimate", "scale"]),
        "differences.csv": render_csv(list(map(flatten, report["differences"])), ["of", "a", "b"]),
        "images.csv": render_csv(list(map(flatten, report["images"])), ["method", "scale"]),
        "participants.csv": render_participants_csv(report, {}),
        **render_shared_csv_files(report),
    }
    if ranks:
        files["ranks.csv"] = render_csv(ranks, ["method"])
        files["pairs.csv"] = render_csv(list(map(flatten, report["pairs"])), ["a", "b"])
    if report["raters"]:
        files["raters.csv"] = render_csv(report["raters"], ["participant", "scale"])
    return files
