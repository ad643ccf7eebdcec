"""Colorize photographs of any size and shape, keeping their lightness."""

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
from colorizer.stimuli.decoding import Decoding, decode_ab

# Networks run at the size they were trained at; the limit of the long side bounds the cost of
# panoramas.
SHORT_SIDE_PX, MAX_LONG_SIDE_PX = 256, 1024
MIN_SIDE_PX = 32  # the coarsest stride of a backbone
SIDE_MULTIPLE_PX = 8
# Pixels that are converted at once: few enough for the CPU caches, enough to occupy all threads.
CHUNK_PIXELS = 2**18


class ConfiguredModel(NamedTuple):
    """A model with its decoding settings."""

    network: Colorizer
    decoding: Decoding
    device: torch.device


def colorize_image(pixels: NDArray[np.uint8], model: ConfiguredModel) -> NDArray[np.uint8]:
    """Colorize an sRGB image (H, W, 3), in color or gray, at its own size.

    Lightness is kept, because colors outside sRGB lose chroma instead. Memory: 20 bytes per pixel
    in addition to the two images, plus a constant.
    """
    height, width = pixels.shape[:2]
    chunks = _split(torch.tensor(pixels).reshape(1, -1, 3), dim=1)
    lightness = torch.cat([rgb_to_lightness(from_bytes(chunk)) for chunk in chunks], dim=2)
    ab = predict_ab(lightness.reshape(1, 1, height, width), model).flatten(2)
    pairs = zip(_split(lightness, dim=2), _split(ab, dim=2), strict=True)
    colored = [to_bytes(lab_to_rgb_in_gamut(torch.cat(pair, dim=1))) for pair in pairs]
    return torch.cat(colored, dim=1).reshape(height, width, 3).numpy()


def to_grayscale(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert sRGB (H, W, 3) to the gray image of the same lightness, the input of a model."""
    lightness = rgb_to_lightness(from_bytes(torch.tensor(pixels)[None]))
    return to_bytes(gray_rgb(lightness))[0].numpy()


@torch.inference_mode()
def predict_ab(lightness: Tensor, model: ConfiguredModel) -> Tensor:
    """Predict ab (1, 2, H, W) from L (1, 1, H, W), at the working size, and enlarge it."""
    size = working_size(*lightness.shape[-2:])
    small = functional.interpolate(lightness, size, mode="bilinear", antialias=True)
    small = small.to(model.device)
    ab = decode_ab(model.network, model.network(small), small, model.decoding)
    ab = upsample_ab(ab, *size).cpu()
    return functional.interpolate(ab, lightness.shape[-2:], mode="bilinear")


def working_size(height: int, width: int) -> tuple[int, int]:
    """Return the size (rows, columns) at which a network runs on a photograph.

    The short side has about 256 px; for panoramas the long side has 1024 px instead. Very narrow
    images are enlarged to 32 px, the network's minimum.
    """
    scale = min(SHORT_SIDE_PX / min(height, width), MAX_LONG_SIDE_PX / max(height, width))
    rows, columns = (
        max(MIN_SIDE_PX, SIDE_MULTIPLE_PX * round(side * scale / SIDE_MULTIPLE_PX))
        for side in (height, width)
    )
    return rows, columns


def _split(pixels: Tensor, dim: int) -> Sequence[Tensor]:
    return torch.split(pixels, CHUNK_PIXELS, dim)
