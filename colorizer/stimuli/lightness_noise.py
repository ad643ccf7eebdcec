"""Noise in L that hides from programs which of two images was rounded more often.

A photograph's lightness lies on the grid of its 8-bit colors, a fake's does not, and a program can
see the difference. Noise that is independent in every image removes it; people cannot see noise
this small.
"""

import hashlib
from math import sqrt

import numpy as np
import torch
from torch import Tensor

NOISE_SD = 0.15  # in units of L
LIMIT = NOISE_SD * sqrt(6)  # bound of the symmetric triangular distribution with this SD


def add_lightness_noise(lightness: Tensor, image: str, method: str) -> Tensor:
    """Add triangular noise to L (H, W) in [0, 100]; it depends on the image and the method only.

    A stimulus that is made again therefore has the same pixels.
    """
    digest = hashlib.sha256(f"{image}/{method}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest))
    noise = rng.triangular(-LIMIT, 0, LIMIT, size=tuple(lightness.shape)).astype(np.float32)
    return (lightness + torch.from_numpy(noise).to(lightness.device)).clamp(0, 100)
