import math

import pytest
import torch

from colorizer.color.bins import bin_centers, build_lookup_table, soft_encode
from colorizer.splits.split_file import Photograph
from colorizer.training.prior import count_colors, count_target_colors, estimate_prior
from tests.colorizer.conftest import CPU


def test_the_prior_of_two_colors_agrees_with_a_calculation_by_hand() -> None:
    # A bin's own center has shares 1 and, at distance 10, e^-2 four times; sum 1 + 4 e^-2.
    ab = torch.tensor([[0.0, 0.0]] * 3 + [[50.0, 50.0]])
    prior = estimate_prior(count_colors(ab), photograph_count=1)
    own, beside = 1 / (1 + 4 * math.exp(-2)), math.exp(-2) / (1 + 4 * math.exp(-2))
    expected = {(0, 0): 3 * own / 4, (10, 0): 3 * beside / 4, (50, 50): own / 4, (80, 0): 0}
    bins = [tuple(pair) for pair in bin_centers().int().tolist()]
    shares = {at: prior.probability[bins.index(at)].item() for at in expected}
    assert shares == pytest.approx(expected)

    inverse = {at: 1 / (p / 2 + (p > 0) / 2 / 10) for at, p in expected.items() if p}
    ratio = prior.weight[bins.index((50, 50))] / prior.weight[bins.index((0, 0))]
    assert ratio.item() == pytest.approx(inverse[50, 50] / inverse[0, 0])
    assert (prior.probability * prior.weight).sum().item() == pytest.approx(1)


def test_gray_is_the_most_common_bin_and_has_the_smallest_weight() -> None:
    draw = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0)) * 12
    prior = estimate_prior(count_colors(draw), photograph_count=1)
    gray = bin_centers().tolist().index([0, 0])
    assert prior.probability.argmax() == prior.weight.argmin() == gray
    assert (prior.probability * prior.weight).sum().item() == pytest.approx(1)


def test_the_prior_of_one_color_has_finite_weights() -> None:
    prior = estimate_prior(count_colors(torch.zeros(100, 2)), photograph_count=1)
    assert torch.isfinite(prior.weight).all()
    assert prior.probability.sum().item() == pytest.approx(1)
    assert (prior.probability * prior.weight).sum().item() == pytest.approx(1)


def test_counting_in_cells_barely_changes_the_prior() -> None:
    draw = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    ab = (draw * 30).clamp(-86, 94)
    nearest, share = soft_encode(ab, build_lookup_table(bin_centers()))
    exact = torch.zeros(313).index_add_(0, nearest.flatten(), share.flatten()) / len(ab)
    estimated = estimate_prior(count_colors(ab), photograph_count=1).probability
    assert (estimated - exact).abs().max() < 2e-4


def test_every_corner_of_srgb_has_a_cell() -> None:
    corners = torch.tensor([[-86.18, 83.2], [98.24, -60.9], [79.2, -107.86], [-21.6, 94.48]])
    assert count_colors(corners).sum() == 4


def test_colors_are_counted_at_stride_4(photographs: list[Photograph]) -> None:
    for counts in count_target_colors(photographs, CPU):
        assert isinstance(counts, torch.Tensor)
        assert counts.sum() == 64 * 64  # of 256 x 256 pixels
