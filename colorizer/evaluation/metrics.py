"""Image quality metrics: difference from the photograph, and colorfulness.

None of them measures whether people are fooled; a study does.
"""

import torch
from torch import Tensor
from torch.nn import functional

AUC_LIMIT = 150.0  # ab units (Zhang, Isola & Efros 2016, sec. 3.1)
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5  # px: a window of 11 x 11 (Wang et al. 2004)
SSIM_K1, SSIM_K2 = 0.01, 0.03


def auc_contribution(error: Tensor) -> Tensor:
    """Return the contribution of each pixel to the AuC, in [0, 1]; their mean is the AuC.

    error (...): distances in ab. The curve is the share of pixels with an error of at most tau, for
    tau from 0 to 150; its area is divided by 150. A pixel counts for every tau from its error
    upwards, so the area is computed exactly, without steps of tau.
    """
    return 1 - error.clamp(max=AUC_LIMIT) / AUC_LIMIT


def share_within(error: Tensor) -> Tensor:
    """Return the share of pixels with an error of at most tau, for tau = 0, 1 ... 150, (151,).

    error (...): distances in ab. The area under this curve, divided by 150, is the AuC.
    """
    taus = torch.arange(AUC_LIMIT + 1).to(error)
    return torch.searchsorted(error.flatten().sort().values, taus, right=True) / error.numel()


def peak_signal_to_noise(image: Tensor, original: Tensor) -> Tensor:
    """Return the PSNR in dB (N,) of two images with levels 0 to 255 (N, 3, H, W).

    Infinite if they are equal. PSNR favors gray over plausible colors, so it should always be shown
    with the colorfulness.
    """
    squared = (image - original).square().flatten(1).mean(dim=1)
    return 10 * torch.log10(255**2 / squared)


def structural_similarity(image: Tensor, original: Tensor) -> Tensor:
    """Return the SSIM (N,), averaged over channels, of two images with levels 0 to 255.

    image, original (N, 3, H, W): at least 11 px high and wide. Gaussian window and population
    covariances, as published by Wang et al. (2004).
    """
    mean_x, mean_y = _blur(image), _blur(original)
    variances = _blur(image**2) - mean_x**2 + _blur(original**2) - mean_y**2
    covariance = _blur(image * original) - mean_x * mean_y
    c1, c2 = (SSIM_K1 * 255) ** 2, (SSIM_K2 * 255) ** 2
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    index: Tensor = similar / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))
    return index.flatten(1).mean(dim=1)


def colorfulness(image: Tensor, absolute: bool = False) -> Tensor:
    """Return the colorfulness M3 (N,) of Hasler & Suesstrunk (2003), from 0 (gray) to about 109.

    image (N, 3, H, W): levels 0 to 255. absolute: use |R - G| and |yellow - blue|, a variant that
    many published tables use.
    """
    red, green, blue = image.flatten(2).unbind(dim=1)
    opponents = torch.stack([red - green, (red + green) / 2 - blue], dim=1)  # (N, 2, P)
    opponents = opponents.abs() if absolute else opponents
    spread: Tensor = opponents.var(dim=2, correction=0).sum(dim=1).sqrt()
    offset: Tensor = opponents.mean(dim=2).norm(dim=1)
    return spread + 0.3 * offset


def _blur(image: Tensor) -> Tensor:
    """Return the Gaussian means of (N, 3, H, W) at all full windows, (N, 3, H - 10, W - 10)."""
    offsets = torch.arange(-SSIM_RADIUS, SSIM_RADIUS + 1).to(image)
    window = torch.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    window = (window / window.sum()).expand(3, 1, 1, -1)
    rows = functional.conv2d(image, window, groups=3)
    return functional.conv2d(rows, window.movedim(-1, -2), groups=3)
