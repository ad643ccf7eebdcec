import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from colorizer.color.bins import bin_centers
from colorizer.networks.backbone import BACKBONES
from colorizer.networks.models import (
    OBJECTIVES,
    PyramidColorizer,
    RebalancedHead,
    build_colorizer,
    upsample_ab,
)


@pytest.mark.slow(0.4)
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize(("objective", "channels"), [("l2", 2), ("mcl", 313)])
def test_a_colorizer_predicts_at_stride_4(backbone: str, objective: str, channels: int) -> None:
    model = build_colorizer(backbone, objective, bin_centers()).eval()
    for height, width in ((64, 64), (44, 80)):  # the second does not halve evenly
        with torch.no_grad():
            raw = model(torch.rand(1, 1, height, width) * 100)
        assert raw.shape == (1, channels, height // 4, width // 4)


def test_the_small_decoder_fits_a_25_mb_file() -> None:
    model = build_colorizer("resnet50v2", "mcl", bin_centers())
    assert isinstance(model, PyramidColorizer)
    assert sum(x.numel() for x in model.decoder.parameters()) <= 3_800_000
    assert 2 * sum(x.numel() for x in model.parameters()) < 25e6  # bytes at float16


def test_an_mcl_model_starts_at_its_prior() -> None:
    prior = torch.rand(313, generator=torch.Generator().manual_seed(0))
    prior /= prior.sum()
    model = build_colorizer("resnet50v2", "mcl", bin_centers(), prior).eval()
    with torch.no_grad():
        first_prediction = model(torch.rand(1, 1, 64, 64) * 100).softmax(dim=1)
    torch.testing.assert_close(first_prediction.mean(dim=(0, 2, 3)), prior, atol=2e-3, rtol=0.5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_model_starts_with_faint_colors(objective: str) -> None:
    model = build_colorizer("resnet50v2", objective, bin_centers()).eval()
    with torch.no_grad():
        raw = model(torch.rand(1, 1, 64, 64) * 100)
    center = bin_centers().mean(dim=0)[:, None, None] if objective == "mcl" else 0
    assert (model.decode(raw)[0] - center).abs().max() < 60


def test_decoding_goes_from_the_mean_to_the_mode() -> None:
    bins = torch.tensor([[0.0, 0.0], [40.0, -20.0]])
    head = RebalancedHead(1, bins, torch.tensor([0.5, 0.5]))
    logits = torch.tensor([0.25, 0.75]).log().reshape(1, 2, 1, 1)
    assert head.decode(logits, 1.0).flatten().tolist() == pytest.approx([30, -15])
    # 0.75^(1/T) / (0.75^(1/T) + 0.25^(1/T)) at T = 0.38: 3^(1/0.38) = 18.013, 18.013 / 19.013
    assert head.decode(logits, 0.38).flatten().tolist() == pytest.approx(
        [40 * 0.947405, -20 * 0.947405], rel=1e-4
    )
    assert head.decode(logits, 0.01).flatten().tolist() == pytest.approx([40, -20])


def test_an_ab_sample_is_placed_at_its_training_pixel() -> None:
    down, across = torch.arange(24.0), torch.arange(32.0)
    full = torch.stack([down[:, None] + 0 * across, 3 * across + 0 * down[:, None]])[None]
    upsampled = upsample_ab(full[..., ::4, ::4], 24, 32)
    assert upsampled.shape == full.shape
    # A B-spline reproduces straight lines; at the edges it repeats the outermost sample.
    torch.testing.assert_close(upsampled[..., 4:16, 4:24], full[..., 4:16, 4:24])


def test_upsampled_colors_agree_with_scipys_spline_and_have_no_kinks() -> None:
    samples = torch.randn(1, 1, 1, 40, generator=torch.Generator().manual_seed(0)).double()
    ours = upsample_ab(samples, 4, 160)[0, 0, 0]
    spline = BSpline(np.arange(-2, 42), samples.flatten().numpy(), 3)  # knots around sample i
    x = np.arange(8, 148) / 4
    assert ours[8:148].numpy() == pytest.approx(spline(x), abs=1e-6)
    bends = ours[8:148].diff(n=2).abs()
    by_phase = torch.stack([bends[phase::4].mean() for phase in range(4)])
    assert by_phase.max() < 3 * by_phase.min()  # infinite for straight lines between samples


def test_upsampling_supports_sizes_that_are_not_multiples_of_4() -> None:
    assert upsample_ab(torch.randn(1, 2, 6, 8), 21, 30).shape == (1, 2, 21, 30)
