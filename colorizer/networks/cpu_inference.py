"""Speed up inference on CPUs by fusing each convolution with its norm, shortcut and ReLU.

oneDNN can add the shortcut and apply the ReLU while it writes the result of a convolution. PyTorch
only offers this as operators for its own compiler; if they fail, nothing is fused.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from colorizer.networks.backbone import PreActivationBlock
from colorizer.networks.models import Colorizer, PyramidColorizer


def fuse_for_cpu(model: Colorizer, precision: torch.dtype = torch.float32) -> Colorizer:
    """Fuse the layers of a model in place and return it; it can then only predict.

    It predicts in float32 and in `precision`; predictions differ only by rounding. The network of
    Zhang et al. is returned unchanged, as is any model if the operators do not work.
    """
    on_cpu = next(model.parameters()).device.type == "cpu"
    if not (isinstance(model, PyramidColorizer) and on_cpu and _is_supported(precision)):
        return model
    backbone, decoder, head = model.backbone, model.decoder, model.head
    backbone.conv1, backbone.bn1 = FusedConv2d(backbone.conv1, backbone.bn1), nn.Identity()
    for level in range(1, len(backbone.channels) + 1):
        stage = backbone.get_submodule(f"layer{level}")
        setattr(backbone, f"layer{level}", nn.Sequential(*map(FusedBlock, stage.children())))
    decoder.lateral = nn.ModuleList(map(_fuse_layers, decoder.lateral))
    decoder.context = _fuse_layers(decoder.context)
    decoder.merge = nn.ModuleList(map(_fuse_layers, decoder.merge))
    head.add_module("project", FusedConv2d(head.project))
    return model


class FusedConv2d(nn.Module):
    """A convolution with its norm, followed by an optional shortcut and an optional ReLU."""

    def __init__(
        self, convolution: nn.Module, norm: nn.Module | None = None, relu: bool = False
    ) -> None:
        super().__init__()
        folded = _fold(convolution, norm)
        self.weight = folded.weight.detach().contiguous(memory_format=torch.channels_last)
        self.bias: Tensor | None = None if folded.bias is None else folded.bias.detach()
        self.conv_args = [
            *map(list, (folded.padding, folded.stride, folded.dilation)),
            folded.groups,
        ]
        self.relu = relu
        self.packed_weights: dict[torch.dtype, Tensor] = {}

    def forward(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """Map x (N, C, H, W) to (N, C', H', W'), in the precision of autocast if it is on."""
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.get_autocast_dtype("cpu"))
        convolve, weight = torch.ops.mkldnn._convolution_pointwise, self._packed_weight(x)
        y: Tensor
        if shortcut is None:  # keep the bias in float32; rounding it would shift whole channels
            activation = "relu" if self.relu else "none"
            y = convolve(x, weight, self.bias, *self.conv_args, activation, [], "")
        else:  # this operator requires a bias of the same precision
            bias = None if self.bias is None else self.bias.to(x.dtype)
            last = "relu" if self.relu else None
            y = convolve.binary(
                x, shortcut, weight, bias, *self.conv_args, "add", None, last, [], None
            )
        return y

    def _packed_weight(self, x: Tensor) -> Tensor:
        """Return the weight in the precision of x and oneDNN's layout; cached per precision."""
        if x.dtype not in self.packed_weights:
            self.packed_weights[x.dtype] = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight.to(x.dtype), *self.conv_args, list(x.shape)
            )
        return self.packed_weights[x.dtype]


class FusedBlock(nn.Module):
    """A fused bottleneck of either backbone; in resnet50v2 it starts with a norm and a ReLU."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        part: Any = block
        self.pre_activation = self.shortcut = None
        if isinstance(block, PreActivationBlock):
            self.pre_activation = nn.Sequential(block.bn1, nn.ReLU(inplace=True))
            norms = (block.bn2, block.bn3, None)
            if block.downsample is not None:
                self.shortcut = FusedConv2d(block.downsample)
        else:
            norms = (part.bn1, part.bn2, part.bn3)
            if part.downsample is not None:
                self.shortcut = FusedConv2d(*part.downsample)
        self.first = FusedConv2d(part.conv1, norms[0], relu=True)
        self.middle = FusedConv2d(part.conv2, norms[1], relu=True)
        self.last = FusedConv2d(part.conv3, norms[2], relu=self.pre_activation is None)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (N, C, H, W) to (N, 4 width, H / stride, W / stride)."""
        active = x if self.pre_activation is None else self.pre_activation(x)
        shortcut = x if self.shortcut is None else self.shortcut(active)
        result: Tensor = self.last(self.middle(self.first(active)), shortcut)
        return result


def _fold(convolution: nn.Module, norm: nn.Module | None) -> nn.Conv2d:
    """Return one convolution that is equivalent to a convolution followed by a norm."""
    assert isinstance(convolution, nn.Conv2d)
    if norm is None:
        return convolution
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm)


def _fuse_layers(layers: nn.Module) -> nn.Sequential:
    """Fuse a sequence of a convolution, its norm and a ReLU."""
    convolution, norm, _ = layers.children()
    return nn.Sequential(FusedConv2d(convolution, norm, relu=True))


def _is_supported(precision: torch.dtype) -> bool:
    """Try the operators, which are internal to PyTorch and may be missing."""
    pixel = torch.zeros(1, 1, 1, 1, dtype=precision)
    part = FusedConv2d(nn.Conv2d(1, 1, 1))
    try:
        part(part(pixel), shortcut=pixel)
    except (AttributeError, RuntimeError):
        return False
    return True
