import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from colorizer.color.bins import bin_centers
from colorizer.networks.backbone import BACKBONES
from colorizer.networks.cpu_inference import FusedConv2d, fuse_for_cpu
from colorizer.networks.models import Colorizer, build_colorizer
from colorizer.stimuli.rendering import fastest_dtype

SIDE = 64


@pytest.fixture(scope="module", params=BACKBONES)
def model(request: pytest.FixtureRequest) -> Colorizer:
    """Build an untrained model whose norms have statistics like those of a trained one."""
    torch.manual_seed(0)
    model = build_colorizer(request.param, "mcl", bin_centers()).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and module.num_features > 3:
            for name, values in module.state_dict().items():
                if name in ("running_var", "weight"):
                    nn.init.uniform_(values, 0.5, 1.5)
                elif name in ("running_mean", "bias"):
                    nn.init.normal_(values, std=0.1)
    nn.init.normal_(model.get_parameter("head.project.weight"), std=1.0)
    return convert_conv2d_weight_memory_format(model, torch.channels_last)


@pytest.fixture(scope="module")
def fused(model: Colorizer) -> Colorizer:
    """A model fused for the precision that the commands use on this machine."""
    return fuse_for_cpu(copy.deepcopy(model), fastest_dtype(torch.device("cpu")))


@pytest.fixture(scope="module")
def fused_for_bfloat16(model: Colorizer) -> Colorizer:
    """A model fused for bfloat16; not changed on a processor that cannot compute in bfloat16."""
    return fuse_for_cpu(copy.deepcopy(model), torch.bfloat16)


def predict(model: Colorizer, lightness: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    half = dtype is torch.bfloat16
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        raw: Tensor = model(lightness)
    return raw.float()


@pytest.mark.parametrize("shape", [(1, SIDE, SIDE), (2, SIDE, SIDE), (1, 40, 104)])
def test_a_fused_network_makes_the_same_predictions(
    model: Colorizer, fused: Colorizer, shape: tuple[int, int, int]
) -> None:
    count, height, width = shape
    lightness = torch.rand(count, 1, height, width) * 100
    expected = predict(model, lightness)
    assert expected.std() > 1
    torch.testing.assert_close(predict(fused, lightness), expected, atol=1e-3, rtol=1e-4)


def test_in_bfloat16_a_fused_network_is_as_exact_as_the_original(
    model: Colorizer, fused_for_bfloat16: Colorizer
) -> None:
    lightness = torch.rand(2, 1, SIDE, SIDE) * 100
    exact = predict(model, lightness)
    own, other = (
        (predict(network, lightness, torch.bfloat16) - exact).square().mean().sqrt()
        for network in (model, fused_for_bfloat16)
    )
    assert own > 0
    assert other < 1.2 * own


def test_precisions_can_alternate(model: Colorizer, fused_for_bfloat16: Colorizer) -> None:
    lightness = torch.rand(1, 1, SIDE, SIDE) * 100
    predict(fused_for_bfloat16, lightness, torch.bfloat16)
    torch.testing.assert_close(
        predict(fused_for_bfloat16, lightness), predict(model, lightness), atol=1e-3, rtol=1e-4
    )


def test_every_convolution_is_fused_with_its_norm(fused: Colorizer) -> None:
    kinds = [type(module) for module in fused.modules()]
    assert kinds.count(FusedConv2d) > 40
    assert nn.Conv2d not in kinds
    norms = [name for name, m in fused.named_modules() if isinstance(m, nn.BatchNorm2d)]
    # These norms come before a convolution.
    assert all(name.endswith(("input_norm", "pre_activation.0")) for name in norms)


def test_the_network_of_zhang_et_al_is_not_fused() -> None:
    network = build_colorizer("zhang2016", "mcl", bin_centers()).eval()
    before = str(network)
    assert str(fuse_for_cpu(network)) == before


def test_nothing_is_fused_if_the_operators_fail(
    model: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Tensor:
        raise RuntimeError("bf16 path needs the cpu support avx512bw")

    monkeypatch.setattr(FusedConv2d, "_packed_weight", fail)
    before = str(model)
    assert str(fuse_for_cpu(copy.deepcopy(model), torch.bfloat16)) == before
