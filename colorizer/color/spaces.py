"""sRGB <-> CIE Lab on tensors (IEC 61966-2-1; D65, 2 degrees, the constants of scikit-image).

The only file that knows white points and gamuts. L in [0, 100]; a, b within [-108, 99] for sRGB.
"""

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
XYZ_TO_RGB = torch.linalg.inv(RGB_TO_XYZ) * D65_WHITE  # of XYZ as shares of the white's
HALF_LEVEL = 0.5 / 255  # a color this far outside [0, 1] still rounds to an 8-bit one:
MIN_LINEAR, MAX_LINEAR = -HALF_LEVEL / 12.92, ((1 + HALF_LEVEL + 0.055) / 1.055) ** 2.4  # linear


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB (N, 3, ...) in [0, 1] -> Lab (N, 3, ...)"""
    f = _lab_f(_apply_matrix(RGB_TO_XYZ / D65_WHITE[:, None], _srgb_to_linear(rgb)))
    x, y, z = f.unbind(dim=1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def rgb_to_lightness(rgb: Tensor) -> Tensor:
    """sRGB (N, 3, ...) in [0, 1] -> L (N, 1, ...), at a third of the price of Lab"""
    return 116 * _lab_f(_apply_matrix(RGB_TO_XYZ[1:2], _srgb_to_linear(rgb))) - 16


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Lab (N, 3, ...) -> sRGB (N, 3, ...), outside [0, 1] where the color is outside the gamut"""
    return _linear_to_srgb(_lab_to_linear(lab))


def gray_rgb(lightness: Tensor) -> Tensor:
    """L (N, 1, ...) -> the neutral sRGB image (N, 3, ...) of that lightness, what a trunk sees"""
    gray = _linear_to_srgb(_lab_f_inverse((lightness + 16) / 116))
    return gray.expand(-1, 3, *[-1] * (gray.dim() - 2))


def map_to_gamut(lab: Tensor) -> Tensor:
    """Lab (N, 3, H, W) -> Lab within sRGB: chroma shrunk at constant L and hue

    Clipping RGB instead would move L, by up to 14 of 100, and give a fake away.
    """
    outside = ~_is_in_gamut(_lab_to_linear(lab))  # (N, H, W)
    shrunk = lab.movedim(1, -1).clone()
    shrunk[outside] = _shrink_chroma(shrunk[outside])
    return shrunk.movedim(-1, 1)


def lab_to_rgb_in_gamut(lab: Tensor) -> Tensor:
    """Lab (N, 3, H, W) -> `lab_to_rgb(map_to_gamut(lab))`, at half the price"""
    light = _lab_to_linear(lab)
    outside = ~_is_in_gamut(light)
    if outside.any():
        shrunk = _shrink_chroma(lab.movedim(1, -1)[outside])
        light.movedim(1, -1)[outside] = _lab_to_linear(shrunk)
    return _linear_to_srgb(light)


def to_bytes(rgb: Tensor) -> Tensor:
    """sRGB (N, 3, H, W) in [0, 1] -> uint8 (N, H, W, 3), the layout of image files"""
    return (rgb * 255).round().clamp(0, 255).to(torch.uint8).movedim(1, -1)


def from_bytes(pixels: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) -> sRGB (N, 3, H, W) in [0, 1], float32"""
    return pixels.movedim(-1, 1).float() / 255


def _shrink_chroma(colors: Tensor, steps: int = 12) -> Tensor:
    """Lab (P, 3), all outside sRGB -> within; bisection leaves at most 2^-steps of the chroma"""
    inside = torch.zeros_like(colors[:, 0])
    for step in range(1, steps + 1):
        scale = inside + 0.5**step
        fits = _is_in_gamut(_lab_to_linear(_scale_chroma(colors, scale)))
        inside = torch.where(fits, scale, inside)
    return _scale_chroma(colors, inside)


def _scale_chroma(colors: Tensor, scale: Tensor) -> Tensor:
    return torch.cat([colors[:, :1], colors[:, 1:] * scale[:, None]], dim=1)


def _is_in_gamut(light: Tensor) -> Tensor:
    """linear RGB (N, 3, ...) -> whether it rounds to 8 bits (N, ...)"""
    fits: Tensor = (light.amin(dim=1) >= MIN_LINEAR) & (light.amax(dim=1) <= MAX_LINEAR)
    return fits


def _lab_to_linear(lab: Tensor) -> Tensor:
    """Lab (N, 3, ...) -> linear RGB (N, 3, ...)"""
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
    root = linear.clamp(min=0.0031308) ** (1 / 2.4)  # the clamp keeps negatives out of the power
    return torch.where(linear > 0.0031308, 1.055 * root - 0.055, 12.92 * linear)


def _lab_f(t: Tensor) -> Tensor:
    return torch.where(t > 0.008856, t.clamp(min=0.008856) ** (1 / 3), 7.787 * t + 16 / 116)


def _lab_f_inverse(f: Tensor) -> Tensor:
    return torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
