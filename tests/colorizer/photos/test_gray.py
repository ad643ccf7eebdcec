import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from colorizer.photos.gray import is_gray, is_one_hue
from tests.colorizer.pictures import draw


@pytest.mark.parametrize(
    ("color", "gray"), [((120, 120, 120), True), ((126, 120, 118), True), ((140, 110, 110), False)]
)
def test_an_image_is_gray_if_no_ab_is_above_5(color: tuple[int, int, int], gray: bool) -> None:
    assert is_gray(np.full((16, 16, 3), color, np.uint8)) is gray


# The usual matrix of sepia filters
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def tone(kind: str, pixels: NDArray[np.uint8]) -> Image.Image:
    if kind == "sepia":
        return Image.fromarray((pixels @ SEPIA.T).clip(0, 255).astype(np.uint8))
    dark, middle, light = {
        "brown": ("#1a0f05", "#8c6e4b", "#faf0dc"),
        "cyanotype": ("#06142d", "#3c6ea0", "#ebf5fa"),
        "yellowed": ("#3c2d1e", "#a5875f", "#ebd7af"),
    }[kind]
    gray = Image.fromarray(pixels).convert("L")
    return ImageOps.colorize(gray, dark, light, middle)


@pytest.mark.parametrize("side", [64, 256, 512])
@pytest.mark.parametrize("kind", ["sepia", "brown", "cyanotype", "yellowed"])
def test_toned_prints_have_one_hue(kind: str, side: int) -> None:
    toned = tone(kind, draw(0, side))
    for quality in (95, 75):
        file = io.BytesIO()
        toned.save(file, "JPEG", quality=quality)
        with Image.open(file) as image:
            pixels = np.asarray(image)
        assert is_one_hue(pixels)
        assert not is_gray(pixels)


@pytest.mark.parametrize("number", range(8))
def test_pictures_of_several_hues_are_kept(number: int) -> None:
    assert not is_one_hue(draw(number, 256))
    assert not is_gray(draw(number, 256))
    faded = 128 + (draw(number, 256).astype(float) - 128) / 4  # little color, but several hues
    assert not is_one_hue(faded.astype(np.uint8))


def test_two_hues_of_the_same_lightness_are_kept() -> None:
    stripes = np.full((256, 256, 3), (150, 120, 100), np.uint8)
    stripes[:, 128:] = (110, 128, 120)
    assert not is_one_hue(stripes)


def test_small_images_are_never_of_one_hue() -> None:
    assert not is_one_hue(np.full((32, 32, 3), (200, 30, 30), np.uint8))
