import csv
import json
import math
import re
from pathlib import Path

from colorizer.color.prior import ColorPrior
from colorizer.evaluation.scores import (
    ImageMetrics,
    MeanEstimate,
    MeanEstimates,
    MetricValue,
    bin_weights,
    measure_methods,
)
from colorizer.evaluation.tables import PUBLISHED_AUCS, render_table, write_metrics
from colorizer.stimuli.methods import METHODS
from tests.colorizer.evaluation.test_scores import image, prior

FORMATS = Path(__file__).parents[3] / "docs" / "formats.md"
ESTIMATES: MeanEstimates = {
    "gray": {
        "auc_raw": MeanEstimate(0.8704, (0.8621, 0.8788)),
        "psnr": MeanEstimate(21.5, (20, 23)),
    },
    "real": {"auc_raw": MeanEstimate(1.0, (1.0, 1.0)), "psnr": MeanEstimate(math.inf, None)},
}
SCORES: dict[str, ImageMetrics] = {
    f"set/{n}": {
        "gray": {"auc_raw": MetricValue(n / 8, weight=2.0), "psnr": MetricValue(20.0 + n)},
        "real": {"auc_raw": MetricValue(1.0), "psnr": MetricValue(math.inf)},
    }
    for n in range(7)
}

__all__ = ["prior"]


def test_metrics_json_has_the_documented_format(tmp_path: Path, prior: ColorPrior) -> None:
    write_metrics(tmp_path, ESTIMATES, SCORES)
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["gray"] == {
        "auc_raw": {"mean": 0.8704, "ci95": [0.8621, 0.8788]},
        "psnr": {"mean": 21.5, "ci95": [20, 23]},
        "images": 7,
    }
    assert written["real"]["psnr"] == {"mean": None, "ci95": None}

    section = FORMATS.read_text().split("## metrics.json")[1]
    documented = re.findall(r'"([a-z0-9_]+)"', section.split("{method: {")[1].split(": {")[0])
    metrics = measure_methods({"real": image(0)}, ["real"], bin_weights(prior))["real"]
    assert documented == list(metrics)
    assert set(METHODS) <= set(re.findall(r"`([a-z0-9-]+)`", section))


def test_metrics_csv_has_one_row_per_metric_with_the_published_value(tmp_path: Path) -> None:
    write_metrics(tmp_path, ESTIMATES, SCORES)
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["metric"]) for row in rows] == [
        (method, metric) for method, metrics in ESTIMATES.items() for metric in metrics
    ]
    assert rows[0] == {
        "method": "gray",
        "metric": "auc_raw",
        "mean": "0.8704",
        "ci95_low": "0.8621",
        "ci95_high": "0.8788",
        "images": "7",
        "published": "0.891",
    }
    assert rows[-1]["mean"] == ""


def test_images_csv_has_one_row_per_photograph_and_method(tmp_path: Path) -> None:
    write_metrics(tmp_path, ESTIMATES, SCORES)
    with (tmp_path / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 14
    assert rows[2] == {"image": "set/1", "method": "gray", "auc_raw": "0.125", "psnr": "21.0"}
    assert rows[3] == {"image": "set/1", "method": "real", "auc_raw": "1.0", "psnr": ""}


def test_a_metric_that_could_not_be_measured_is_left_empty(tmp_path: Path) -> None:
    estimates = {"l2": {"patches": MeanEstimate(math.nan, None)}}
    write_metrics(tmp_path, estimates, {"a": {"l2": {"patches": MetricValue(0, weight=0)}}})
    assert (tmp_path / "images.csv").read_text().splitlines()[1] == "a,l2,"
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["l2"]["patches"] == {"mean": None, "ci95": None}
    assert render_table(estimates, 1).splitlines()[1].split() == ["patches", "-"]


def test_the_table_has_intervals_published_values_and_footnotes() -> None:
    table = render_table(ESTIMATES, images=7)
    lines = [line.split() for line in table.splitlines()]
    assert lines[:6] == [
        ["gray", "real"],
        ["auc_raw", "87.0", "100.0"],
        ["86.2", "to", "87.9", "100.0", "to", "100.0"],
        ["published", "89.1"],
        ["psnr", "21.50", "inf"],
        ["20.00", "to", "23.00"],
    ]
    assert "do not compare it with published LPIPS" in table
    assert max(len(line) for line in table.splitlines()) <= 120


def test_published_values_belong_to_existing_methods() -> None:
    assert {published.method for published in PUBLISHED_AUCS} <= set(METHODS)
