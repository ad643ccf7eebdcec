import pytest
import torch

from colorizer.color.bins import bin_centers
from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.errors import ColorizerError
from colorizer.networks.models import PyramidColorizer, RebalancedHead, build_colorizer
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.decoding import DECODINGS, VIVID_GAIN, decode_ab
from colorizer.stimuli.methods import MethodInput, read_method_inputs, render_methods
from tests.colorizer.stimuli.test_batch import untrained_network

METHODS = ["gray", "foil", "l2", "mcl", "mcl-annealed", "real"]


@pytest.fixture(scope="module")
def method_input(photographs: list[Photograph]) -> MethodInput:
    first = next(iter(read_method_inputs(photographs, size=64, seed=0, with_donors=True)))
    assert isinstance(first, MethodInput)
    return first


def test_all_methods_share_only_the_lightness(method_input: MethodInput) -> None:
    models = {objective: untrained_network(objective) for objective in ("l2", "mcl")}
    images = render_methods(method_input, METHODS, models)
    assert list(images) == METHODS
    labs = {method: rgb_to_lab(from_bytes(image)) for method, image in images.items()}
    for method, lab in labs.items():
        assert (lab[:, 0] - method_input.photo_lab[:, 0]).abs().max() < 1
        if method != "real":
            assert (lab[:, 1:] - method_input.photo_lab[:, 1:]).abs().max() > 5
    assert labs["gray"][:, 1:].abs().max() < 2  # blue is off by up to two levels to keep L


def test_the_real_image_is_the_photograph_with_noise_in_its_lightness(
    method_input: MethodInput,
) -> None:
    real = rgb_to_lab(from_bytes(render_methods(method_input, ["real"], {})["real"]))
    difference = real - method_input.photo_lab
    assert 0.13 < difference[:, 0].std() < 0.2  # noise of 0.15, and rounding
    assert difference[:, 0].mean().abs() < 0.02
    assert difference[:, 1:].abs().mean() < 0.8


def test_stimuli_made_again_have_the_same_pixels(method_input: MethodInput) -> None:
    first, second = (render_methods(method_input, ["real", "gray"], {}) for _ in range(2))
    for method, pixels in first.items():
        assert torch.equal(pixels, second[method])


def test_a_foil_needs_a_donor(photographs: list[Photograph]) -> None:
    (alone,) = read_method_inputs(photographs[:1], size=64, seed=0, with_donors=True)
    assert not isinstance(alone, MethodInput)
    assert "no other photograph" in alone.reason
    (plain,) = read_method_inputs(photographs[:1], size=64, seed=0, with_donors=False)
    assert isinstance(plain, MethodInput)
    assert plain.donor_lab is None


def test_mcl_and_mcl_annealed_share_one_forward_pass(method_input: MethodInput) -> None:
    model = build_colorizer("resnet50v2", "mcl", bin_centers()).eval()
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    images = render_methods(method_input, ["mcl", "mcl-annealed"], {"mcl": model})
    assert len(passes) == 1
    assert not torch.equal(*images.values())


def test_l2_vivid_has_the_colors_of_l2_times_its_gain() -> None:
    network = untrained_network("l2")
    raw, lightness = torch.rand(1, 2, 8, 8) - 0.5, torch.rand(1, 1, 32, 32) * 100
    l2, vivid = (
        decode_ab(network, raw, lightness, DECODINGS[method]) for method in ("l2", "l2-vivid")
    )
    torch.testing.assert_close(vivid, VIVID_GAIN * l2)


def test_mcl_calm_gives_a_plain_photograph_less_chroma_than_mcl() -> None:
    torch.manual_seed(0)
    model = build_colorizer("resnet50v2", "mcl", bin_centers()).eval()
    assert isinstance(model, PyramidColorizer)
    assert isinstance(model.head, RebalancedHead)
    gray = (bin_centers() == 0).all(dim=1)
    model.head.bin_weight = torch.where(gray, 0.1, 6.0)  # gray is common, so its weight is small
    with torch.no_grad():
        bias = model.head.get_parameter("project.bias")
        bias[gray] = bias[bin_centers().tolist().index([40, 20])] = 8
    lab = torch.full((1, 3, 64, 64), 80.0)
    images = render_methods(MethodInput(["a"], lab, None), ["mcl", "mcl-calm"], {"mcl": model})
    chroma = {m: rgb_to_lab(from_bytes(x))[:, 1:].norm(dim=1).mean() for m, x in images.items()}
    assert chroma["mcl-calm"] < 0.6 * chroma["mcl"]


@pytest.mark.parametrize("objective", ["l2", "mcl"])
def test_mcl_calm_needs_the_weights_of_the_training(objective: str) -> None:
    network = untrained_network(objective)
    lightness = torch.rand(1, 1, 32, 32) * 100
    with pytest.raises(ColorizerError, match="does not have the weights of its training"):
        decode_ab(network, network(lightness), lightness, DECODINGS["mcl-calm"])
