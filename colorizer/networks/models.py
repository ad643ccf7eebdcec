"""A trunk, a decoder and one of two heads, or the published network: lightness in, ab out."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from colorizer.color.bins import annealed_mean
from colorizer.color.spaces import gray_rgb
from colorizer.errors import ColorizerError
from colorizer.networks.backbone import BACKBONES, FeaturePyramid, build_backbone
from colorizer.networks.zhang2016 import ZHANG2016, Zhang2016

ARCHITECTURES = (*BACKBONES, ZHANG2016)
OBJECTIVES = ("l2", "mcl")
MODEL_NAMES = (*OBJECTIVES, ZHANG2016)  # what commands call a trained one
OUTPUT_STRIDE = 4  # of the prediction; ab sample i belongs to pixel 4 i
AB_SCALE = 110.0  # L2 regresses ab / 110
DECODER_WIDTHS = (128, 224, 384, 512)  # of the decoder at strides 4, 8, 16, 32
MIN_PROBABILITY = 1e-6  # a bin never seen must not start at minus infinity


class Decoder(nn.Module):
    """From the deepest level up to stride 4: upsample, join the trunk's features, convolve.

    A dilated convolution at the deepest level widens what one prediction sees.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        widths = DECODER_WIDTHS[: len(channels)]
        self.lateral = nn.ModuleList(
            _conv_bn_relu(c, width, 1) for c, width in zip(channels, widths, strict=True)
        )
        self.context = _conv_bn_relu(widths[-1], widths[-1], 3, dilation=2)
        self.merge = nn.ModuleList(
            _conv_bn_relu(fine + coarse, fine, 3) for fine, coarse in pairwise(widths)
        )
        self.channels = widths[0]

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """features, the finest first -> (N, C, H / 4, W / 4)"""
        levels = [lateral(x) for lateral, x in zip(self.lateral, pyramid, strict=True)]
        x: Tensor = self.context(levels[-1])
        for merge, skip in zip(reversed(self.merge), reversed(levels[:-1]), strict=True):
            x = functional.interpolate(x, skip.shape[-2:], mode="bilinear", align_corners=False)
            x = merge(torch.cat([skip, x], dim=1))
        return x


class RegressionHead(nn.Module):
    """ab / 110 at every pixel (Zhang et al. 2016, eq. 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = _init_small(nn.Conv2d(channels, 2, kernel_size=1))

    def forward(self, features: Tensor) -> Tensor:
        """features (N, C, H, W) -> ab / 110 (N, 2, H, W)"""
        scaled: Tensor = self.project(features)
        return scaled

    def decode(self, scaled: Tensor, temperature: float = 1.0) -> Tensor:
        """ab / 110 (N, 2, H, W) -> ab (N, 2, H, W); a regression has no use for a temperature"""
        return scaled.float() * AB_SCALE


class RebalancedHead(nn.Module):
    """A distribution over Q quantized ab colors at every pixel (Zhang et al. 2016, sec. 2.1)."""

    bins: Tensor  # (Q, 2), ab of each bin's center

    def __init__(self, channels: int, bins: Tensor, probability: Tensor) -> None:
        super().__init__()
        self.project = _init_small(nn.Conv2d(channels, len(bins), kernel_size=1))
        # To start from the prior spares the all-gray phase.
        self.project.bias = nn.Parameter(probability.clamp(min=MIN_PROBABILITY).log())
        self.register_buffer("bins", bins)

    def forward(self, features: Tensor) -> Tensor:
        """features (N, C, H, W) -> logits (N, Q, H, W)"""
        logits: Tensor = self.project(features)
        return logits

    def decode(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """logits (N, Q, H, W) -> ab (N, 2, H, W), the annealed mean (eq. 5)"""
        return annealed_mean(logits, self.bins, temperature)


class PyramidColorizer(nn.Module):
    """A trunk, a decoder, a head: lightness -> what the head says at stride 4."""

    def __init__(self, backbone: FeaturePyramid, head: RegressionHead | RebalancedHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.decoder = Decoder(backbone.channels)
        self.head = head

    def forward(self, lightness: Tensor) -> Tensor:
        """L (N, 1, H, W) in [0, 100] -> raw (N, 2 or Q, H / 4, W / 4)

        The trunk sees the gray image of that lightness, so that its statistics hold.
        """
        rgb = gray_rgb(lightness).contiguous(memory_format=torch.channels_last)
        raw: Tensor = self.head(self.decoder(self.backbone(rgb)))
        return raw

    def decode(self, raw: Tensor, temperature: float = 1.0) -> Tensor:
        """raw (N, 2 or Q, H, W) -> ab (N, 2, H, W); only a classification has a temperature"""
        return self.head.decode(raw, temperature)


Colorizer = PyramidColorizer | Zhang2016


def build_colorizer(
    name: str, objective: str, bins: Tensor, probability: Tensor | None = None
) -> Colorizer:
    """An untrained model of ARCHITECTURES.

    probability (Q,): the prior that classification starts from.
    Raises ColorizerError for the published network with another objective than its own.
    """
    start = torch.full((len(bins),), 1 / len(bins)) if probability is None else probability
    if name == ZHANG2016:
        if objective != "mcl":
            raise ColorizerError(f"{ZHANG2016} is a classification; give it --objective mcl")
        return Zhang2016(bins, start.clamp(min=MIN_PROBABILITY))
    if objective == "l2":
        return PyramidColorizer(build_backbone(name), RegressionHead(DECODER_WIDTHS[0]))
    return PyramidColorizer(build_backbone(name), RebalancedHead(DECODER_WIDTHS[0], bins, start))


def pretrained_module(colorizer: Colorizer) -> nn.Module:
    """What a file of weights can fill."""
    return colorizer.backbone if isinstance(colorizer, PyramidColorizer) else colorizer


def upsample_ab(ab: Tensor, height: int, width: int) -> Tensor:
    """ab at stride 4 (N, 2, h, w) -> (N, 2, height, width), bilinear

    Sample i is put on pixel 4 i, where training took it, not on the middle of its cell.
    """
    edged = functional.pad(ab, (0, 1, 0, 1), mode="replicate")
    size = (OUTPUT_STRIDE * ab.shape[-2] + 1, OUTPUT_STRIDE * ab.shape[-1] + 1)
    full = functional.interpolate(edged, size, mode="bilinear", align_corners=True)
    return full[..., :height, :width]


def _conv_bn_relu(channels: int, width: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


def _init_small(projection: nn.Conv2d) -> nn.Conv2d:
    """The first predictions come from the bias: gray, or the prior."""
    nn.init.normal_(projection.weight, std=0.01)
    projection.bias = nn.Parameter(torch.zeros(projection.out_channels))
    return projection
