"""The computations that are exported to ONNX, without operations that depend on the data."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from colorizer.color.plainness import STRIDE
from colorizer.color.spaces import (
    from_bytes,
    lab_to_rgb_by_dense_bisection,
    rgb_to_lightness,
    to_bytes,
)
from colorizer.networks.calm_mean import CALM_GAIN, guided_filter, smooth_plainness
from colorizer.networks.models import Colorizer, PyramidColorizer, RebalancedHead, upsample_ab
from colorizer.stimuli.decoding import Decoding, decode_ab


class LightnessToAb(nn.Module):
    """Predicts ab (N, 2, H, W) from L (N, 1, H, W), at least 32 px high and wide."""

    def __init__(self, network: Colorizer, decoding: Decoding) -> None:
        super().__init__()
        self.network = network
        self.decoding = decoding

    def forward(self, lightness: Tensor) -> Tensor:
        """Predict at stride 4, decode, and upsample."""
        ab = self._decode(self.network(lightness), lightness)
        return upsample_ab(ab, lightness.shape[-2], lightness.shape[-1])

    def _decode(self, raw: Tensor, lightness: Tensor) -> Tensor:
        head = self.network.head if isinstance(self.network, PyramidColorizer) else None
        if not isinstance(head, RebalancedHead):
            return decode_ab(self.network, raw, lightness, self.decoding)
        # As in annealed_mean and calm_mean, which compute it in chunks, but for all pixels at once.
        if self.decoding.calm and head.bin_weight is not None:
            raw = raw - smooth_plainness(lightness) * head.bin_weight.log()[:, None, None]
        shares = (raw / self.decoding.temperature).softmax(dim=1)
        ab = self.decoding.gain * functional.conv2d(shares, head.bins.T[..., None, None])
        if self.decoding.calm:
            return CALM_GAIN * guided_filter(ab, lightness[..., ::STRIDE, ::STRIDE])
        return ab


class PixelsToPixels(nn.Module):
    """Colorizes sRGB images, uint8 (N, H, W, 3), in color or gray; keeps their lightness."""

    def __init__(self, network: Colorizer, decoding: Decoding) -> None:
        super().__init__()
        self.predict = LightnessToAb(network, decoding)

    def forward(self, pixels: Tensor) -> Tensor:
        """Convert to L, predict ab, and convert to bytes inside sRGB."""
        lightness = rgb_to_lightness(from_bytes(pixels))
        lab = torch.cat([lightness, self.predict(lightness)], dim=1)
        return to_bytes(lab_to_rgb_by_dense_bisection(lab))
