"""Conversion between sRGB and CIE Lab, and gamut mapping, for tensors.

IEC 61966-2-1; D65, 2-degree observer, with the constants of scikit-image. L is in [0, 100]; a and
b of sRGB colors are in [-108, 99]. Only this module depends on the white point and the gamut.
"""

from itertools import compress, product

import torch
from torch import Tensor

RGB_TO_XYZ = torch.tensor(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    dtype=torch.float64,
)
D65_WHITE = torch.tensor([0.95047, 1.0, 1.08883], dtype=torch.float64)
XYZ_TO_RGB = torch.linalg.inv(RGB_TO_XYZ) * D65_WHITE  # for XYZ relative to the white point
# The channels that are rounded up, in each of the 8 ways to round a color to a neighboring byte.
ROUNDED_UP = tuple(product((False, True), repeat=3))
# Colors up to half a level outside [0, 1] still round to a valid byte, so they count as
# displayable. MIN_LINEAR and MAX_LINEAR are these limits in linear RGB.
HALF_LEVEL = 0.5 / 255
MIN_LINEAR, MAX_LINEAR = -HALF_LEVEL / 12.92, ((1 + HALF_LEVEL + 0.055) / 1.055) ** 2.4


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB (N, 3, ...) in [0, 1] to Lab (N, 3, ...)."""
    f = _lab_f(_apply_matrix(RGB_TO_XYZ / D65_WHITE[:, None], _srgb_to_linear(rgb)))
    x, y, z = f.unbind(dim=1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def rgb_to_lightness(rgb: Tensor) -> Tensor:
    """Convert sRGB (N, 3, ...) in [0, 1] to L (N, 1, ...), in a third of the time of Lab."""
    return 116 * _lab_f(_apply_matrix(RGB_TO_XYZ[1:2], _srgb_to_linear(rgb))) - 16


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert Lab (N, 3, ...) to sRGB (N, 3, ...).

    Colors outside the gamut have values outside [0, 1].
    """
    return _linear_to_srgb(_lab_to_linear(lab))


def gray_rgb(lightness: Tensor) -> Tensor:
    """Return the neutral sRGB image (N, 3, ...) of lightness L (N, 1, ...)."""
    gray = _linear_to_srgb(_lab_f_inverse((lightness + 16) / 116))
    return gray.expand(-1, 3, *[-1] * (gray.dim() - 2))


def map_to_gamut(lab: Tensor) -> Tensor:
    """Map Lab (N, 3, H, W) into the sRGB gamut by reducing chroma at constant L and hue.

    Clipping RGB instead would change L by up to 14 of 100, which would give a fake away.
    """
    outside = ~_is_in_gamut(_lab_to_linear(lab))  # (N, H, W)
    shrunk = lab.movedim(1, -1).clone()
    shrunk[outside] = _shrink_chroma(shrunk[outside])
    return shrunk.movedim(-1, 1)


def lab_to_rgb_in_gamut(lab: Tensor) -> Tensor:
    """Compute `lab_to_rgb(map_to_gamut(lab))` for Lab (N, 3, H, W) in half the time."""
    linear = _lab_to_linear(lab)
    outside = ~_is_in_gamut(linear)
    if outside.any():
        shrunk = _shrink_chroma(lab.movedim(1, -1)[outside])
        linear.movedim(1, -1)[outside] = _lab_to_linear(shrunk)
    return _linear_to_srgb(linear)


def to_bytes(rgb: Tensor) -> Tensor:
    """Convert sRGB (N, 3, H, W) in [0, 1] to uint8 (N, H, W, 3), the layout of image files."""
    return (rgb * 255).round().clamp(0, 255).to(torch.uint8).movedim(1, -1)


def to_bytes_keeping_lightness(rgb: Tensor, lightness: Tensor) -> Tensor:
    """Convert sRGB (N, 3, H, W) to the neighboring bytes (N, H, W, 3) nearest in L.

    lightness (N, 1, H, W): L of the colors. Every level is rounded down or up. Of the 8
    combinations, the one with the nearest luminance is chosen, which is the one nearest in L, too.
    To round each level to the nearest byte instead would change L by an amount that depends on the
    color.
    """
    down = (rgb * 255).clamp(0, 255).long()
    up = (down + 1).clamp(max=255)
    byte = torch.arange(256, device=rgb.device) / 255
    tables = RGB_TO_XYZ[1].to(byte)[:, None] * _srgb_to_linear(byte)  # (3, 256)
    low = [table[levels] for table, levels in zip(tables, down.unbind(dim=1), strict=True)]
    high = [table[levels] for table, levels in zip(tables, up.unbind(dim=1), strict=True)]
    missing = _lab_f_inverse((lightness[:, 0] + 16) / 116) - sum(low)  # of the luminance
    steps = [h - x for h, x in zip(high, low, strict=True)]
    errors = [(missing - sum(compress(steps, ups))).abs() for ups in ROUNDED_UP]
    chosen = torch.tensor(ROUNDED_UP, device=rgb.device)[torch.stack(errors).min(dim=0).indices]
    return torch.where(chosen, up.movedim(1, -1), down.movedim(1, -1)).to(torch.uint8)


def from_bytes(pixels: Tensor) -> Tensor:
    """Convert uint8 (N, H, W, 3) to sRGB (N, 3, H, W) in [0, 1], float32."""
    return pixels.movedim(-1, 1).float() / 255


def _shrink_chroma(colors: Tensor, steps: int = 12) -> Tensor:
    """Reduce the chroma of Lab colors (P, 3), all outside sRGB, until they are inside.

    Bisection: the result is below the largest possible chroma by at most 2^-steps of the original.
    """
    inside = torch.zeros_like(colors[:, 0])
    for step in range(1, steps + 1):
        scale = inside + 0.5**step
        fits = _is_in_gamut(_lab_to_linear(_scale_chroma(colors, scale)))
        inside = torch.where(fits, scale, inside)
    return _scale_chroma(colors, inside)


def _scale_chroma(colors: Tensor, scale: Tensor) -> Tensor:
    return torch.cat([colors[:, :1], colors[:, 1:] * scale[:, None]], dim=1)


def _is_in_gamut(linear: Tensor) -> Tensor:
    """Return a mask (N, ...) of the linear RGB colors (N, 3, ...) that round to valid bytes."""
    fits: Tensor = (linear.amin(dim=1) >= MIN_LINEAR) & (linear.amax(dim=1) <= MAX_LINEAR)
    return fits


def _lab_to_linear(lab: Tensor) -> Tensor:
    """Convert Lab (N, 3, ...) to linear RGB (N, 3, ...)."""
    lightness, a, b = lab.unbind(dim=1)
    y = (lightness + 16) / 116
    return _apply_matrix(
        XYZ_TO_RGB, _lab_f_inverse(torch.stack([y + a / 500, y, y - b / 200], dim=1))
    )


def _apply_matrix(matrix: Tensor, channels: Tensor) -> Tensor:
    return torch.einsum("ij,nj...->ni...", matrix.to(channels), channels)


def _srgb_to_linear(rgb: Tensor) -> Tensor:
    return torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)


def _linear_to_srgb(linear: Tensor) -> Tensor:
    root = linear.clamp(min=0.0031308) ** (1 / 2.4)  # the power of a negative number would be NaN
    return torch.where(linear > 0.0031308, 1.055 * root - 0.055, 12.92 * linear)


def _lab_f(t: Tensor) -> Tensor:
    return torch.where(t > 0.008856, t.clamp(min=0.008856) ** (1 / 3), 7.787 * t + 16 / 116)


def _lab_f_inverse(f: Tensor) -> Tensor:
    return torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
