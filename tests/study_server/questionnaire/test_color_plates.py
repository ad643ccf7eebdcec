"""Color plates: visible to normal vision and hidden from deuteranopes and protanopes.

The eyes of dichromats are simulated by the matrices of Machado, Oliveira & Fernandes 2009, table of
severity 1, on linear sRGB; CIE Lab under D65. No number here is taken from the code that is tested.
"""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from study_server.questionnaire.color_plates import BACKGROUND_COLOR, DIGITS, PLATE_PX, draw_plate
from study_server.stimuli.png import Pixels

pytestmark = pytest.mark.slow(8)

NORMAL = np.eye(3)
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)
RGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
SEEDS = ("a", "b", "c")  # all palettes are among them


def see(pixels: NDArray[np.uint8], eyes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert (N, 3) sRGB to the (N, 3) CIE Lab colors that these eyes see."""
    encoded = pixels / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ eyes.T, 0, 1)
    relative = seen @ RGB_TO_XYZ.T / RGB_TO_XYZ.sum(axis=1)
    x, y, z = np.where(
        relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116
    ).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@cache
def dots(digit: int, seed: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the pixels of the two colors of dots; one of them is the digit."""
    plate = draw_plate(digit, seed)
    flat = is_flat(plate)
    red = see(plate[flat], NORMAL)[:, 1]
    middle = (red.min() + red.max()) / 2
    return plate[flat][red < middle], plate[flat][red >= middle]


def is_flat(plate: Pixels) -> NDArray[np.bool_]:
    """Return a mask, (PLATE_PX, PLATE_PX), of the dots without their blended edges."""
    inside = (plate != BACKGROUND_COLOR).any(axis=2)
    for axis in (0, 1):
        for step in (-1, 1):
            inside &= (plate == np.roll(plate, step, axis)).all(axis=2)
    return np.asarray(inside)


def contrast(digit: int, seed: str, eyes: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the differences in color and lightness between digit and ground, and the best d'.

    d' is in standard deviations along the direction in Lab that separates the two best (Fisher).
    """
    one, other = (see(pixels, eyes) for pixels in dots(digit, seed))
    between = one.mean(axis=0) - other.mean(axis=0)
    within = (np.cov(one.T) + np.cov(other.T)) / 2
    d_prime = float(np.sqrt(between @ np.linalg.solve(within, between)))
    return float(np.hypot(*between[1:])), abs(float(between[0])), d_prime


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("digit", DIGITS)
def test_normal_vision_sees_the_digit_by_color_alone(digit: int, seed: str) -> None:
    color, lightness, d_prime = contrast(digit, seed, NORMAL)
    assert color > 35
    assert lightness < 2.5
    assert d_prime > 4


@pytest.mark.parametrize("eyes", [DEUTERANOPIA, PROTANOPIA], ids=["deuteranopia", "protanopia"])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("digit", DIGITS)
def test_dichromats_cannot_see_the_digit(digit: int, seed: str, eyes: NDArray[np.float64]) -> None:
    color, lightness, d_prime = contrast(digit, seed, eyes)
    assert color < 7
    assert lightness < 5
    assert d_prime < 1.5  # dots of digit and ground overlap


def test_the_matrices_are_those_of_a_missing_cone() -> None:
    """Gray stays gray, and one direction of color is lost."""
    for eyes in (DEUTERANOPIA, PROTANOPIA):
        np.testing.assert_allclose(eyes.sum(axis=1), 1, atol=1e-5)
        assert np.linalg.svd(eyes, compute_uv=False)[-1] < 0.05


def mean_shape(digit: int) -> NDArray[np.float64]:
    """Return the share of plates, (PLATE_PX, PLATE_PX), in which a pixel belongs to the digit."""
    plates = [is_digit(draw_plate(digit, seed)) for seed in SEEDS]
    return np.asarray(np.mean(plates, axis=0))


def is_digit(plate: Pixels) -> NDArray[np.float64]:
    """Return 1 inside the digit's dots and 0 elsewhere; the digit has fewer dots."""
    flat = is_flat(plate)
    red = see(plate.reshape(-1, 3), NORMAL)[:, 1].reshape(PLATE_PX, PLATE_PX)
    middle = (red[flat].min() + red[flat].max()) / 2
    groups = flat & (red < middle), flat & (red >= middle)
    return np.asarray(min(groups, key=np.sum), float)


def test_every_digit_has_a_shape_of_its_own() -> None:
    """A plate is most like the other plates of its own digit."""
    shapes = np.stack([mean_shape(digit).ravel() for digit in DIGITS])
    for place, digit in enumerate(DIGITS):
        seen = is_digit(draw_plate(digit, "another")).ravel()
        assert np.argmax(np.corrcoef(np.vstack([seen, shapes]))[0, 1:]) == place


def test_the_same_seed_draws_the_same_plate_and_another_one_another() -> None:
    plate = draw_plate(7, "seed")
    draw_plate.cache_clear()
    np.testing.assert_array_equal(draw_plate(7, "seed"), plate)
    assert (draw_plate(7, "other") != plate).any()
