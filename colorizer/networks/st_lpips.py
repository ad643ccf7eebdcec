"""The distance ST-LPIPS (Ghildyal & Liu, ECCV 2022) with its AlexNet, by its published weights.

It is a variant of LPIPS (Zhang et al., CVPR 2018) that tolerates small shifts. Its values are on
another scale, so they cannot be compared with published LPIPS.
"""

from collections.abc import Iterator
from importlib.resources import as_file, files

import torch
from torch import Tensor, nn
from torch.nn import functional

PACKAGE, WEIGHTS = "stlpips_pytorch", "weights/vST0.0/alex_shift_tolerant.pth"
LAYERS = (  # name of the tensors of a convolution, padding
    ("net.slice1.0", 2),
    ("net.slice2.5", 2),
    ("net.slice3.9", 1),
    ("net.slice4.11", 1),
    ("net.slice5.13", 1),
)
POOLED_LAYERS = (1, 2)  # layers whose input is pooled
BLUR_PX = 2  # padding of the blur
INPUT_SHIFT, INPUT_SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # for RGB in [-1, 1]


class ShiftTolerantLpips(nn.Module):
    """Measure the distance between the features of two images, weighted as people judged them."""

    def __init__(self) -> None:
        super().__init__()
        with as_file(files(PACKAGE) / WEIGHTS) as path:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
        pairs = [(tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name, _ in LAYERS]
        self.kernels = nn.ParameterList(kernel for kernel, _ in pairs)
        self.biases = nn.ParameterList(bias for _, bias in pairs)
        self.channel_weights = nn.ParameterList(
            tensors[f"lin{layer}.model.1.weight"] for layer in range(len(LAYERS))
        )

    def forward(self, rgb: Tensor, original: Tensor) -> Tensor:
        """Return the distances (N,) of RGB images (N, 3, H, W) from one original (1, 3, H, W).

        Values are in [0, 1], and images are at least 32 px high and wide.
        """
        features = self._features(torch.cat([original, rgb]))
        distances = [
            functional.conv2d((layer[1:] - layer[:1]).square(), weights).mean(dim=(1, 2, 3))
            for layer, weights in zip(features, self.channel_weights, strict=True)
        ]
        return torch.stack(distances).sum(dim=0)

    def _features(self, rgb: Tensor) -> Iterator[Tensor]:
        """Yield the features of each layer (N, C, h, w), of length 1 at each place."""
        shift, scale = (rgb.new_tensor(x)[:, None, None] for x in (INPUT_SHIFT, INPUT_SCALE))
        x = (2 * rgb - 1 - shift) / scale
        for layer, (_, padding) in enumerate(LAYERS):
            if layer in POOLED_LAYERS:
                x = blur_and_halve(functional.max_pool2d(x, 3, stride=1))
            x = functional.conv2d(x, self.kernels[layer], self.biases[layer], padding=padding)
            x = functional.relu(blur_and_halve(x) if layer == 0 else x)
            yield x / (x.norm(dim=1, keepdim=True) + 1e-10)


def blur_and_halve(x: Tensor) -> Tensor:
    """Blur (N, C, H, W) by [1, 2, 1] / 4 in both directions and keep every second sample."""
    row = x.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(row, row).expand(x.shape[1], 1, 3, 3)
    padded = functional.pad(x, [BLUR_PX] * 4, mode="reflect")
    return functional.conv2d(padded, kernel, stride=2, groups=x.shape[1])
