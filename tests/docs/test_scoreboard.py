"""Tests that the scoreboard agrees with its data."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from colorizer.evaluation.scores import ImageMetrics, MetricValue, estimate_means
from colorizer.evaluation.tables import write_metrics
from colorizer.stimuli.methods import METHODS
from tests.docs.scripts import load_script

PAGE = "<!-- color -->\nold\n<!-- end -->\n<!-- perceptual -->\nold\n<!-- end -->"


@pytest.fixture(scope="module")
def scoreboard() -> ModuleType:
    return load_script("write_scoreboard")


def test_the_tables_match_the_numbers(scoreboard: ModuleType) -> None:
    page = scoreboard.PAGE.read_text(encoding="utf-8")
    stored = json.loads(scoreboard.NUMBERS.read_text(encoding="utf-8"))
    assert page == scoreboard.fill_tables(page, stored)
    assert {method for numbers in stored.values() for method in numbers} <= set(METHODS)
    assert f"{100 * stored['color']['mcl']['auc_balanced']['mean']:.1f} (" in page


def test_an_evaluation_fills_the_tables(scoreboard: ModuleType, tmp_path: Path) -> None:
    def scores(gray_auc: float) -> ImageMetrics:
        return {
            method: {"auc_raw": MetricValue(auc), "colorfulness_gap": MetricValue(gap)}
            for method, auc, gap in (("gray", gray_auc, -40.0), ("real", 1.0, 0.0))
        }

    measured = {"a": scores(0.5), "b": scores(0.7), "c": scores(0.6)}
    means = estimate_means(list(measured.values()), np.random.default_rng(0))
    write_metrics(tmp_path, means, measured)
    numbers = json.loads((tmp_path / "metrics.json").read_text())
    lines = scoreboard.fill_tables(PAGE, scoreboard.select_numbers(numbers)).splitlines()
    assert lines[1] == "| | raw AuC | colorfulness gap | photographs |"
    assert lines[3].startswith("| `gray` | 60.0 (5")
    assert lines[4] == "| `real` | 100.0 (100.0 to 100.0) | 0.0 (0.0 to 0.0) | 3 |"
    assert lines[7] == "Not measured yet."
    assert scoreboard.select_numbers(numbers, "perceptual") == {}
