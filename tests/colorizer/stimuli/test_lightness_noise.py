from math import sqrt

import pytest
import torch

from colorizer.stimuli.lightness_noise import NOISE_SD, add_lightness_noise

LIGHTNESS = torch.full((200, 300), 50.0)


def test_the_noise_is_triangular_with_the_stated_standard_deviation() -> None:
    noise = add_lightness_noise(LIGHTNESS, "dog", "real") - LIGHTNESS
    assert float(noise.std()) == pytest.approx(NOISE_SD, rel=0.02)
    assert abs(float(noise.mean())) < 0.003
    assert float(noise.abs().max()) <= NOISE_SD * sqrt(6) + 1e-5
    # kurtosis of a symmetric triangular distribution: 12 / 5
    assert float((noise**4).mean() / (noise**2).mean() ** 2) == pytest.approx(2.4, rel=0.03)


def test_every_image_has_its_own_noise_which_can_be_made_again() -> None:
    first = add_lightness_noise(LIGHTNESS, "dog", "real")
    assert torch.equal(first, add_lightness_noise(LIGHTNESS, "dog", "real"))
    for image, method in (("dog", "mcl"), ("cat", "real")):
        other = add_lightness_noise(LIGHTNESS, image, method)
        correlation = torch.corrcoef(torch.stack([first.flatten(), other.flatten()]))[0, 1]
        assert abs(float(correlation)) < 0.02


def test_lightness_stays_within_its_range() -> None:
    for edge in (0.0, 100.0):
        noisy = add_lightness_noise(torch.full((50, 50), edge), "dog", "real")
        assert float(noisy.min()) >= 0
        assert float(noisy.max()) <= 100
