"""How far an image is from the photograph, and how colorful it is: one formula a function.

None of them measures whether people are fooled: that is what the study is for.
"""

import torch
from torch import Tensor
from torch.nn import functional

AUC_LIMIT = 150.0  # ab units (Zhang, Isola & Efros 2016, sec. 3.1)
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5  # px; an 11 x 11 window (Wang et al. 2004)
SSIM_K1, SSIM_K2 = 0.01, 0.03


def auc_contribution(error: Tensor) -> Tensor:
    """ab error (...) -> what each pixel adds to the AuC (...), in [0, 1]; their mean is the AuC

    The curve is the share of pixels with an error of at most tau, tau from 0 to 150; its area is
    divided by 150. A pixel is under the curve from its error on, so no steps of tau are needed.
    """
    return 1 - error.clamp(max=AUC_LIMIT) / AUC_LIMIT


def peak_signal_to_noise(image: Tensor, original: Tensor) -> Tensor:
    """Levels 0 to 255 (N, 3, H, W) twice -> dB (N,); infinite where they are equal

    It prefers gray to a wrong guess: never print it without colorfulness beside it.
    """
    squared = (image - original).square().flatten(1).mean(dim=1)
    return 10 * torch.log10(255**2 / squared)


def structural_similarity(image: Tensor, original: Tensor) -> Tensor:
    """Levels 0 to 255 (N, 3, H, W) twice, 11 px and more -> SSIM (N,), the mean over the channels

    Gaussian window, population covariances: Wang et al. 2004 as they published it.
    """
    mean_x, mean_y = _blur(image), _blur(original)
    variances = _blur(image**2) - mean_x**2 + _blur(original**2) - mean_y**2
    covariance = _blur(image * original) - mean_x * mean_y
    c1, c2 = (SSIM_K1 * 255) ** 2, (SSIM_K2 * 255) ** 2
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    index: Tensor = similar / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))
    return index.flatten(1).mean(dim=1)


def colorfulness(image: Tensor, absolute: bool = False) -> Tensor:
    """Levels 0 to 255 (N, 3, H, W) -> Hasler & Suesstrunk 2003, M3 (N,); 0 gray, 109 extremely

    absolute: of |R - G| and |yellow - blue| instead, the variant behind many published tables.
    """
    red, green, blue = image.flatten(2).unbind(dim=1)
    opponents = torch.stack([red - green, (red + green) / 2 - blue], dim=1)  # (N, 2, P)
    opponents = opponents.abs() if absolute else opponents
    spread: Tensor = opponents.var(dim=2, correction=0).sum(dim=1).sqrt()
    offset: Tensor = opponents.mean(dim=2).norm(dim=1)
    return spread + 0.3 * offset


def _blur(image: Tensor) -> Tensor:
    """(N, 3, H, W) -> its Gaussian means where the whole window fits (N, 3, H - 10, W - 10)"""
    places = torch.arange(-SSIM_RADIUS, SSIM_RADIUS + 1).to(image)
    window = torch.exp(-(places**2) / (2 * SSIM_SIGMA**2))
    window = (window / window.sum()).expand(3, 1, 1, -1)
    rows = functional.conv2d(image, window, groups=3)
    return functional.conv2d(rows, window.movedim(-1, -2), groups=3)
