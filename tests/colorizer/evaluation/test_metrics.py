import numpy as np
import pytest
import torch
from skimage import metrics as skimage
from torch import Tensor

from colorizer.evaluation.metrics import (
    auc_contribution,
    colorfulness,
    peak_signal_to_noise,
    share_within,
    structural_similarity,
)
from tests.colorizer.pictures import draw


def levels(number: int) -> Tensor:
    """Return a picture with levels 0 to 255, (1, 3, 96, 96)."""
    return torch.tensor(draw(number)).movedim(-1, 0)[None].float()


def test_the_auc_is_the_area_under_the_share_of_pixels_within_tau() -> None:
    error = torch.rand(5000, generator=torch.Generator().manual_seed(0)) * 200
    thresholds = np.linspace(0, 150, 15001)
    share = [(error.numpy() <= tau).mean() for tau in thresholds]
    area = np.trapezoid(share, thresholds) / 150
    assert float(auc_contribution(error).mean()) == pytest.approx(area, abs=1e-4)


def test_the_auc_falls_from_1_at_no_error_to_0_at_150() -> None:
    assert auc_contribution(torch.tensor([0.0, 75, 150, 240])).tolist() == [1, 0.5, 0, 0]


def test_psnr_and_ssim_agree_with_scikit_image() -> None:
    pictures = draw(0), draw(1)
    psnr = skimage.peak_signal_noise_ratio(*pictures)
    assert float(peak_signal_to_noise(levels(0), levels(1))) == pytest.approx(psnr, abs=1e-4)
    published = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    ssim = skimage.structural_similarity(*pictures, channel_axis=2, data_range=255, **published)
    assert float(structural_similarity(levels(0), levels(1))) == pytest.approx(ssim, abs=1e-4)


def test_psnr_is_infinite_and_ssim_1_for_equal_images() -> None:
    assert float(peak_signal_to_noise(levels(0), levels(0))) == float("inf")
    assert float(structural_similarity(levels(0), levels(0))) == pytest.approx(1)


@pytest.mark.parametrize("absolute", [False, True])
def test_colorfulness_agrees_with_its_definition(absolute: bool) -> None:
    red, green, blue = draw(3).astype(np.float64).reshape(-1, 3).T
    rg, yb = red - green, 0.5 * (red + green) - blue
    if absolute:
        rg, yb = np.abs(rg), np.abs(yb)
    spread = np.sqrt(np.std(rg) ** 2 + np.std(yb) ** 2)
    expected = spread + 0.3 * np.sqrt(np.mean(rg) ** 2 + np.mean(yb) ** 2)
    assert float(colorfulness(levels(3), absolute)) == pytest.approx(expected, rel=1e-5)


def test_the_two_definitions_of_colorfulness_differ() -> None:
    image = levels(3)
    assert abs(float(colorfulness(image) - colorfulness(image, absolute=True))) > 1


def test_gray_has_no_colorfulness() -> None:
    assert float(colorfulness(levels(0)[:, :1].expand(-1, 3, -1, -1))) == 0


def test_the_area_under_the_shares_is_the_auc() -> None:
    error = torch.tensor([0.0, 3.5, 20.0, 149.0, 180.0])
    share = share_within(error)
    assert share[[0, 3, 4, 20, 150]].tolist() == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.8])
    fine = torch.rand(100_000, generator=torch.Generator().manual_seed(0)) * 100
    area = float(torch.trapezoid(share_within(fine))) / 150
    assert area == pytest.approx(float(auc_contribution(fine).mean()), abs=1e-3)
