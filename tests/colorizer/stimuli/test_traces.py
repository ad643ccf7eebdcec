"""Tests that a program without a notion of colors cannot tell stimuli from photographs."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.stimulus_traces import (
    LUMA_STATISTICS,
    classify_pairs,
    measure_luma,
    share_larger,
    to_planes,
)
from colorizer.networks.checkpoint import find_shipped_checkpoint, load_colorizer
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.networks.models import Colorizer
from colorizer.photos.reading import FloatPixels, center_square_float
from colorizer.stimuli.methods import MethodInput, render_methods, to_lab

pytestmark = pytest.mark.slow(40)

PHOTOGRAPHS = (
    ("skimage", "data", ("astronaut.png", "coffee.png", "rocket.jpg", "chelsea.png")),
    ("skimage", "data", ("motorcycle_left.png", "retina.jpg", "ihc.png", "hubble_deep_field.jpg")),
    ("sklearn", "datasets/images", ("flower.jpg", "china.jpg")),
)
SQUARES_PER_PHOTOGRAPH = 6


class Pairs(NamedTuple):
    """The luma statistics of photographs and of their fakes, and the photographs' names."""

    real: NDArray[np.float64]  # (pairs, statistics)
    fake: NDArray[np.float64]
    rounded_first: NDArray[np.float64]  # the photographs, if they are rounded before Lab
    groups: list[str]  # the photograph of each pair


def packaged_photographs() -> Iterator[Path]:
    for package, folder, names in PHOTOGRAPHS:
        spec = find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations
        yield from (Path(spec.submodule_search_locations[0], folder, name) for name in names)


def random_squares(path: Path, rng: np.random.Generator) -> Iterator[FloatPixels]:
    """Yield squares of 256 px, cut out at several scales."""
    with Image.open(path) as image:
        photograph = image.convert("RGB")
    for _ in range(SQUARES_PER_PHOTOGRAPH):
        side = int(rng.integers(260, min(photograph.size) + 1))
        left, top = (int(rng.integers(length - side + 1)) for length in photograph.size)
        yield center_square_float(photograph.crop((left, top, left + side, top + side)), 256)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    """Measure 60 squares as `real` and as colored by the included classification model."""
    path = find_shipped_checkpoint("mcl")
    assert path is not None
    models = {"mcl": fuse_for_cpu(load_colorizer(path, torch.device("cpu")), torch.float32)}
    rng, groups = np.random.default_rng(0), []
    rows: dict[str, list[NDArray[np.float64]]] = {"real": [], "mcl": [], "rounded": []}
    for photograph in packaged_photographs():
        for number, square in enumerate(random_squares(photograph, rng)):
            groups.append(photograph.stem)
            for name, pixels in render(f"{photograph.stem}-{number}", square, models).items():
                rows[name].append(measure_luma(to_planes(pixels.numpy())))
    real, fake, rounded_first = (np.array(rows[name]) for name in ("real", "mcl", "rounded"))
    return Pairs(real, fake, rounded_first, groups)


def render(
    image: str, square: FloatPixels, models: Mapping[str, Colorizer]
) -> dict[str, torch.Tensor]:
    once = MethodInput([image], to_lab([square]), None)
    rounded = np.rint(255 * square).astype(np.float32) / np.float32(255)
    twice = MethodInput([image], to_lab([rounded]), None)
    images = render_methods(once, ["real", "mcl"], models)
    images["rounded"] = render_methods(twice, ["real"], {})["real"]
    return {name: pixels[0] for name, pixels in images.items()}


@pytest.mark.parametrize("statistic", LUMA_STATISTICS)
def test_no_statistic_of_lightness_tells_fakes_from_photographs(
    pairs: Pairs, statistic: str
) -> None:
    share = share_larger(pairs.real, pairs.fake)[list(LUMA_STATISTICS).index(statistic)]
    assert 0.35 <= share <= 0.65


def test_a_classifier_of_lightness_guesses(pairs: Pairs) -> None:
    assert len(pairs.groups) == 60
    assert classify_pairs(pairs.real, pairs.fake, pairs.groups) <= 0.60


def test_photographs_rounded_before_the_conversion_would_be_told_apart(pairs: Pairs) -> None:
    assert classify_pairs(pairs.rounded_first, pairs.fake, pairs.groups) > 0.80
