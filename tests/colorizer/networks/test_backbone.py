from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from colorizer.errors import ColorizerError
from colorizer.networks.backbone import (
    BACKBONES,
    PreActivationBlock,
    ResNet50V2,
    build_backbone,
    load_pretrained,
)
from colorizer.networks.checkpoint import find_shipped_checkpoint, load_colorizer
from colorizer.networks.models import PyramidColorizer
from colorizer.networks.torchvision_ops import import_torchvision


@pytest.mark.slow(0.8)
@pytest.mark.parametrize(
    ("name", "parameters", "sizes"),
    [
        # torchvision documents 25,557,032, of which 2048 * 1000 + 1000 are the classifier's
        ("resnet50", 25_557_032 - 2_049_000, [(256, 16), (512, 8), (1024, 4), (2048, 2)]),
        # The first three stages, without norms in shortcuts, with one before the first convolution.
        ("resnet50v2", None, [(256, 16), (512, 8), (1024, 4)]),
    ],
)
def test_a_backbone_returns_a_feature_pyramid(
    name: str, parameters: int | None, sizes: list[tuple[int, int]]
) -> None:
    trunk = build_backbone(name).eval()
    with torch.no_grad():
        pyramid = trunk(torch.rand(1, 3, 64, 64))
    assert [(level.shape[1], level.shape[2]) for level in pyramid] == sizes
    assert [channels for channels, _ in sizes] == list(trunk.channels)
    if parameters is not None:
        assert sum(x.numel() for x in trunk.parameters()) == parameters


def test_a_pre_activation_block_with_zero_weights_is_the_identity() -> None:
    block = PreActivationBlock(256, 64, stride=1).eval()
    torch.nn.init.zeros_(block.conv3.weight)
    x = torch.randn(1, 256, 8, 8)
    assert torch.equal(block(x), x)


def test_training_does_not_change_the_input_norm() -> None:
    trunk = ResNet50V2().train()
    before = trunk.state_dict()["input_norm.running_mean"].clone()
    trunk(torch.rand(2, 3, 32, 32))
    assert torch.equal(trunk.state_dict()["input_norm.running_mean"], before)
    assert trunk.state_dict()["bn1.running_mean"].any()  # the other norms change


@pytest.mark.slow(0.5)
@pytest.mark.parametrize("name", ["resnet50", "resnet50v2"])
def test_training_does_not_change_frozen_stages(name: str) -> None:
    trunk = build_backbone(name)
    before = {key: x.clone() for key, x in trunk.state_dict().items()}
    trunk.freeze(1)
    optimizer = torch.optim.SGD([x for x in trunk.parameters() if x.requires_grad], lr=1.0)
    trunk.train()(torch.rand(2, 3, 32, 32))[-1].square().mean().backward()
    optimizer.step()
    moved = {key for key, x in trunk.state_dict().items() if not torch.equal(x, before[key])}
    frozen = ("conv1.", "bn1.", "input_norm.", "layer1.")
    assert not [key for key in moved if key.startswith(frozen)]
    assert {"layer2.0.conv1.weight", "layer2.0.bn2.running_mean"} <= moved


def shipped_trunk() -> ResNet50V2:
    """Return the trunk of the shipped L2 model; its stem and first stage were frozen."""
    path = find_shipped_checkpoint("l2")
    assert path is not None
    model = load_colorizer(path, torch.device("cpu"))
    assert isinstance(model, PyramidColorizer)
    assert isinstance(model.backbone, ResNet50V2)
    return model.backbone.eval()


def test_the_pretrained_first_stage_gives_the_documented_values() -> None:
    """Mean and SD of stage 1, from the notes of the weights file that training started from."""
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        level = shipped_trunk()(noise)[0]
    mean_and_sd = (level.mean().item(), level.std().item())
    assert mean_and_sd == pytest.approx((-0.2065, 0.3996), abs=2e-4)  # stored as float16


def test_the_v2_backbone_agrees_with_the_definition_in_its_paper() -> None:
    """Compute every layer as in He et al. (2016), figure 4e, with the shipped weights."""
    trunk = shipped_trunk()
    rgb = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    tensors: dict[str, Tensor] = trunk.state_dict()

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance, weight, bias = (
            tensors[f"{name}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    def block(x: Tensor, name: str, stride: int) -> Tensor:
        active = norm(x, f"{name}.bn1").clamp(min=0)
        projection = tensors.get(f"{name}.downsample.weight")
        shortcut = x if projection is None else functional.conv2d(active, projection, stride=stride)
        y = functional.conv2d(active, tensors[f"{name}.conv1.weight"])
        y = norm(y, f"{name}.bn2").clamp(min=0)
        y = functional.conv2d(y, tensors[f"{name}.conv2.weight"], stride=stride, padding=1)
        y = norm(y, f"{name}.bn3").clamp(min=0)
        return shortcut + functional.conv2d(y, tensors[f"{name}.conv3.weight"])

    x = functional.conv2d(norm(rgb, "input_norm"), tensors["conv1.weight"], stride=2, padding=3)
    x = functional.max_pool2d(norm(x, "bn1").clamp(min=0), 3, stride=2, padding=1)
    with torch.no_grad():
        pyramid = trunk(rgb)
    for level, (blocks, stride) in enumerate(((3, 1), (4, 2), (6, 2)), start=1):
        for number in range(blocks):
            x = block(x, f"layer{level}.{number}", stride if number == 0 else 1)
        torch.testing.assert_close(pyramid[level - 1], x, rtol=1e-3, atol=1e-4)


@pytest.mark.slow(0.9)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_torchvision_weights_load_from_a_file(suffix: str, tmp_path: Path) -> None:
    published = import_torchvision().models.resnet50().eval()
    path = tmp_path / f"weights{suffix}"
    save = torch.save if suffix == ".pth" else save_file
    save(published.state_dict(), path)
    trunk = build_backbone("resnet50").eval()
    load_pretrained(trunk, str(path))

    image = torch.rand(1, 3, 64, 64)
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    with torch.no_grad():
        logits = published.fc(trunk(image)[-1].mean(dim=(2, 3)))
        torch.testing.assert_close(logits, published((image - mean) / std))


def test_a_missing_tensor_is_refused_by_name(tmp_path: Path) -> None:
    tensors = build_backbone("resnet50v2").state_dict()
    del tensors["layer2.1.conv2.weight"]
    save_file(tensors, tmp_path / "weights.safetensors")
    with pytest.raises(ColorizerError, match=r"Missing key.*layer2\.1\.conv2\.weight"):
        load_pretrained(build_backbone("resnet50v2"), str(tmp_path / "weights.safetensors"))


@pytest.mark.slow(0.5)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_without_weights_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(b"weights? no")
    with pytest.raises(ColorizerError, match="not a weights file"):
        load_pretrained(build_backbone("resnet50"), str(path))
    with pytest.raises(ColorizerError, match="no such file"):
        load_pretrained(build_backbone("resnet50"), str(tmp_path / "absent.pth"))


@pytest.mark.slow(0.4)
def test_the_error_of_a_failed_download_names_the_alternatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # a closed port
    with pytest.raises(ColorizerError, match="download it elsewhere and use --weights FILE"):
        load_pretrained(build_backbone("resnet50"), None)
    with pytest.raises(ColorizerError, match="resnet50v2 cannot be downloaded"):
        load_pretrained(build_backbone("resnet50v2"), None)


@pytest.mark.slow(0.3)
@pytest.mark.parametrize("name", BACKBONES)
def test_the_signal_of_an_untrained_backbone_neither_vanishes_nor_explodes(name: str) -> None:
    with torch.no_grad():
        deepest = build_backbone(name).train()(torch.rand(4, 3, 64, 64))[-1]
    assert 0.01 < deepest.std() < 100
