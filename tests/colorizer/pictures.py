"""Draw small pictures whose colors are easy to predict; the tests include no photographs."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def draw(number: int, side: int = 96) -> NDArray[np.uint8]:
    """Draw an orange disc on blue above green, (side, side, 3).

    Each number has its own horizon, disc and brightness.
    """
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:side, 0:side] / side
    horizon, (row, column) = rng.uniform(0.35, 0.65), rng.uniform(0.25, 0.75, 2)
    picture = np.where((y < horizon)[..., None], (90, 140, 230), (60, 150, 40))
    disc = (y - row) ** 2 + (x - column) ** 2 < 0.04
    picture = np.where(disc[..., None], (240, 150, 30), picture)
    shade = rng.uniform(0.6, 1.0) * (0.8 + 0.2 * x)[..., None]
    grain = rng.normal(0, 3, (side, side, 1))
    pixels: NDArray[np.uint8] = (picture * shade + grain).clip(0, 255).astype(np.uint8)
    return pixels


def write_pictures(folder: Path, count: int, side: int = 96) -> None:
    """Write `count` JPEG files: 00.jpg, 01.jpg, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(draw(number, side)).save(folder / f"{number:02}.jpg", quality=95)


def truncate(path: Path) -> None:
    """Keep only the first half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
