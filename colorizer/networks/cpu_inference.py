"""A trained network for inference on a CPU: norms folded, each convolution one pass over memory.

oneDNN adds the shortcut and takes the ReLU while it writes a convolution's result. PyTorch has
that only as the operators which its own compiler calls; where they fail nothing is fused.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from colorizer.networks.backbone import PreActivationBlock
from colorizer.networks.models import Colorizer, PyramidColorizer


def fuse_for_cpu(model: Colorizer, precision: torch.dtype = torch.float32) -> Colorizer:
    """The same model, from now on only to predict, in float32 or in this precision too.

    Parts are replaced in place; predictions move by rounding only. The published network stays as
    it is, and so does every one where the operators do not work.
    """
    on_cpu = next(model.parameters()).device.type == "cpu"
    if not (isinstance(model, PyramidColorizer) and on_cpu and _is_supported(precision)):
        return model
    trunk, decoder, head = model.backbone, model.decoder, model.head
    trunk.conv1, trunk.bn1 = FusedConv2d(trunk.conv1, trunk.bn1), nn.Identity()
    for level in range(1, len(trunk.channels) + 1):
        stage = trunk.get_submodule(f"layer{level}")
        setattr(trunk, f"layer{level}", nn.Sequential(*map(FusedBlock, stage.children())))
    decoder.lateral = nn.ModuleList(map(_fuse_layers, decoder.lateral))
    decoder.context = _fuse_layers(decoder.context)
    decoder.merge = nn.ModuleList(map(_fuse_layers, decoder.merge))
    head.add_module("project", FusedConv2d(head.project))
    return model


class FusedConv2d(nn.Module):
    """A convolution with the norm behind it, then what is added, then perhaps a ReLU."""

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
        """x (N, C, H, W) -> (N, C', H', W'), in autocast's precision where that is on"""
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.get_autocast_dtype("cpu"))
        convolve, weight = torch.ops.mkldnn._convolution_pointwise, self._packed_weight(x)
        y: Tensor
        if shortcut is None:  # the bias stays float32: its rounding would shift whole channels
            last = "relu" if self.relu else "none"
            y = convolve(x, weight, self.bias, *self.conv_args, last, [], "")
        else:  # takes none but its own precision
            bias = None if self.bias is None else self.bias.to(x.dtype)
            then = "relu" if self.relu else None
            y = convolve.binary(
                x, shortcut, weight, bias, *self.conv_args, "add", None, then, [], None
            )
        return y

    def _packed_weight(self, x: Tensor) -> Tensor:
        """In the precision and the order that x asks for; made once, for each call would cost."""
        if x.dtype not in self.packed_weights:
            self.packed_weights[x.dtype] = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight.to(x.dtype), *self.conv_args, list(x.shape)
            )
        return self.packed_weights[x.dtype]


class FusedBlock(nn.Module):
    """A bottleneck of either trunk; the pre-activation one begins with a norm and a ReLU."""

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
        """(N, C, H, W) -> (N, 4 width, H / stride, W / stride)"""
        active = x if self.pre_activation is None else self.pre_activation(x)
        shortcut = x if self.shortcut is None else self.shortcut(active)
        joined: Tensor = self.last(self.middle(self.first(active)), shortcut)
        return joined


def _fold(convolution: nn.Module, norm: nn.Module | None) -> nn.Conv2d:
    """Return one convolution that does the same as a convolution and the norm behind it."""
    assert isinstance(convolution, nn.Conv2d)
    if norm is None:
        return convolution
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm)


def _fuse_layers(layers: nn.Module) -> nn.Sequential:
    """A convolution, its norm, its ReLU."""
    convolution, norm, _ = layers.children()
    return nn.Sequential(FusedConv2d(convolution, norm, relu=True))


def _is_supported(precision: torch.dtype) -> bool:
    """Tried out, since the operators are PyTorch's own business and need not be everywhere."""
    pixel = torch.zeros(1, 1, 1, 1, dtype=precision)
    part = FusedConv2d(nn.Conv2d(1, 1, 1))
    try:
        part(part(pixel), shortcut=pixel)
    except (AttributeError, RuntimeError):
        return False
    return True
