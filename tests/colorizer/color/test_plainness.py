import math

import numpy as np
import pytest
import torch
from torch import Tensor

from colorizer.color.plainness import PLAIN_SD, plainness

SIDE = 32


def noise(sd: float, mean: float = 50.0) -> Tensor:
    """Return L (1, 1, SIDE, SIDE) of white noise."""
    generator = torch.Generator().manual_seed(0)
    return mean + sd * torch.randn(1, 1, SIDE, SIDE, generator=generator)


@pytest.mark.parametrize("window", [9, 13])
def test_plainness_agrees_with_the_definition(window: int) -> None:
    lightness, radius = noise(sd=1.5), window // 2
    pixels = lightness[0, 0].double().numpy()
    expected = np.empty((SIDE // 4, SIDE // 4))
    for at in np.ndindex(expected.shape):
        rows, columns = (slice(max(0, 4 * i - radius), 4 * i + radius + 1) for i in at)
        expected[at] = math.exp(-((pixels[rows, columns].std() / PLAIN_SD) ** 2))
    ours = plainness(lightness, window)[0, 0].double()
    torch.testing.assert_close(ours, torch.from_numpy(expected), atol=1e-5, rtol=0)


def test_a_constant_ground_is_plain_and_texture_is_not() -> None:
    torch.testing.assert_close(plainness(noise(sd=0), 9), torch.ones(1, 1, 8, 8))
    assert plainness(noise(sd=6), 9).max() < 1e-3


def test_half_of_a_picture_can_be_plain() -> None:
    lightness = noise(sd=6)
    lightness[..., SIDE // 2 :] = 70
    plain = plainness(lightness, 9)
    assert plain[..., :4].max() < 0.01
    assert plain[..., 5:].min() == 1  # the window of column 4 reaches into the texture


def test_mirroring_mirrors_plainness() -> None:
    lightness = noise(sd=1.5)[..., :29, :29]  # a mirrored side of 4 n + 1 has the same samples
    torch.testing.assert_close(plainness(lightness.flip(3), 9).flip(3), plainness(lightness, 9))
