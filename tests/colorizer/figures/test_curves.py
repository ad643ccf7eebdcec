from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.collections import PatchCollection
from PIL import Image

from colorizer.color.bins import bin_centers
from colorizer.color.spaces import rgb_to_lab
from colorizer.errors import ColorizerError
from colorizer.figures.curves import (
    bin_colors,
    draw_bin_weights,
    draw_loss_curves,
    read_log,
    save_figure,
)

LOG = "epoch,train_loss,val_loss\n1,4.5,4.2\n2,4.1,3.9\n3,3.8,4.0\n"


@pytest.fixture
def log(tmp_path: Path) -> dict[str, list[float]]:
    (tmp_path / "log.csv").write_text(LOG)
    return read_log(tmp_path / "log.csv")


def test_both_losses_of_every_epoch_are_drawn(log: dict[str, list[float]]) -> None:
    (axes,) = draw_loss_curves(log, "mcl").axes
    drawn = {str(line.get_label()): line.get_xydata() for line in axes.get_lines()}
    assert np.array_equal(drawn["training"], [[1, 4.5], [2, 4.1], [3, 3.8]])
    assert np.array_equal(drawn["validation"], [[1, 4.2], [2, 3.9], [3, 4.0]])


def test_the_best_epoch_is_marked(log: dict[str, list[float]]) -> None:
    (axes,) = draw_loss_curves(log, "mcl").axes
    assert [text.get_text() for text in axes.texts] == ["lowest: epoch 2, 3.9"]
    assert any(np.array_equal(line.get_xydata(), [[2, 3.9]]) for line in axes.get_lines())


def test_the_curves_of_one_epoch_can_be_drawn(log: dict[str, list[float]], tmp_path: Path) -> None:
    once = {name: values[:1] for name, values in log.items()}
    save_figure(draw_loss_curves(once, "l2"), tmp_path / "losses")
    with Image.open(tmp_path / "losses.png") as image:
        assert image.width > 1000


def test_every_bin_is_drawn_with_its_weight_and_color() -> None:
    weight = torch.rand(313) + 0.1
    left, right = draw_bin_weights(weight).axes[:2]
    colors, weights = (axes.collections[0] for axes in (left, right))
    assert isinstance(colors, PatchCollection)
    assert len(colors.get_paths()) == len(weights.get_paths()) == 313
    assert np.array_equal(np.asarray(weights.get_array()), weight.numpy())
    for path, center in zip(weights.get_paths(), bin_centers().tolist(), strict=True):
        assert path.get_extents().get_points().mean(axis=0) == pytest.approx(center)


def test_bins_are_drawn_in_their_hue() -> None:
    bins = bin_centers()
    lab = rgb_to_lab(bin_colors(bins))
    assert (lab[:, 0] - 60).abs().max() < 0.5
    far = bins.norm(dim=1) > 0
    cosine = torch.cosine_similarity(lab[far, 1:], bins[far])
    assert cosine.min() > 0.99


@pytest.mark.slow(0.5)
def test_the_same_data_give_the_same_files(log: dict[str, list[float]], tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_figure(draw_loss_curves(log, "mcl"), tmp_path / name)
    for kind in ("svg", "png"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


@pytest.mark.parametrize("text", ["", "epoch,val_loss\n", "epoch,val_loss\n1,x\n"])
def test_a_file_that_is_not_a_log_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ColorizerError, match=r"log\.csv: not a log"):
        read_log(tmp_path / "log.csv")
    with pytest.raises(ColorizerError, match="no training log"):
        read_log(tmp_path / "absent.csv")
