"""Conversion between sRGB and CIE Lab, and gamut mapping, for tensors.

IEC 61966-2-1; D65, 2-degree observer, with the constants of scikit-image. L is in [0, 100]; a and
b of sRGB colors are in [-108, 99]. Only this module depends on the white point and the gamut.
"""

from collections.abc import Callable
from itertools import product

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
# Colors up to half a level outside [0, 1] still round to a valid byte, so they count as
# displayable.
HALF_LEVEL = 0.5 / 255
CELLS = 4096  # narrower than the least distance between the luminances of two levels of blue
MAX_BLUE_SHIFT = 2  # levels by which blue, which hardly changes L, may differ to keep L


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


def map_to_gamut(lab: Tensor, margin: float = -HALF_LEVEL) -> Tensor:
    """Map Lab (N, 3, H, W) into the sRGB gamut by reducing chroma at constant L and hue.

    Clipping RGB instead would change L by up to 14 of 100, which would give a fake away. margin:
    distance of every channel from 0 and 1 that colors keep; colors so light or dark that not even
    their gray keeps it become gray.
    """
    outside = ~_is_in_gamut(_lab_to_linear(lab), margin)  # (N, H, W)
    shrunk = lab.movedim(1, -1).clone()
    shrunk[outside] = _shrink_chroma(shrunk[outside], margin)
    return shrunk.movedim(-1, 1)


def lab_to_rgb_in_gamut(lab: Tensor, margin: float = -HALF_LEVEL) -> Tensor:
    """Compute `lab_to_rgb(map_to_gamut(lab, margin))` for Lab (N, 3, H, W) in half the time."""
    linear = _lab_to_linear(lab)
    outside = ~_is_in_gamut(linear, margin)
    if outside.any():
        shrunk = _shrink_chroma(lab.movedim(1, -1)[outside], margin)
        linear.movedim(1, -1)[outside] = _lab_to_linear(shrunk)
    return _linear_to_srgb(linear)


def lab_to_rgb_by_dense_bisection(lab: Tensor, steps: int = 8) -> Tensor:
    """Compute `lab_to_rgb_in_gamut(lab)` for Lab (N, 3, H, W) without selecting pixels.

    It is slower, but its operations do not depend on the data, so it can be exported. Channels
    differ by less than a level.
    """
    lightness, ab = lab[:, :1], lab[:, 1:]
    inside = torch.zeros_like(lightness)
    for step in range(1, steps + 1):
        scale = inside + 0.5**step
        linear = _lab_to_linear(torch.cat([lightness, scale * ab], dim=1))
        inside = torch.where(_is_in_gamut(linear, -HALF_LEVEL)[:, None], scale, inside)
    fits = _is_in_gamut(_lab_to_linear(lab), -HALF_LEVEL)[:, None]
    scale = torch.where(fits, torch.ones_like(inside), inside)
    return lab_to_rgb(torch.cat([lightness, scale * ab], dim=1))


def to_bytes(rgb: Tensor) -> Tensor:
    """Convert sRGB (N, 3, H, W) in [0, 1] to uint8 (N, H, W, 3), the layout of image files."""
    return (rgb * 255).round().clamp(0, 255).to(torch.uint8).movedim(1, -1)


def to_bytes_keeping_lightness(rgb: Tensor, lightness: Tensor) -> Tensor:
    """Convert sRGB (N, 3, H, W) to bytes (N, H, W, 3) nearby that keep L.

    lightness (N, 1, H, W): L of the colors. Red and green are rounded down or up. For each of these
    4 combinations, blue is the level within MAX_BLUE_SHIFT that brings the luminance nearest to
    that of L; the best of the 4 is taken. To round each channel to the nearest level instead would
    change L by an amount that depends on the color.
    """
    red, green, blue = (rgb * 255).clamp(0, 255).unbind(dim=1)
    byte = torch.arange(256, device=rgb.device) / 255
    of_red, of_green, of_blue = RGB_TO_XYZ[1].to(byte)[:, None] * _srgb_to_linear(byte)
    find_level = _build_level_finder(of_blue)
    nearest = blue.round().long()
    least, most = (nearest - MAX_BLUE_SHIFT).clamp(min=0), (nearest + MAX_BLUE_SHIFT).clamp(max=255)
    wanted = _lab_f_inverse((lightness[:, 0] + 16) / 116)
    best = torch.full_like(wanted, torch.inf)
    chosen = [nearest, nearest, nearest]
    reds = [(r, wanted - of_red[r]) for r in _round_down_and_up(red)]
    greens = [(g, of_green[g]) for g in _round_down_and_up(green)]
    for (r, without_red), (g, green_luminance) in product(reds, greens):
        rest = without_red - green_luminance
        b = find_level(rest).clamp(least, most)
        error = (rest - of_blue[b]).abs()
        is_better = error < best
        chosen = [torch.where(is_better, *both) for both in zip((r, g, b), chosen, strict=True)]
        best = torch.minimum(error, best)
    return torch.stack(chosen, dim=-1).to(torch.uint8)


def _round_down_and_up(levels: Tensor) -> tuple[Tensor, Tensor]:
    down = levels.long()
    return down, (down + 1).clamp(max=255)


def _build_level_finder(luminances: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function that finds the levels whose luminances (256,) are nearest to given ones.

    It looks them up in cells so narrow that at most one boundary between levels is in each. That
    is faster than a binary search.
    """
    cells_per_unit = CELLS / luminances[-1]
    boundaries = (luminances[1:] + luminances[:-1]) / 2
    starts = torch.arange(CELLS + 1, device=luminances.device) / cells_per_unit
    first_levels = torch.searchsorted(boundaries, starts)
    boundaries = torch.cat([boundaries, boundaries.new_tensor([torch.inf])])

    def find_levels(wanted: Tensor) -> Tensor:
        first = first_levels[(wanted * cells_per_unit).clamp(0, CELLS).long()]
        return first + (boundaries[first] < wanted)

    return find_levels


def from_bytes(pixels: Tensor) -> Tensor:
    """Convert uint8 (N, H, W, 3) to sRGB (N, 3, H, W) in [0, 1], float32."""
    return pixels.movedim(-1, 1).float() / 255


def _shrink_chroma(colors: Tensor, margin: float, steps: int = 12) -> Tensor:
    """Reduce the chroma of Lab colors (P, 3), all outside the gamut, until they are inside.

    Bisection: the result is below the largest possible chroma by at most 2^-steps of the original.
    """
    inside = torch.zeros_like(colors[:, 0])
    for step in range(1, steps + 1):
        scale = inside + 0.5**step
        fits = _is_in_gamut(_lab_to_linear(_scale_chroma(colors, scale)), margin)
        inside = torch.where(fits, scale, inside)
    return _scale_chroma(colors, inside)


def _scale_chroma(colors: Tensor, scale: Tensor) -> Tensor:
    return torch.cat([colors[:, :1], colors[:, 1:] * scale[:, None]], dim=1)


def _is_in_gamut(linear: Tensor, margin: float) -> Tensor:
    """Return a mask (N, ...) of the linear RGB colors (N, 3, ...) that keep the margin."""
    lowest, highest = margin / 12.92, ((1 - margin + 0.055) / 1.055) ** 2.4  # margin below 0.04
    fits: Tensor = (linear.amin(dim=1) >= lowest) & (linear.amax(dim=1) <= highest)
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
