"""Tests of rates by exposure and of thresholds in the report."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analysis.report import report
from tests.analysis.inference.task_data import read_expected, read_table
from tests.analysis.rows import Row, make_row, write_csv


def write_study(path: Path, delays: dict[str, int], single: bool = False) -> Path:
    """Write the reference answers once for each method, with exposures longer by a factor."""
    rows: list[Row] = []
    for method, factor in delays.items():
        for number, (person, image, exposure, correct) in enumerate(read_table("exposures")):
            answers = ("fake", "real") if single else ("left", "right")
            truth, other = answers if single or number % 2 else answers[::-1]
            row = make_row(
                participant=f"p{person}", position=str(len(rows)), method=method,
                image=f"i{image}", exposure_ms=str(exposure * factor),
                truth=truth, answer=truth if correct else other,
            )  # fmt: skip
            alone = {"presentation": "single", "candidates": "1", "real_image": ""}
            rows.append(row | alone if single else row)
    return write_csv(path / "responses.csv", rows)


def make(path: Path) -> tuple[dict[str, Any], str]:
    out = path.parent / "report"
    done = CliRunner().invoke(report, [str(path), "--out", str(out)])
    assert done.exit_code == 0, done.output
    return json.loads((out / "report.json").read_text()), (out / "report.html").read_text()


def test_pairs_at_several_exposures_have_rates_and_thresholds(tmp_path: Path) -> None:
    numbers, page = make(write_study(tmp_path, {"l2": 1, "mcl": 2}))
    by_exposure = numbers["by_exposure"]
    rates = [one["rate"] for one in by_exposure["rates"] if one["method"] == "l2"]
    assert [one["trials"] for one in by_exposure["rates"]] == [90] * 12
    assert rates[0] > rates[-1]
    expected = read_expected("exposures")["threshold_ms"]
    thresholds = by_exposure["thresholds"]
    assert thresholds["l2"]["ms"] == pytest.approx(expected, rel=1e-4)
    assert thresholds["mcl"]["ms"] == pytest.approx(2 * expected, rel=1e-4)
    assert thresholds["l2"]["agrees"] is True
    (ratio,) = by_exposure["ratios"]
    assert (ratio["a"], ratio["b"], ratio["ratio"]) == ("l2", "mcl", pytest.approx(0.5))
    assert "Exposure at which the fake is recognized in 75% of pairs" in page
    assert f"{expected:,.0f} ms" in page


def test_single_images_have_rates_but_no_threshold(tmp_path: Path) -> None:
    numbers, page = make(write_study(tmp_path, {"l2": 1}, single=True))
    assert len(numbers["by_exposure"]["rates"]) == 6
    assert numbers["by_exposure"]["thresholds"] == {}
    assert "Results by exposure" in page
    assert "recognized in 75%" not in page


def test_one_exposure_has_no_results_by_exposure(tmp_path: Path) -> None:
    rows = [make_row(participant=f"p{n}", exposure_ms="500") for n in range(4)]
    numbers, page = make(write_csv(tmp_path / "responses.csv", rows))
    assert numbers["by_exposure"] is None
    assert "by exposure" not in page
