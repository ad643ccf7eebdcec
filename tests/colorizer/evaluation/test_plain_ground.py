import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.evaluation.plain_ground import (
    chroma_on_gray_ground,
    find_plain_ground,
    is_measurable,
    patchiness,
)
from colorizer.evaluation.scores import bin_weights, measure_methods

SIDE = 96


def wall(seed: int, chroma: float) -> Tensor:
    """Return Lab (1, 3, 96, 96): left a smooth wall, half gray and half in color; right texture."""
    rng = np.random.default_rng(seed)
    lab = np.empty((3, SIDE, SIDE))
    lab[0] = 70 + rng.normal(0, 0.4, (SIDE, SIDE))
    lab[0, :, SIDE // 2 :] += rng.normal(0, 12, (SIDE, SIDE // 2))
    lab[1:] = rng.normal(0, 1, (2, SIDE, SIDE))
    lab[1, : SIDE // 2] += chroma
    return torch.tensor(lab, dtype=torch.float32)[None]


def plain_samples(lab: NDArray[np.float64]) -> dict[tuple[int, int], bool]:
    """Return the plain samples by the definition, and whether the photograph is gray there."""
    samples = {}
    for row in range(0, SIDE, 4):
        for column in range(0, SIDE, 4):
            window = lab[0, max(0, row - 6) : row + 7, max(0, column - 6) : column + 7]
            if math.exp(-window.var() / 1.5**2) >= 0.5:
                samples[row, column] = math.hypot(*lab[1:, row, column]) <= 5
    return samples


def test_plain_ground_metrics_agree_with_their_definitions() -> None:
    photograph, shown = (
        wall(0, chroma=20),
        wall(1, chroma=12) * torch.tensor([1, 3, 3])[:, None, None],
    )
    samples = plain_samples(photograph[0].double().numpy())
    ab = shown[0, 1:].double().numpy()
    gray = [place for place, is_gray in samples.items() if is_gray]
    assert 0 < len(gray) < len(samples) < (SIDE // 4) ** 2
    deviations = []
    for row, column in samples:
        near = [ab[:, r, c] for r, c in samples if abs(r - row) <= 32 and abs(c - column) <= 32]
        deviations.append(math.sqrt(np.var(near, axis=0).sum()))
    ground = find_plain_ground(photograph)
    expected = np.mean([math.hypot(*ab[:, r, c]) for r, c in gray])
    assert chroma_on_gray_ground(shown, ground) == pytest.approx(expected, rel=1e-5)
    assert patchiness(shown, ground) == pytest.approx(np.mean(deviations), rel=1e-5)


def test_clouds_raise_both_metrics_and_one_even_tint_only_the_chroma() -> None:
    photograph = wall(0, chroma=0)
    ground = find_plain_ground(photograph)
    tint, cloud = photograph.clone(), photograph.clone()
    tint[:, 1] += 10
    cloud[:, 1, : SIDE // 2] += 10
    real, tinted, clouded = (
        (chroma_on_gray_ground(x, ground), patchiness(x, ground)) for x in (photograph, tint, cloud)
    )
    assert tinted[0] > clouded[0] > real[0] + 3
    assert tinted[1] == pytest.approx(real[1], abs=1e-4)
    assert clouded[1] > real[1] + 1


def test_a_photograph_without_plain_ground_has_no_weight() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8)
    pixels = torch.from_numpy(noise)
    assert not is_measurable(find_plain_ground(rgb_to_lab(from_bytes(pixels))).plain)
    metrics = measure_methods({"real": pixels}, ["real"], bin_weights(None))["real"]
    assert metrics["plain_gray_chroma"] == metrics["patches"] == (0, 0)
    white = torch.full_like(pixels, 255)
    even = measure_methods({"real": white}, ["real"], bin_weights(None))["real"]
    assert even["plain_gray_chroma"].weight == even["patches"].weight == 1
