"""LaTeX tables of the estimates and differences of judged candidates, with booktabs."""

from collections.abc import Iterator

from analysis.findings.judged_parts import collect_estimates, list_estimate_names
from analysis.formatting import ReportPart, format_number, method_label
from analysis.report_output.judged.numbers import (
    format_bounds,
    format_rank_set,
    format_value,
    is_share,
    split_of,
)
from analysis.report_output.latex import (
    escape_latex,
    format_latex_number,
    format_latex_p,
    render_tabular,
)

FILE_HEADER = """% Judgments of the study {study}, task {task}; input SHA-256 {sha256}.
% Several tabular environments; put each into a table environment.
% 95\\% CI: for new participants and new images; same images: for new participants only.
% Requires \\usepackage{{booktabs}}.
"""
HEADINGS = {
    "win_rate": "Won (\\%)",
    "share_best": "Best (\\%)",
    "mean_rank": "Mean rank",
    "strength": "Strength",
    "mean_opinion": "MOS",
    "dmos": "DMOS",
}


def render_judged_latex(report: ReportPart) -> bytes:
    """Render tables.tex: one table for each estimate, and one for its differences."""
    shown = report["input"]
    head = FILE_HEADER.format(study=shown["study"], sha256=shown["sha256"], task=report["task"])
    tables = [*_iterate_estimate_tables(report), *_iterate_difference_tables(report)]
    return "\n".join([head, *tables]).encode()


def _iterate_estimate_tables(report: ReportPart) -> Iterator[str]:
    for name, scale in list_estimate_names(report):
        estimates = collect_estimates(report, name, scale)
        with_ranks = name == "strength"
        heading = HEADINGS.get(name, escape_latex(name))
        columns = ["Method", heading, "95\\% CI", "Same images", "Participants", "Images",
                   "Judgments", *["Possible ranks"] * with_ranks]  # fmt: skip
        rows = [
            [
                escape_latex(method_label(method)),
                *_format_cells(name, one),
                *(format_number(one[key]) for key in ("participants", "images", "trials")),
                *(_format_ranks(report["methods"][method]) if with_ranks else ()),
            ]
            for method, one in estimates.items()
        ]
        comment = f"% {name}{f', {scale}' if scale else ''}\n"
        yield comment + render_tabular(columns, rows)


def _iterate_difference_tables(report: ReportPart) -> Iterator[str]:
    for of in dict.fromkeys(pair["of"] for pair in report["differences"]):
        name, _ = split_of(of)
        unit = " (points)" if is_share(name) else ""
        columns = ["Methods", f"Difference{unit}", "95\\% CI", "Same images", "$t$", "df",
                   "$p$ (Holm)"]  # fmt: skip
        rows = [
            [
                f"{escape_latex(method_label(pair['a']))} $-$ "
                f"{escape_latex(method_label(pair['b']))}",
                *_format_cells(name, {**pair, "value": pair["difference"]}),
                format_latex_number(format_number(pair["t"], 2)),
                format_number(pair["df"]),
                format_latex_p(pair["p_holm"]),
            ]
            for pair in report["differences"]
            if pair["of"] == of
        ]
        yield f"% differences of {of}\n" + render_tabular(columns, rows)


def _format_cells(name: str, one: ReportPart) -> list[str]:
    """Format the value and both intervals."""
    return [
        format_latex_number(format_value(name, one["value"])),
        *(_format_bounds(name, one[key]) for key in ("ci95", "ci95_fixed_images")),
    ]


def _format_bounds(name: str, bounds: list[float] | None) -> str:
    if bounds is None:
        return "--"
    low, _, high = format_bounds(name, bounds).partition(" to ")
    return f"[{format_latex_number(low)}, {format_latex_number(high)}]"


def _format_ranks(entry: ReportPart) -> list[str]:
    return [format_rank_set(entry["rank_set"]).replace(" to ", "--")]
