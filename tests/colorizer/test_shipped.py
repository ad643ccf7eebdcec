"""Tests of the two models that are included in the project."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer.cli import main
from colorizer.color.prior import rebalancing_weights
from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.networks.checkpoint import (
    find_shipped_checkpoint,
    load_colorizer,
    read_header,
    read_model_prior,
)
from colorizer.networks.models import OBJECTIVES
from tests.colorizer.conftest import CPU

ROOT = Path(__file__).parents[2]
MAX_BYTES = 25_000_000


def shipped(name: str) -> Path:
    path = find_shipped_checkpoint(name)
    assert path is not None
    return path


@pytest.mark.slow(0.3)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_shipped_model_has_a_header_and_loads(name: str) -> None:
    assert shipped(name).stat().st_size <= MAX_BYTES
    header = read_header(shipped(name))
    assert header["objective"] == name
    assert header["metrics"]["epoch"] == header["epoch"]
    model = load_colorizer(shipped(name), CPU)
    assert all(x.dtype == torch.float32 for x in model.parameters())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_shipped_model_has_its_prior_and_a_card(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prior = read_model_prior(shipped(name))
    assert prior is not None
    recorded = json.loads((ROOT / "docs/experiment/prior.json").read_text(encoding="utf-8"))
    expected = torch.tensor(recorded["probability"])
    torch.testing.assert_close(prior.probability, expected, atol=1e-9, rtol=0)
    torch.testing.assert_close(prior.weight, torch.tensor(recorded["weight"]))
    torch.testing.assert_close(
        rebalancing_weights(prior.probability.double()).float(), prior.weight, atol=1e-5, rtol=0
    )
    assert prior.photograph_count == read_header(shipped(name))["photographs"]["train"] == 10421
    with pytest.raises(SystemExit) as exit_info:
        main(["card", name])
    assert exit_info.value.code == 0
    card = capsys.readouterr().out
    assert all(f"**{part}.**" in card for part in ("Data", "Recipe", "Intended use", "Limits"))


@pytest.mark.slow(0.5)
@pytest.mark.parametrize("model", [*OBJECTIVES, "l2-vivid", "mcl-calm", "mcl-annealed"])
def test_a_photograph_can_be_colorized_without_training(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # a folder without runs
    rows = np.linspace(235, 90, 192)[:, None]  # bright sky above dark ground
    scene = np.broadcast_to(rows, (192, 256)).astype(np.uint8)
    Image.fromarray(scene).save("gray.jpg")
    with pytest.raises(SystemExit) as exit_info:
        main(["colorize", "gray.jpg", "--model", model])
    assert exit_info.value.code == 0
    assert "colorizer/pretrained/" in capsys.readouterr().err
    with Image.open("colorized/gray.png") as image:
        lab = rgb_to_lab(from_bytes(torch.tensor(np.asarray(image)[None])))
    assert lab[0, 1:].norm(dim=0).mean() > 2
