"""The color difference CIEDE2000 (CIE 142-2001), as specified by Sharma, Wu & Dalal (2005)."""

import math

import torch
from torch import Tensor

CHROMA_25_POW_7 = 25.0**7  # the constant in the correction of a near the neutral axis


def color_difference(lab: Tensor, other: Tensor) -> Tensor:
    """Return the CIEDE2000 difference (N, ...) between two images in Lab (N, 3, ...).

    A difference of 1 is about the smallest that people can see.
    """
    lightness, chroma, hue = _to_lch(lab, other)
    lightness2, chroma2, hue2 = _to_lch(other, lab)
    turn = _turn(hue, hue2, chroma * chroma2)
    mean_chroma = (chroma + chroma2) / 2
    mean_hue = torch.where(chroma * chroma2 == 0, hue + hue2, hue + turn / 2)
    from_middle = ((lightness + lightness2) / 2 - 50).square()
    t = _hue_weight(mean_hue)
    dl = (lightness2 - lightness) / (1 + 0.015 * from_middle / (20 + from_middle).sqrt())
    dc = (chroma2 - chroma) / (1 + 0.045 * mean_chroma)
    dh = 2 * (chroma * chroma2).sqrt() * torch.sin(turn / 2) / (1 + 0.015 * mean_chroma * t)
    squared = dl**2 + dc**2 + dh**2 + _rotation(mean_chroma, mean_hue) * dc * dh
    return squared.clamp(min=0).sqrt()


def _to_lch(lab: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return L, chroma and hue of `lab`, with hue in [0, 2 pi) (eq. 2-7).

    a is stretched by a factor that depends on the mean chroma of both colors.
    """
    lightness, a, b = lab.unbind(dim=1)
    mean = (torch.hypot(a, b) + torch.hypot(other[:, 1], other[:, 2])) / 2
    a = a * (1.5 - 0.5 * _chroma_ratio(mean))
    return lightness, torch.hypot(a, b), torch.atan2(b, a) % (2 * math.pi)


def _turn(hue: Tensor, hue2: Tensor, chromas: Tensor) -> Tensor:
    """Return the signed hue difference in [-pi, pi], or 0 if a color has no hue (eq. 10)."""
    turn = hue2 - hue
    turn = torch.where(turn > math.pi, turn - 2 * math.pi, turn)
    turn = torch.where(turn < -math.pi, turn + 2 * math.pi, turn)
    return torch.where(chromas == 0, 0, turn)


def _hue_weight(hue: Tensor) -> Tensor:
    """Return the hue weight T (eq. 15)."""
    return (
        1
        - 0.17 * torch.cos(hue - math.radians(30))
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + math.radians(6))
        - 0.20 * torch.cos(4 * hue - math.radians(63))
    )


def _rotation(chroma: Tensor, hue: Tensor) -> Tensor:
    """Return R_T, the interaction of hue and chroma in blues (eq. 16, 17 and 21)."""
    degrees = torch.rad2deg(hue) % 360
    angle = math.radians(30) * torch.exp(-(((degrees - 275) / 25) ** 2))
    return -torch.sin(2 * angle) * 2 * _chroma_ratio(chroma)


def _chroma_ratio(chroma: Tensor) -> Tensor:
    """Return sqrt(C^7 / (C^7 + 25^7)), which rises from 0 for grays to 1 for vivid colors."""
    return (chroma**7 / (chroma**7 + CHROMA_25_POW_7)).sqrt()
