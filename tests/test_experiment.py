"""Tests that the page in docs/experiment agrees with its data files."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from colorizer.networks.checkpoint import find_shipped_checkpoint, read_header

HERE = Path(__file__).parents[1] / "docs" / "experiment"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_experiment", HERE / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_matches_the_metrics(maker: ModuleType) -> None:
    page = (HERE / "README.md").read_text(encoding="utf-8")
    metrics = json.loads((HERE / "metrics.json").read_text(encoding="utf-8"))
    assert page == maker.fill_table(page, metrics)
    assert f"{100 * metrics['mcl']['auc_balanced']['mean']:.1f}" in page


def test_the_shipped_models_match_the_training_curves() -> None:
    training = json.loads((HERE / "training.json").read_text(encoding="utf-8"))
    for name, run in training.items():
        path = find_shipped_checkpoint(name)
        assert path is not None
        header = read_header(path)
        assert (header["epoch"], header["val_loss"]) == (run["epoch"], run["val_loss"])
        assert run["val_loss"] == min(run["log"]["val_loss"])
        assert "/" not in run["config"]["weights"]  # no folder of the machine that trained it


def test_every_image_of_the_page_exists() -> None:
    page = (HERE / "README.md").read_text(encoding="utf-8")
    pictures = [part.partition(")")[0] for part in page.split("](")[1:]]
    local = [HERE / picture for picture in pictures if not picture.startswith(("http", "#"))]
    assert local
    assert [path.name for path in local if not path.exists()] == []
    assert all(path.stat().st_size < 1_000_000 for path in local if path.is_file())
