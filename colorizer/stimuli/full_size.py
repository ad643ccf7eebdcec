"""A photograph of any size and shape in color: its own lightness under a model's ab."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from colorizer.color.spaces import (
    from_bytes,
    gray_rgb,
    lab_to_rgb_in_gamut,
    rgb_to_lightness,
    to_bytes,
)
from colorizer.networks.models import Colorizer, upsample_ab

# px: the size that models were fitted at, and what a panorama may cost
SHORT_SIDE_PX, MAX_LONG_SIDE_PX = 256, 1024
MIN_SIDE_PX = 32  # px: the coarsest stride of a trunk
SIDE_MULTIPLE_PX = 8  # px: sides are its multiples
CHUNK_PIXELS = 2**18  # pixels converted at once: few enough for the caches, enough for the threads


class ConfiguredModel(NamedTuple):
    """A model and how it is read."""

    network: Colorizer
    temperature: float  # of a classification, as in `decode`
    saturation: float  # scales the predicted ab: 0 is gray
    device: torch.device


def colorize_image(pixels: NDArray[np.uint8], model: ConfiguredModel) -> NDArray[np.uint8]:
    """sRGB (H, W, 3), in color or not -> the same at the same size in the painter's colors

    Lightness stays what it is, since colors outside sRGB lose chroma instead. Beside the two
    images it takes 20 bytes a pixel; all the rest is bounded.
    """
    height, width = pixels.shape[:2]
    chunks = _split(torch.tensor(pixels).reshape(1, -1, 3), dim=1)
    lightness = torch.cat([rgb_to_lightness(from_bytes(chunk)) for chunk in chunks], dim=2)
    ab = predict_ab(lightness.reshape(1, 1, height, width), model).flatten(2)
    pairs = zip(_split(lightness, dim=2), _split(ab, dim=2), strict=True)
    colored = [to_bytes(lab_to_rgb_in_gamut(torch.cat(pair, dim=1))) for pair in pairs]
    return torch.cat(colored, dim=1).reshape(height, width, 3).numpy()


def to_grayscale(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """sRGB (H, W, 3) -> the neutral image of its lightness, what a model sees"""
    lightness = rgb_to_lightness(from_bytes(torch.tensor(pixels)[None]))
    return to_bytes(gray_rgb(lightness))[0].numpy()


@torch.inference_mode()
def predict_ab(lightness: Tensor, painter: ConfiguredModel) -> Tensor:
    """L (1, 1, H, W) -> ab (1, 2, H, W), predicted at the working size and enlarged"""
    size = working_size(*lightness.shape[-2:])
    small = functional.interpolate(lightness, size, mode="bilinear", antialias=True)
    raw = painter.network(small.to(painter.device))
    ab = painter.saturation * painter.network.decode(raw, painter.temperature)
    ab = upsample_ab(ab, *size).cpu()
    return functional.interpolate(ab, lightness.shape[-2:], mode="bilinear")


def working_size(height: int, width: int) -> tuple[int, int]:
    """What a network is shown of a photograph: its shape, with a short side of 256 px

    A panorama's long side has 1024 instead; a ribbon is stretched to 32, for there is no seeing
    in less.
    """
    scale = min(SHORT_SIDE_PX / min(height, width), MAX_LONG_SIDE_PX / max(height, width))
    rows, columns = (
        max(MIN_SIDE_PX, SIDE_MULTIPLE_PX * round(side * scale / SIDE_MULTIPLE_PX))
        for side in (height, width)
    )
    return rows, columns


def _split(pixels: Tensor, dim: int) -> Sequence[Tensor]:
    return torch.split(pixels, CHUNK_PIXELS, dim)
