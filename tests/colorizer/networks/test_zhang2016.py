import csv
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from colorizer.cli import main
from colorizer.color.bins import bin_centers
from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import load_colorizer
from colorizer.networks.models import build_colorizer
from colorizer.networks.zhang2016 import ANNEALED_TEMPERATURE, ZHANG2016
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import write_pictures

# From the authors' colorizers/eccv16.py: the indices of the convolutions in each block, and of
# its norm
CONVOLUTIONS = {1: (0, 2), 2: (0, 2), **dict.fromkeys(range(3, 9), (0, 2, 4)), 8: (0, 2, 4, 6)}
NORMS = {1: 4, 2: 4, **dict.fromkeys(range(3, 8), 6)}


def released_names() -> set[str]:
    learned, counted = ("weight", "bias"), ("running_mean", "running_var", "num_batches_tracked")
    layers = {f"model{block}.{place}" for block in CONVOLUTIONS for place in CONVOLUTIONS[block]}
    norms = {f"model{block}.{place}" for block, place in NORMS.items()}
    names = {f"{layer}.{part}" for layer in layers | norms for part in learned}
    return names | {f"{norm}.{part}" for norm in norms for part in counted} | {"model_out.weight"}


def released_module(weights: dict[str, Tensor], lightness: Tensor) -> Tensor:
    """Compute the authors' module before upsampling, ab (N, 2, H / 4, W / 4)."""
    x = (lightness - 50) / 100
    for block, places in CONVOLUTIONS.items():
        for place in places:
            weight, bias = (weights[f"model{block}.{place}.{part}"] for part in ("weight", "bias"))
            dilation = 2 if block in (5, 6) else 1
            last_of_three = block < 4 and place == places[-1]
            if block == 8 and place == 0:
                x = functional.conv_transpose2d(x, weight, bias, stride=2, padding=1)
            elif block == 8 and place == 6:
                return 110 * functional.conv2d(
                    functional.conv2d(x, weight, bias).softmax(dim=1), weights["model_out.weight"]
                )
            else:
                stride = 2 if last_of_three else 1
                x = functional.conv2d(x, weight, bias, stride, padding=dilation, dilation=dilation)
            x = x.relu()
        if block in NORMS:
            norm = f"model{block}.{NORMS[block]}"
            parts = ("running_mean", "running_var", "weight", "bias")
            mean, variance, weight, bias = (weights[f"{norm}.{part}"] for part in parts)
            x = functional.batch_norm(x, mean, variance, weight, bias)
    raise AssertionError


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file like the authors', with random weights and slightly different bins."""
    torch.manual_seed(0)
    weights = build_colorizer(ZHANG2016, "mcl", bin_centers()).state_dict()
    weights["model_out.weight"] = weights["model_out.weight"] * 1.01
    weights["model8.6.weight"] = (
        weights["model8.6.weight"] * 20
    )  # else all colors are equally likely
    path = tmp_path_factory.mktemp("release") / "release.pth"
    torch.save(weights, path)
    return path


@pytest.mark.slow(0.3)
def test_the_network_has_the_published_tensors() -> None:
    network = build_colorizer(ZHANG2016, "mcl", bin_centers())
    assert set(network.state_dict()) == released_names()
    learned = sum(x.numel() for x in network.parameters() if x.requires_grad)
    assert round(learned / 1e6, 2) == 32.24
    assert learned == 32_235_385


@pytest.mark.slow(1)
def test_a_released_file_predicts_the_same_as_the_authors_module(release: Path) -> None:
    network = load_colorizer(release, CPU)
    lightness = torch.rand(1, 1, 64, 48, generator=torch.Generator().manual_seed(0)) * 100
    with torch.inference_mode():
        ours = network.decode(network(lightness), ANNEALED_TEMPERATURE)
        theirs = released_module(torch.load(release, weights_only=True), lightness)
    assert theirs.std() > 1
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-4)


@pytest.mark.slow(1)
def test_a_file_with_a_missing_tensor_is_refused_by_name(release: Path, tmp_path: Path) -> None:
    weights = torch.load(release, weights_only=True)
    del weights["model5.2.bias"]
    torch.save(weights, tmp_path / "short.pth")
    with pytest.raises(
        ColorizerError, match=r"short\.pth: weights do not fit .* Missing key.*model5\.2\.bias"
    ):
        load_colorizer(tmp_path / "short.pth", CPU)


@pytest.mark.slow(0.6)
def test_a_truncated_file_is_refused(release: Path, tmp_path: Path) -> None:
    (tmp_path / "half.pth").write_bytes(release.read_bytes()[:1_000_000])
    with pytest.raises(ColorizerError, match=r"half\.pth: not a weights file"):
        load_colorizer(tmp_path / "half.pth", CPU)


@pytest.mark.slow(0.6)
def test_predictions_are_at_stride_4_for_any_size() -> None:
    network = build_colorizer(ZHANG2016, "mcl", bin_centers()).eval()
    with torch.inference_mode():
        for height, width in ((32, 32), (44, 20), (33, 2)):
            logits = network(torch.rand(1, 1, height, width) * 100)
            assert logits.shape == (1, 313, -(-height // 4), -(-width // 4))


@pytest.mark.slow(0.5)
def test_the_first_prediction_is_the_prior() -> None:
    prior = torch.rand(313, generator=torch.Generator().manual_seed(0))
    prior /= prior.sum()
    network = build_colorizer(ZHANG2016, "mcl", bin_centers(), prior).eval()
    with torch.inference_mode():
        first_prediction = network(torch.full((1, 1, 32, 32), 50.0)).softmax(dim=1)
    torch.testing.assert_close(first_prediction.mean(dim=(0, 2, 3)), prior, atol=2e-3, rtol=0.5)


def test_the_network_of_zhang_et_al_cannot_be_trained_as_a_regression() -> None:
    with pytest.raises(ColorizerError, match="use --objective mcl"):
        build_colorizer(ZHANG2016, "l2", bin_centers())


@pytest.mark.slow(1)
def test_stimuli_can_be_made_with_a_released_file(release: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 3)
    arguments = ["batch", "--photos", str(tmp_path / "photos"), "--out", str(tmp_path / "outputs")]
    arguments += ["--methods", "real,zhang2016", "--models", f"zhang2016={release}", "--size", "64"]
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == 0
    with (tmp_path / "outputs" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["real", "zhang2016"] * 3
    assert all((tmp_path / "outputs" / row["file"]).stat().st_size for row in rows)
