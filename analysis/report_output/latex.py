"""LaTeX tables of the rates and differences for a paper, with booktabs."""

from collections.abc import Iterable, Sequence

from analysis.formatting import (
    EN_DASH,
    MINUS_SIGN,
    ReportPart,
    format_number,
    format_percent,
    method_label,
)
from analysis.inference.intervals import Interval

LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
FILE_HEADER = """% Fooling rates of the study {study}; input SHA-256 {sha256}.
% Two tabular environments; put each into a table environment.
% Requires \\usepackage{{booktabs}}.
"""
RATE_COLUMNS = (
    "Method",
    "Fooled (\\%)",
    "95\\% CI",
    "Trials",
    "Participants",
    "Photographs",
    "$p$ vs 50\\% (Holm)",
)
DIFFERENCE_COLUMNS = (
    "Methods",
    "Difference (points)",
    "95\\% CI",
    "$t$",
    "df",
    "$p$ (Holm)",
)


def render_latex(report: ReportPart) -> bytes:
    """Render tables.tex.

    Intervals generalize to new participants and new photographs. The p values of rates are from
    tests against 50%, Holm-corrected; rates of single images are not tested.
    """
    rates = [
        (
            escape_latex(method_label(method)), format_latex_number(format_percent(rate["rate"])),
            _format_latex_interval(rate["ci95"]),
            format_number(rate["trials"]), format_number(rate["participants"]),
            format_number(rate["images"]),
            format_latex_p(rate["vs_chance"]["p_holm"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    keep = len(RATE_COLUMNS) - report["input"]["single"]  # single images have no chance level
    differences = [
        (
            f"{escape_latex(method_label(pair['a']))} $-$ {escape_latex(method_label(pair['b']))}",
            format_latex_number(format_percent(pair["difference"])),
            _format_latex_interval(pair["ci95"]),
            format_latex_number(format_number(pair["t"], 2)), format_number(pair["df"]),
            format_latex_p(pair["p_holm"]),
        )
        for pair in report["differences"]
    ]  # fmt: skip
    head = FILE_HEADER.format(study=report["input"]["study"], sha256=report["input"]["sha256"])
    tables = [
        render_tabular(RATE_COLUMNS[:keep], [row[:keep] for row in rates]),
        render_tabular(DIFFERENCE_COLUMNS, differences) if differences else "",
    ]
    return "\n".join([head, *filter(None, tables)]).encode()


def render_tabular(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a tabular environment with booktabs; the first column names the rows."""
    lines = [" & ".join(row) + r" \\" for row in rows]
    return "\n".join(
        [
            f"\\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
            *("\\toprule", " & ".join(columns) + r" \\", "\\midrule"),
            *lines,
            *("\\bottomrule", "\\end{tabular}", ""),
        ]
    )


def escape_latex(text: str) -> str:
    """Escape the characters that LaTeX reads as commands."""
    return "".join(LATEX_ESCAPES.get(letter, letter) for letter in text)


def format_latex_number(printed: str) -> str:
    """Write the minus sign in math mode, and the dash for a missing value as --."""
    return (
        f"${printed.replace(MINUS_SIGN, '-')}$"
        if MINUS_SIGN in printed
        else printed.replace(EN_DASH, "--")
    )


def _format_latex_interval(bounds: Interval | None) -> str:
    if bounds is None:
        return "--"
    return (
        f"[{format_latex_number(format_percent(bounds[0]))}, "
        f"{format_latex_number(format_percent(bounds[1]))}]"
    )


def format_latex_p(p: float | None) -> str:
    """Format a p value as in `format_p`; -- if there is none."""
    if p is None:
        return "--"
    return "$<$\\,.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
