"""The colorization models, which predict ab from lightness.

A model is a backbone, a decoder and one of two heads, or the network of Zhang et al. (2016).
"""

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
MODEL_NAMES = (*OBJECTIVES, ZHANG2016)  # the names of trained models in commands
OUTPUT_STRIDE = 4  # ab sample i of the prediction belongs to pixel 4 i
AB_SCALE = 110.0  # the regression predicts ab / 110
DECODER_WIDTHS = (128, 224, 384, 512)  # channels of the decoder at strides 4, 8, 16, 32
MIN_PROBABILITY = 1e-6  # for bins that never occur, whose initial logit would be minus infinity


class Decoder(nn.Module):
    """The decoder: from the coarsest level to stride 4, upsample, concatenate and convolve.

    The features of the backbone are concatenated at every level. A dilated convolution at the
    coarsest level enlarges the receptive field.
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
        """Map the backbone's features, finest first, to (N, C, H / 4, W / 4)."""
        levels = [lateral(x) for lateral, x in zip(self.lateral, pyramid, strict=True)]
        x: Tensor = self.context(levels[-1])
        for merge, skip in zip(reversed(self.merge), reversed(levels[:-1]), strict=True):
            x = functional.interpolate(x, skip.shape[-2:], mode="bilinear", align_corners=False)
            x = merge(torch.cat([skip, x], dim=1))
        return x


class RegressionHead(nn.Module):
    """A head that predicts ab / 110 at every pixel (Zhang et al. 2016, eq. 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.project = _init_small(nn.Conv2d(channels, 2, kernel_size=1))

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, C, H, W) to ab / 110 (N, 2, H, W)."""
        scaled: Tensor = self.project(features)
        return scaled

    def decode(self, scaled: Tensor, temperature: float = 1.0) -> Tensor:
        """Convert ab / 110 (N, 2, H, W) to ab (N, 2, H, W); the temperature is ignored."""
        return scaled.float() * AB_SCALE


class RebalancedHead(nn.Module):
    """A head that predicts a distribution over Q color bins at every pixel.

    Source: Zhang et al. 2016, sec. 2.1.
    """

    bins: Tensor  # (Q, 2), ab of each bin's center
    bin_weight: Tensor | None  # (Q,), loss weights of the training, if the model file has them

    def __init__(self, channels: int, bins: Tensor, probability: Tensor) -> None:
        super().__init__()
        self.project = _init_small(nn.Conv2d(channels, len(bins), kernel_size=1))
        # Starting from the prior skips the first phase of training, in which everything is gray.
        self.project.bias = nn.Parameter(probability.clamp(min=MIN_PROBABILITY).log())
        self.register_buffer("bins", bins)
        self.register_buffer("bin_weight", None, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, C, H, W) to logits (N, Q, H, W)."""
        logits: Tensor = self.project(features)
        return logits

    def decode(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """Return the annealed mean ab (N, 2, H, W) of logits (N, Q, H, W) (eq. 5)."""
        return annealed_mean(logits, self.bins, temperature)


class PyramidColorizer(nn.Module):
    """A backbone, a decoder and a head; predicts at stride 4 from lightness."""

    def __init__(self, backbone: FeaturePyramid, head: RegressionHead | RebalancedHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.decoder = Decoder(backbone.channels)
        self.head = head

    def forward(self, lightness: Tensor) -> Tensor:
        """Predict raw (N, 2 or Q, H / 4, W / 4) from L (N, 1, H, W) in [0, 100].

        The input of the backbone is the gray image of this lightness, because the backbone was
        trained on RGB images.
        """
        rgb = gray_rgb(lightness).contiguous(memory_format=torch.channels_last)
        raw: Tensor = self.head(self.decoder(self.backbone(rgb)))
        return raw

    def decode(self, raw: Tensor, temperature: float = 1.0) -> Tensor:
        """Convert raw (N, 2 or Q, H, W) to ab (N, 2, H, W); a regression has no temperature."""
        return self.head.decode(raw, temperature)


Colorizer = PyramidColorizer | Zhang2016


def build_colorizer(
    name: str, objective: str, bins: Tensor, probability: Tensor | None = None
) -> Colorizer:
    """Build an untrained model by its name in ARCHITECTURES.

    probability (Q,): the prior from which a classification starts; uniform if None.
    Raises ColorizerError for the network of Zhang et al. with the objective l2.
    """
    start = torch.full((len(bins),), 1 / len(bins)) if probability is None else probability
    if name == ZHANG2016:
        if objective != "mcl":
            raise ColorizerError(f"{ZHANG2016} is a classification model; use --objective mcl")
        return Zhang2016(bins, start.clamp(min=MIN_PROBABILITY))
    if objective == "l2":
        return PyramidColorizer(build_backbone(name), RegressionHead(DECODER_WIDTHS[0]))
    return PyramidColorizer(build_backbone(name), RebalancedHead(DECODER_WIDTHS[0], bins, start))


def pretrained_module(colorizer: Colorizer) -> nn.Module:
    """Return the module into which pre-trained weights are loaded."""
    return colorizer.backbone if isinstance(colorizer, PyramidColorizer) else colorizer


def upsample_ab(ab: Tensor, height: int, width: int) -> Tensor:
    """Upsample ab at stride 4 (N, 2, h, w) to (N, 2, height, width) by a cubic B-spline.

    Sample i is placed at pixel 4 i, as in the training targets, not in the middle of its cell. The
    samples are the coefficients of the spline (there is no prefilter), so it smooths a little and
    never overshoots. Bilinear colors have a kink at every fourth pixel, which reveals a fake.
    """
    n, channels, rows, columns = ab.shape
    padded = functional.pad(
        ab.reshape(n * channels, 1, rows, columns), (1, 2, 1, 2), mode="replicate"
    )
    weights = _cubic_spline_weights().to(ab)  # (4 phases, 4 taps)
    tall = functional.conv2d(padded, weights[:, None, :, None])  # (N, phases, h, w + 3)
    tall = tall.movedim(1, 2).reshape(n * channels, 1, OUTPUT_STRIDE * rows, columns + 3)
    full = functional.conv2d(tall, weights[:, None, None, :])
    full = full.movedim(1, 3).reshape(n, channels, OUTPUT_STRIDE * rows, OUTPUT_STRIDE * columns)
    return full[..., :height, :width]


def _cubic_spline_weights() -> Tensor:
    """Return the weights (4, 4) of the samples i - 1 to i + 2 at the pixels 4 i to 4 i + 3."""
    t = torch.arange(OUTPUT_STRIDE) / OUTPUT_STRIDE
    taps = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    return torch.stack(taps, dim=1) / 6


def _conv_bn_relu(channels: int, width: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


def _init_small(projection: nn.Conv2d) -> nn.Conv2d:
    """Initialize a projection with small weights, so that its bias decides its predictions."""
    nn.init.normal_(projection.weight, std=0.01)
    projection.bias = nn.Parameter(torch.zeros(projection.out_channels))
    return projection
