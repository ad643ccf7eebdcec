import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorizer.color.bins import annealed_mean, bin_centers
from colorizer.color.plainness import PLAIN_SD
from colorizer.networks.calm_mean import (
    CALM_GAIN,
    GUIDE_EPSILON,
    GUIDE_RADIUS,
    calm_mean,
    guided_filter,
    smooth_plainness,
)

BINS = bin_centers()
GRAY = BINS.tolist().index([0, 0])
SIDE = 64


def some_weight() -> Tensor:
    """Return weights as of a training: small for gray, large for rare colors."""
    distance: Tensor = torch.linalg.vector_norm(BINS, dim=1)
    return 0.1 + 6 * distance / distance.max()


def uniform_logits() -> Tensor:
    """Return the same prediction at every sample: gray is most likely, a violet comes next."""
    logits = torch.zeros(1, len(BINS), SIDE // 4, SIDE // 4)
    logits[:, GRAY], logits[:, BINS.tolist().index([60, -60])] = 7.0, 6.5
    return logits


def texture(sd: float = 20.0) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 50 + sd * torch.randn(1, 1, SIDE, SIDE, generator=generator)


def chroma(ab: Tensor) -> float:
    return float(ab.norm(dim=1).mean())


def test_plain_ground_gets_less_chroma_than_the_mean() -> None:
    plain, logits = torch.full((1, 1, SIDE, SIDE), 90.0), uniform_logits()
    mean = annealed_mean(logits, BINS, 1)
    assert chroma(calm_mean(logits, plain, BINS, some_weight())) < 0.3 * chroma(mean)


def test_on_plain_ground_the_weights_are_removed_completely() -> None:
    plain, logits, weight = torch.full((1, 1, SIDE, SIDE), 90.0), uniform_logits(), some_weight()
    share = (logits.softmax(dim=1) / weight[:, None, None])[0, :, 0, 0]
    expected = CALM_GAIN * (share / share.sum()) @ BINS
    ab = calm_mean(logits, plain, BINS, weight)
    torch.testing.assert_close(ab, expected[None, :, None, None].expand_as(ab))


def test_on_texture_the_result_is_the_mean_with_the_gain() -> None:
    logits = uniform_logits()
    ab = calm_mean(logits, texture(), BINS, some_weight())
    torch.testing.assert_close(ab, CALM_GAIN * annealed_mean(logits, BINS, 1))


def test_equal_weights_change_nothing_but_the_gain_on_any_ground() -> None:
    logits, equal = uniform_logits(), torch.ones(len(BINS))
    ab = calm_mean(logits, torch.full((1, 1, SIDE, SIDE), 30.0), BINS, equal)
    torch.testing.assert_close(ab, CALM_GAIN * annealed_mean(logits, BINS, 1))


def test_smooth_plainness_agrees_with_the_definition() -> None:
    lightness = texture(sd=1.5)
    f = np.empty((SIDE // 4, SIDE // 4))
    for row, column in np.ndindex(f.shape):
        window = window_at(lightness[0, 0].double().numpy(), (4 * row, 4 * column), radius=6)
        f[row, column] = math.exp(-((window.std() / PLAIN_SD) ** 2))
    expected = [window_at(f, at, radius=1).mean() for at in np.ndindex(f.shape)]
    ours = smooth_plainness(lightness)[0, 0].flatten().double()
    torch.testing.assert_close(ours, torch.tensor(expected), atol=1e-5, rtol=0)


def test_smooth_plainness_does_not_depend_on_the_level_of_lightness() -> None:
    lightness = texture(sd=1.5)
    darker = smooth_plainness(lightness - 30)
    torch.testing.assert_close(darker, smooth_plainness(lightness), atol=1e-4, rtol=0)


def window_at(x: NDArray[np.float64], at: tuple[int, ...], radius: int) -> NDArray[np.float64]:
    row, column = at
    top, left = max(0, row - radius), max(0, column - radius)
    return x[top : row + radius + 1, left : column + radius + 1]


def test_the_guided_filter_agrees_with_the_definition() -> None:
    generator = torch.Generator().manual_seed(1)
    guide, ab = (torch.randn(1, n, 12, 15, generator=generator) * 9 for n in (1, 2))
    x, y = guide[0, 0].double().numpy(), ab[0, 0].double().numpy()
    slope, offset = np.empty(x.shape), np.empty(x.shape)
    for at in np.ndindex(x.shape):
        x_here, y_here = (window_at(each, at, radius=GUIDE_RADIUS) for each in (x, y))
        covariance = (x_here * y_here).mean() - x_here.mean() * y_here.mean()
        slope[at] = covariance / (x_here.var() + GUIDE_EPSILON)
        offset[at] = y_here.mean() - slope[at] * x_here.mean()
    means = [
        [window_at(each, at, radius=GUIDE_RADIUS).mean() for at in np.ndindex(x.shape)]
        for each in (slope, offset)
    ]
    expected = np.reshape(means[0], x.shape) * x + np.reshape(means[1], x.shape)
    ours = guided_filter(ab, guide)[0, 0].double()
    torch.testing.assert_close(ours, torch.from_numpy(expected), atol=1e-4, rtol=0)


def test_mirroring_the_photograph_mirrors_the_colors() -> None:
    # On sides of 4 n + 1 pixels, the samples of the mirrored photograph are the mirrored samples.
    side, weight = 61, some_weight()
    lightness = texture(sd=2.0)[..., :side, :side]
    logits = torch.randn(1, len(BINS), 16, 16, generator=torch.Generator().manual_seed(2))
    ab = calm_mean(logits, lightness, BINS, weight)
    mirrored = calm_mean(logits.flip(3), lightness.flip(3), BINS, weight)
    torch.testing.assert_close(mirrored.flip(3), ab, atol=1e-4, rtol=1e-4)


def test_each_photograph_of_a_batch_is_decoded_by_itself() -> None:
    logits = torch.randn(2, len(BINS), 16, 16, generator=torch.Generator().manual_seed(3))
    lightness = torch.cat([texture(2.0), torch.full((1, 1, SIDE, SIDE), 80.0)])
    both = calm_mean(logits, lightness, BINS, some_weight())
    for i in range(2):
        alone = calm_mean(logits[i : i + 1], lightness[i : i + 1], BINS, some_weight())
        torch.testing.assert_close(both[i : i + 1], alone)


def test_sizes_that_are_not_a_multiple_of_4_have_a_sample_at_every_fourth_pixel() -> None:
    lightness = texture()[..., :33, :50]
    assert smooth_plainness(lightness).shape == (1, 1, 9, 13)
