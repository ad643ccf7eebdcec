"""ResNet-50 backbones as feature pyramids, and functions that load their weights.

`resnet50`: torchvision's network (He et al., arXiv:1512.03385), strides 4 to 32. `resnet50v2`: the
pre-activation network (He et al., arXiv:1603.05027) without its last stage, strides 4 to 16.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from colorizer.errors import ColorizerError
from colorizer.networks.torchvision_ops import import_torchvision

BACKBONES = ("resnet50", "resnet50v2")
# Mean and standard deviation of each channel over ImageNet's photographs, (2, 3, 1, 1).
IMAGENET_MEAN_STD = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
RANDOM_WEIGHTS = "random"  # given instead of a weights file: leave the backbone untrained


class FeaturePyramid(nn.Module, ABC):
    """A backbone: a stem with stride 4, then stages whose outputs are the levels of the pyramid."""

    channels: tuple[int, ...]  # channels of the levels, at strides 4, 8, 16, ...
    conv1: nn.Module
    bn1: nn.Module
    frozen_stages = 0  # number of frozen stages; if it is not 0, the stem is frozen too

    def freeze(self, stages: int) -> None:
        """Freeze the first stages and the stem, including their batch norms."""
        self.frozen_stages = stages
        for part in self._frozen_parts():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> "FeaturePyramid":
        """Switch to training mode, but keep frozen modules in evaluation mode.

        Otherwise their batch-norm statistics would drift with the training data.
        """
        super().train(mode)
        for part in self._frozen_parts():
            part.eval()
        return self

    @abstractmethod
    def normalize(self, rgb: Tensor) -> Tensor:
        """Normalize rgb (N, 3, H, W) in [0, 1] as in the training of the first convolution."""

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """Compute the features of rgb (N, 3, H, W) in [0, 1], from the finest to the coarsest."""
        # Keep the first convolution in float32: bfloat16 cannot represent all 256 gray levels, and
        # edge filters depend on the differences between neighboring levels.
        with torch.autocast(rgb.device.type, enabled=False):
            x = self.bn1(self.conv1(self.normalize(rgb)))
        # ReLU commutes with max pooling; after pooling it runs on a quarter of the values.
        x = functional.relu(functional.max_pool2d(x, 3, stride=2, padding=1))
        pyramid = []
        for level in range(1, len(self.channels) + 1):
            x = self.get_submodule(f"layer{level}")(x)
            pyramid.append(x)
        return pyramid

    def _frozen_parts(self) -> list[nn.Module]:
        trainable = {
            f"layer{level}" for level in range(self.frozen_stages + 1, len(self.channels) + 1)
        }
        parts = dict(self.named_children()) if self.frozen_stages else {}
        return [part for name, part in parts.items() if name not in trainable]


class ResNet50(FeaturePyramid):
    """The ResNet-50 of torchvision without its classifier."""

    channels = (256, 512, 1024, 2048)  # at strides 4, 8, 16, 32
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        network = import_torchvision().models.resnet50()
        self.conv1 = network.conv1
        self.bn1 = network.bn1
        self.layer1 = network.layer1
        self.layer2 = network.layer2
        self.layer3 = network.layer3
        self.layer4 = network.layer4
        self.register_buffer("mean", IMAGENET_MEAN_STD[0].clone(), persistent=False)
        self.register_buffer("std", IMAGENET_MEAN_STD[1].clone(), persistent=False)

    def normalize(self, rgb: Tensor) -> Tensor:
        """Normalize by ImageNet's mean and standard deviation."""
        return (rgb - self.mean) / self.std


class PreActivationBlock(nn.Module):
    """A pre-activation bottleneck; a projected shortcut starts after the first norm and ReLU."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.downsample: nn.Module | None = None
        if channels != 4 * width:
            self.downsample = nn.Conv2d(channels, 4 * width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (N, C, H, W) to (N, 4 width, H / stride, W / stride)."""
        active = functional.relu(self.bn1(x))
        shortcut: Tensor = x if self.downsample is None else self.downsample(active)
        out = self.conv1(active)
        out = self.conv2(functional.relu(self.bn2(out)))
        residual: Tensor = self.conv3(functional.relu(self.bn3(out)))
        return shortcut + residual


class ResNet50V2(FeaturePyramid):
    """The stem and stages 1 to 3 of ResNet-50 v2 (MXNet Gluon).

    The modules are named as in the weights file. width: channels of the stem. blocks: their number
    in each stage.
    """

    def __init__(self, width: int = 64, blocks: tuple[int, int, int] = (3, 4, 6)) -> None:
        super().__init__()
        self.channels = (4 * width, 8 * width, 16 * width)  # at strides 4, 8, 16
        self.input_norm = nn.BatchNorm2d(3)
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = _stage(width, width, blocks[0], stride=1)
        self.layer2 = _stage(4 * width, 2 * width, blocks[1], stride=2)
        self.layer3 = _stage(8 * width, 4 * width, blocks[2], stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.input_norm.requires_grad_(False)

    def train(self, mode: bool = True) -> "ResNet50V2":
        """Switch to training mode, but keep the input norm, which holds ImageNet's statistics."""
        super().train(mode)
        self.input_norm.eval()
        return self

    def normalize(self, rgb: Tensor) -> Tensor:
        """Normalize with the batch norm that is stored with the weights."""
        normalized: Tensor = self.input_norm(rgb)
        return normalized


def build_backbone(name: str) -> FeaturePyramid:
    """Build an untrained backbone by its name in BACKBONES."""
    return ResNet50() if name == "resnet50" else ResNet50V2()


def load_pretrained(backbone: nn.Module, weights: str | None) -> None:
    """Load the weights of a backbone from a file, or from torchvision's download if None.

    RANDOM_WEIGHTS leaves it untrained. Raises ColorizerError if the weights do not fit.
    """
    if weights == RANDOM_WEIGHTS:
        return
    tensors = _download(backbone) if weights is None else read_state_dict(Path(weights))
    load_state_dict_strictly(backbone, tensors, str(weights))


def load_state_dict_strictly(module: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Load a state dict; every tensor must be used.

    A backbone ignores the last layer of a classifier. source: named in the error.
    Raises ColorizerError if a tensor is missing, unknown, of another shape or not finite.
    """
    has_classifier = hasattr(module, "fc")
    used = {name: x for name, x in tensors.items() if has_classifier or not name.startswith("fc.")}
    try:
        state = {name: x.float() for name, x in used.items()}
        for name, buffer in module.state_dict().items():
            if name.endswith("num_batches_tracked"):  # a counter that older files do not have
                state.setdefault(name, buffer)
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        raise ColorizerError(f"{source}: weights do not fit this network: {detail}") from error
    _require_finite(state, source)


def _require_finite(tensors: Mapping[str, Tensor], source: str) -> None:
    """Raise ColorizerError if a tensor has NaN or infinite values, with which images are black."""
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise ColorizerError(
            f"{source}: {len(broken)} of {len(tensors)} tensors have NaN or infinite values "
            f"({broken[0]}); use another file"
        )


def read_state_dict(path: Path) -> Mapping[str, Tensor]:
    """Read the state dict of a .safetensors or PyTorch file, without executing pickled code.

    Raises ColorizerError if the file is neither.
    """
    if not path.is_file():
        raise ColorizerError(f"{path}: no such file; use a file with network weights")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on other files, the readers raise exceptions of any kind
        raise ColorizerError(
            f"{path}: not a weights file, or damaged ({type(error).__name__}); use another file"
        ) from error
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tensors.items()
    ):
        raise ColorizerError(f"{path}: not a state dict (name -> tensor); use another file")
    return tensors


def _stage(channels: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    first = PreActivationBlock(channels, width, stride)
    return nn.Sequential(
        first, *(PreActivationBlock(4 * width, width, 1) for _ in range(blocks - 1))
    )


def _download(backbone: nn.Module) -> Mapping[str, Tensor]:
    if not isinstance(backbone, ResNet50):
        raise ColorizerError("resnet50v2 cannot be downloaded; use --weights FILE")
    weights_enum = import_torchvision().models.ResNet50_Weights.DEFAULT
    try:
        tensors: Mapping[str, Tensor] = weights_enum.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # no network, or the hash of the file is wrong
        raise ColorizerError(
            f"cannot download {weights_enum.url} ({error}); download it elsewhere and use "
            f"--weights FILE, or start untrained with --weights {RANDOM_WEIGHTS}"
        ) from error
    return tensors
