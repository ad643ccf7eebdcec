"""The LaTeX tables hold the report's numbers."""

from pathlib import Path

import pytest

from analysis.findings.report_data import ReportOptions, assemble_findings
from analysis.inputs.published import read_published_rates
from analysis.inputs.sources import read_responses
from analysis.report_output.latex import render_latex
from tests.analysis.rows import make_row, make_study, write_csv


def latex_of(path: Path) -> str:
    report = assemble_findings(
        read_responses(str(path)), read_published_rates(), ReportOptions()
    ).report
    return render_latex(report).decode()


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of the reference set's tables."""
    return latex_of(
        write_csv(tmp_path_factory.mktemp("study") / "r.csv", make_study())
    ).splitlines()


def test_the_rows_hold_the_reports_numbers(lines: list[str]) -> None:
    assert "MCL & 31.2 & [26.2, 36.6] & 520 & 40 & 184 & $<$\\,.001 \\\\" in lines
    assert "L2 $-$ MCL & $-7.9$ & [$-13.9$, $-2.0$] & $-2.70$ & 39 & .021 \\\\" in lines
    assert lines.count("\\bottomrule") == 2


def test_every_row_has_the_columns_of_its_table(lines: list[str]) -> None:
    columns = 0
    for line in lines:
        if line.startswith("\\begin{tabular}"):
            columns = len(line.split("{")[-1].rstrip("}"))
        elif " & " in line:
            assert line.count(" & ") == columns - 1


def test_letters_that_tex_takes_for_its_own_are_escaped(tmp_path: Path) -> None:
    rows = [make_row(participant=f"p{i}", method="mine_v2", image=f"i{i}") for i in range(3)]
    lines = latex_of(write_csv(tmp_path / "r.csv", rows)).splitlines()
    assert any(line.startswith("mine\\_v2 & 100.0 & ") for line in lines)


def test_one_method_has_no_table_of_differences(tmp_path: Path) -> None:
    latex = latex_of(write_csv(tmp_path / "r.csv", [make_row()]))
    assert latex.count("\\begin{tabular}") == 1
    assert "& -- & 1 & 1 & 1 & -- \\\\" in latex


def test_single_images_have_no_column_for_a_test_against_chance(tmp_path: Path) -> None:
    single = {"presentation": "single", "real_image": "", "truth": "fake", "answer": "real"}
    rows = [make_row(participant=f"p{i}", image=f"i{i}", **single) for i in range(3)]
    latex = latex_of(write_csv(tmp_path / "r.csv", rows))
    assert "50\\%" not in latex
    assert "MCL & 100.0 & " in latex
