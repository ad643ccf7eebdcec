"""Tests that DuckDB's counts give the report that trials in memory give."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.findings.report_data import ReportOptions, assemble_findings, describe_sample
from analysis.inputs.design import ExclusionRules, Plan
from analysis.inputs.published import read_published_rates
from analysis.inputs.responses import ResponsesError
from analysis.inputs.sources import read_responses
from analysis.large.connection import NotCountedError, open_source
from analysis.large.report_sample import build_counted_sample
from analysis.large.tables.row_checks import check_rows
from analysis.report import report
from tests.analysis.closeness import list_differences
from tests.analysis.large.varied_study import make_varied_study
from tests.analysis.rows import Row, make_row, make_study, write_csv, write_parquet
from tests.analysis.shell import run_here

RULES = ExclusionRules(fast_ms=200, slow_ms=4000, min_answers=5, attention_checks_min_planned=2)


def spread_positions(rows: list[Row], times: int) -> list[Row]:
    """Return the rows with gaps between the positions."""
    return [
        row | {key: str(int(row[key]) * times) for key in ("position", "repeat_of") if row[key]}
        for row in rows
    ]


STUDIES = {
    "reference": make_study(),
    "pairs": make_varied_study(),
    "other photographs": make_varied_study(is_paired=False),
    "one image": make_varied_study(is_single=True),
    "images that come back": make_varied_study(images=4),
    "positions to 80": spread_positions(make_varied_study(), 5),
    "positions to 1600": spread_positions(make_varied_study(images=4), 100),
}


def report_both_ways(file: Path, rules: ExclusionRules) -> list[Any]:
    """Return report.json from trials in memory, and from counts."""
    published, options = read_published_rates(), ReportOptions(plan=Plan(rules=rules))
    listed = assemble_findings(read_responses(str(file)), published, options)
    with open_source(file) as source:
        check_rows(source)
        sample = build_counted_sample(source, file, rules, None, None)
        counted = describe_sample(sample, published, options)
    return [json.loads(json.dumps(one.report)) for one in (listed, counted)]


@pytest.mark.slow(6)
@pytest.mark.parametrize("name", STUDIES)
def test_counts_give_the_report_of_the_trials_in_memory(name: str, tmp_path: Path) -> None:
    file = write_parquet(tmp_path / "responses.parquet", STUDIES[name])
    listed, counted = report_both_ways(file, RULES)
    assert list_differences(listed, counted) == []
    assert list(listed) == list(counted)


@pytest.mark.slow(1.8)
def test_every_rule_excludes_somebody_in_the_varied_study(tmp_path: Path) -> None:
    file = write_parquet(tmp_path / "responses.parquet", STUDIES["pairs"])
    _, counted = report_both_ways(file, replace(RULES, max_fast_fraction=0.5))
    reasons = counted["exclusions"]["by_reason"]
    assert {"returned", "incomplete", "attention_checks", "too_fast", "side_bias"} <= set(reasons)
    assert counted["consistency"]["repeats"] > 0
    assert counted["attention_checks"]["answers"] > 0


def run_report(file: Path, *options: str) -> tuple[int, str]:
    out = file.with_name("report")
    done = run_here(report, file, "--out", str(out), "--engine", "duckdb", *options)
    assert done.returncode == 0 or not out.exists()
    return done.returncode, done.stderr


@pytest.mark.slow(1)
def test_the_command_writes_the_whole_report_from_counts(tmp_path: Path) -> None:
    file = write_parquet(tmp_path / "responses.parquet", STUDIES["pairs"])
    assert run_report(file) == (0, "")
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert {"report.html", "report.json", "rates.csv", "participants.csv", "figures"} <= names


WRONG_ROWS = [
    ({"method": "MCL"}, "row 2: method is 'MCL', expected up to 32 characters"),
    ({"answer": "fake"}, "row 2: answer is 'fake', expected left or right"),
    ({"flags": "lat"}, "row 2: flags is 'lat', expected only voided,"),
    ({"rt_ms": "-1"}, "row 2: rt_ms is '-1.0', expected milliseconds or empty"),
    ({"truth": ""}, "row 2: truth is empty, as in a blinded export"),
    ({"position": "0"}, "participant p1 has two rows with position 0"),
    ({"outcome": "abandoned"}, "participant p1: person, mode or outcome differs between rows"),
    ({"repeat_of": "0", "method": "l2"}, "position 1: repeat_of is not the position of an earlier"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_ROWS)
def test_a_wrong_row_is_refused_in_one_line(change: Row, message: str, tmp_path: Path) -> None:
    rows = [make_row(), make_row(position="1") | change]
    status, error = run_report(write_parquet(tmp_path / "responses.parquet", rows))
    assert status == 2
    assert error.count("\n") == 1
    assert message in error


def test_what_duckdb_does_not_count_is_said_in_one_line(tmp_path: Path) -> None:
    rows = [make_row(exposure_ms="500"), make_row(position="1", exposure_ms="1000")]
    file = write_parquet(tmp_path / "responses.parquet", rows)
    for options, what in (((), "several exposures"), (("--bootstrap", "9"), "resamples")):
        status, error = run_report(file, *options)
        assert (status, error.count("\n")) == (2, 1)
        assert f"DuckDB does not count {what}" in error
        assert "use --engine memory" in error


def test_csv_files_are_not_for_duckdb(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "responses.csv", [make_row()])
    status, error = run_report(file)
    assert status == 2
    assert "--engine duckdb reads Parquet only; use `study export --format parquet`" in error


def test_without_duckdb_one_line_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_parquet(tmp_path / "responses.parquet", [make_row()])
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(ResponsesError, match="pip install 'hue-and-eye\\[analysis,duckdb\\]'"):
        open_source(file).__enter__()


def test_a_judged_task_is_not_counted(tmp_path: Path) -> None:
    row = make_row(task="preference", question="", image="", method="", real_image="", truth="")
    file = write_parquet(tmp_path / "responses.parquet", [row | {"answer": ""}])
    with open_source(file) as source:
        check_rows(source)
        with pytest.raises(NotCountedError, match="the task preference"):
            build_counted_sample(source, file, RULES, None, None)
