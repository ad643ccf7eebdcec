import numpy as np
import pytest
import torch

from colorizer.color.bins import bin_centers
from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.networks.models import build_colorizer
from colorizer.photos.reading import center_square, read_photograph
from colorizer.photos.splits import Photograph
from colorizer.stimuli.methods import Sitting, paint, sit
from tests.colorizer.stimuli.test_batch import wild_model

METHODS = ["gray", "foil", "l2", "mcl", "mcl-annealed", "real"]


@pytest.fixture(scope="module")
def sitting(photographs: list[Photograph]) -> Sitting:
    first = next(iter(sit(photographs, size=64, seed=0, foils=True)))
    assert isinstance(first, Sitting)
    return first


def test_all_methods_share_the_lightness_and_only_that(sitting: Sitting) -> None:
    models = {objective: wild_model(objective).network for objective in ("l2", "mcl")}
    painted = paint(sitting, METHODS, models)
    assert list(painted) == METHODS
    labs = {method: rgb_to_lab(from_bytes(image)) for method, image in painted.items()}
    for method, lab in labs.items():
        assert (lab[:, 0] - sitting.lab[:, 0]).abs().max() < 1
        if method != "real":
            assert (lab[:, 1:] - sitting.lab[:, 1:]).abs().max() > 5
    assert labs["gray"][:, 1:].abs().max() < 1  # what rounding leaves


def test_the_real_image_is_the_photograph(sitting: Sitting, photographs: list[Photograph]) -> None:
    (real,) = paint(sitting, ["real"], {})["real"].numpy()
    assert np.array_equal(real, center_square(read_photograph(photographs[0].path), 64))


def test_a_foil_needs_a_donor(photographs: list[Photograph]) -> None:
    (alone,) = sit(photographs[:1], size=64, seed=0, foils=True)
    assert not isinstance(alone, Sitting)
    assert "no other photograph" in alone.reason
    (plain,) = sit(photographs[:1], size=64, seed=0, foils=False)
    assert isinstance(plain, Sitting)
    assert plain.donor is None


def test_mcl_and_its_annealed_mean_come_from_one_pass(sitting: Sitting) -> None:
    model = build_colorizer("resnet50v2", "mcl", bin_centers()).eval()
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    painted = paint(sitting, ["mcl", "mcl-annealed"], {"mcl": model})
    assert len(passes) == 1
    assert not torch.equal(*painted.values())
