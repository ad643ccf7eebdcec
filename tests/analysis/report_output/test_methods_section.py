"""The method section cites the works that it lists, and describes the study correctly."""

from pathlib import Path
from typing import Any

import pytest

from analysis.findings.report_data import ReportOptions, assemble_findings
from analysis.formatting import NARROW_SPACE
from analysis.inputs.published import read_published_rates
from analysis.inputs.sources import read_responses
from analysis.report_output.glossary import MARGIN_TEXTS
from analysis.report_output.methods_section import (
    format_exposure,
    format_methods_section,
    list_references,
)
from analysis.report_output.page import build_tables
from tests.analysis.rows import make_study, write_csv


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of the reference set, as a study in which one participant gave up."""
    rows = make_study()
    rows = [row | {"outcome": "abandoned"} if row["participant"] == "p3" else row for row in rows]
    path: Path = write_csv(tmp_path_factory.mktemp("study") / "r.csv", rows)
    return assemble_findings(
        read_responses(str(path)), read_published_rates(), ReportOptions()
    ).report


def test_every_work_that_the_text_names_is_listed(report: dict[str, Any]) -> None:
    text, works = " ".join(format_methods_section(report)), "\n".join(list_references(report))
    for name in ("Cameron", "Wilson", "Holm", "Schuirmann", "Bates", "Griffin"):
        assert name in text
        assert name in works
    assert "Zhang, R." in works
    assert "Clopper" not in works
    sharp = {method: one | {"d_prime": 0.7} for method, one in report["methods"].items()}
    assert any("Macmillan" in work for work in list_references(report | {"methods": sharp}))


def test_the_text_gives_the_sample_size_and_the_task(report: dict[str, Any]) -> None:
    text = " ".join(format_methods_section(report))
    assert text.startswith(
        "40 participants took part. On each trial, they saw a photograph and a fake"
    )
    assert (
        "1 participant was excluded; 39 participants with 1,560 test trials were analyzed." in text
    )


@pytest.mark.parametrize(("source", "text"), MARGIN_TEXTS.items())
def test_the_text_says_where_the_margin_comes_from(
    report: dict[str, Any], source: str, text: str
) -> None:
    frozen = report | {"equivalence_margin": {"margin": 0.05, "source": source}}
    expected = f"less than 5.0 percentage points, {text}."
    assert expected in " ".join(format_methods_section(frozen))
    (table,) = [table for table in build_tables(frozen)["Differences between methods"]
                if "Equivalence" in table.caption]  # fmt: skip
    assert (table.note == "") == (source == "design")


@pytest.mark.parametrize(
    ("aspects", "expected"),
    [
        ([], "Exclusion rules were fixed before data collection. 1"),
        (["trials"], "Exclusion rules were fixed before data collection; the report lists"),
        (["fast_ms"], "Exclusion rules differ from those of the frozen design"),
        (
            ["design", "fast_ms"],
            "Some or all of the data were not collected under the specified frozen",
        ),
    ],
)
def test_rules_are_called_fixed_only_if_they_were(
    report: dict[str, Any], aspects: list[str], expected: str
) -> None:
    deviations = [{"aspect": aspect} for aspect in aspects]
    verdict = "deviations" if aspects else "match"
    design = report["design"] | {"verdict": verdict, "deviations": deviations}
    assert expected in " ".join(format_methods_section(report | {"design": design}))


def test_one_method_of_single_images_was_compared_with_nothing(report: dict[str, Any]) -> None:
    shown = report["input"] | {"single": True, "photographs": False}
    alone = {"mcl": report["methods"]["mcl"]}
    text = " ".join(
        format_methods_section(report | {"input": shown, "methods": alone, "differences": []})
    )
    assert "Tests" not in text
    assert "Holm" not in text
    assert "only fakes, made from" in text


def test_every_row_of_every_table_has_a_cell_for_every_column(report: dict[str, Any]) -> None:
    tables = [table for section in build_tables(report).values() for table in section]
    assert len(tables) > 12
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.caption


@pytest.mark.parametrize(
    ("exposures", "expected"),
    [
        (["1000"], ", each for 1,000 ms"),
        (["100", "1000", "250"], ", each for 100, 250 or 1,000 ms"),
        (["500", ""], ", each for 500 ms or until they responded"),
        ([""], ", each until they responded"),
        ([], ""),
        ([str(10 * n) for n in range(1, 40)], ", each for 10 to 390 ms"),
    ],
)
def test_exposures_are_listed_in_order_until_they_become_a_range(
    exposures: list[str], expected: str
) -> None:
    assert format_exposure({"exposure_ms": exposures}).replace(NARROW_SPACE, " ") == expected
