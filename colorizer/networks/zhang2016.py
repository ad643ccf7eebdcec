"""The network of Zhang, Isola & Efros (2016), for comparison (arXiv:1603.08511, fig. 2).

The tensors have the names of the authors' PyTorch release, so that its files can be loaded.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

ZHANG2016 = "zhang2016"
ANNEALED_TEMPERATURE = 0.38  # the temperature of the paper's annealed mean
L_CENTER, L_RANGE = 50.0, 100.0  # the network's input is (L - 50) / 100
AB_SCALE = 110.0  # the columns of the released `model_out` are the bins / 110


class Zhang2016(nn.Module):
    """Eight blocks of convolutions with 32.24 M parameters, which predict 313 bins at stride 4.

    The stride is 8 from block 3 on; blocks 5 and 6 use dilation instead of a larger stride.
    """

    def __init__(self, bins: Tensor, probability: Tensor) -> None:
        """Build the untrained network.

        bins (Q, 2). probability (Q,): the initial prediction; all values must be positive.
        """
        super().__init__()
        self.model1 = _conv_block(1, 64, 64, stride=2)
        self.model2 = _conv_block(64, 128, 128, stride=2)
        self.model3 = _conv_block(128, 256, 256, 256, stride=2)
        self.model4 = _conv_block(256, 512, 512, 512)
        self.model5 = _conv_block(512, 512, 512, 512, dilation=2)
        self.model6 = _conv_block(512, 512, 512, 512, dilation=2)
        self.model7 = _conv_block(512, 512, 512, 512)
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(512, 256, kernel_size=4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            *_convolutions(256, 256, 256),
            nn.Conv2d(256, len(bins), kernel_size=1),
        )
        self.model_out = nn.Conv2d(len(bins), 2, kernel_size=1, bias=False).requires_grad_(False)
        with torch.no_grad():
            self.model8[-1].get_parameter("bias").copy_(probability.log())
            self.model_out.weight.copy_(bins.T[..., None, None] / AB_SCALE)

    def forward(self, lightness: Tensor) -> Tensor:
        """Predict logits (N, Q, H / 4, W / 4), rounded up, from L (N, 1, H, W) in [0, 100]."""
        x = (lightness - L_CENTER) / L_RANGE
        for block in (self.model1, self.model2, self.model3, self.model4):
            x = block(x)
        for block in (self.model5, self.model6, self.model7, self.model8):
            x = block(x)
        height, width = (-(-side // 4) for side in lightness.shape[-2:])
        return x[..., :height, :width]  # if a side is not a multiple of 8, x is one sample larger

    def decode(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """Return the annealed mean ab (N, 2, H, W) of logits (N, Q, H, W) (eq. 5)."""
        ab: Tensor = self.model_out((logits.float() / temperature).softmax(dim=1)) * AB_SCALE
        return ab


def fold_released_temperature(network: Zhang2016) -> None:
    """Scale the released logits so that ANNEALED_TEMPERATURE reproduces the authors' colors.

    The authors' PyTorch module ends in a plain softmax (T = 1), and it is not documented if the
    released logits are already annealed (richzhang/colorization#93). The scaling avoids annealing
    twice.
    """
    with torch.no_grad():
        for tensor in network.model8[-1].parameters():
            tensor.mul_(ANNEALED_TEMPERATURE)


def _conv_block(*widths: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Build convolutions between consecutive widths, followed by a norm.

    Only the last convolution has the stride.
    """
    layers = _convolutions(*widths, dilation=dilation)
    last = layers[-2]
    assert isinstance(last, nn.Conv2d)
    last.stride = (stride, stride)
    return nn.Sequential(*layers, nn.BatchNorm2d(widths[-1]))


def _convolutions(*widths: int, dilation: int = 1) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for channels, width in pairwise(widths):
        convolution = nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        layers += [convolution, nn.ReLU(inplace=True)]
    return layers
