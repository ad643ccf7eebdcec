"""The numbers on covariates and on learning as CSV files."""

from analysis.csv_cells import render_csv
from analysis.formatting import ReportDict, ReportPart
from analysis.report_output.csv_files import flatten
from analysis.report_output.shared.values import list_entries


def render_shared_csv_files(report: ReportPart) -> dict[str, bytes]:
    """Render subgroups.csv, subgroup_differences.csv and learning.csv by name."""
    return {
        "subgroups.csv": render_csv(_list_rows(report, "levels"), ["covariate", "of"]),
        "subgroup_differences.csv": render_csv(
            _list_rows(report, "differences"), ["covariate", "of"]
        ),
        "learning.csv": render_csv([flatten(one) for one in report["learning"]], ["of", "method"]),
    }


def _list_rows(report: ReportPart, part: str) -> list[ReportDict]:
    rows = []
    for entry, one in list_entries(report, "subgroups", part):
        lists = {key: " - ".join(one[key]) for key in ("methods", "levels") if key in one}
        rows.append({"covariate": entry["covariate"], "of": entry["of"], **lists, **flatten(one)})
    return rows
