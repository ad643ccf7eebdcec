"""Zhang, Isola & Efros 2016's own network, the published yardstick (arXiv:1603.08511, fig. 2).

Tensors are named as in the authors' PyTorch release, so that a released file loads by name.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

ZHANG2016 = "zhang2016"
ANNEALED_TEMPERATURE = 0.38  # of the annealed mean in the paper
L_CENTER, L_RANGE = 50.0, 100.0  # of L: the network is shown (L - 50) / 100
AB_SCALE = 110.0  # of the released `model_out`, whose columns are the bins / 110


class Zhang2016(nn.Module):
    """Eight blocks of convolutions, 32.24 M parameters; 313 colors at stride 4.

    Stride 8 from block 3 on; blocks 5 and 6 are dilated instead of going deeper.
    """

    def __init__(self, bins: Tensor, probability: Tensor) -> None:
        """bins (Q, 2); probability (Q,), all positive: the first prediction"""
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
        """L (N, 1, H, W) in [0, 100] -> logits (N, Q, H / 4, W / 4), rounded up"""
        x = (lightness - L_CENTER) / L_RANGE
        for block in (self.model1, self.model2, self.model3, self.model4):
            x = block(x)
        for block in (self.model5, self.model6, self.model7, self.model8):
            x = block(x)
        height, width = (-(-side // 4) for side in lightness.shape[-2:])
        return x[..., :height, :width]  # where 8 does not divide the sides, x is a sample larger

    def decode(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """logits (N, Q, H, W) -> ab (N, 2, H, W), the annealed mean (eq. 5)"""
        ab: Tensor = self.model_out((logits.float() / temperature).softmax(dim=1)) * AB_SCALE
        return ab


def fold_released_temperature(network: Zhang2016) -> None:
    """Make ANNEALED_TEMPERATURE give the colors that the authors' PyTorch module gives their file.

    That module ends in a plain softmax, T = 1, and whether the file's logits are annealed already
    is not documented (richzhang/colorization#93). So nothing is annealed twice.
    """
    with torch.no_grad():
        for tensor in network.model8[-1].parameters():
            tensor.mul_(ANNEALED_TEMPERATURE)


def _conv_block(*widths: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolutions from width to width, the last one with the stride, then a norm."""
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
