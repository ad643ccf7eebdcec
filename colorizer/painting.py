"""The same square of a photograph under every method's colors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from colorizer.batch import DECODINGS, Refusal
from colorizer.color import from_bytes, into_gamut, lab_to_rgb, rgb_to_lab, to_bytes
from colorizer.foils import borrow, form_ring, recolor
from colorizer.models import Colorizer, upsample_ab
from colorizer.photos import Pixels, UnreadablePhotograph, read_ahead, read_colors
from colorizer.splits import Photograph

METHODS = ("gray", "foil", *DECODINGS, "real")


class Sitting(NamedTuple):
    """What the methods start from."""

    lab: Tensor  # (1, 3, H, W)
    donor: Tensor | None  # whose colors the foil has

    def to(self, device: torch.device) -> "Sitting":
        """The same on a device."""
        donor = None if self.donor is None else self.donor.to(device)
        return Sitting(self.lab.to(device), donor)


def sit(
    photographs: Sequence[Photograph], size: int, seed: int, foils: bool
) -> Iterator[Sitting | Refusal]:
    """The central squares of photographs, read ahead; seed: of the ring on which foils borrow."""
    ring = form_ring(photographs, seed)

    def read(photograph: Photograph) -> Sitting | Refusal:
        try:
            lab = _to_lab(read_colors(photograph.path, size))
            return Sitting(lab, _to_lab(borrow(ring, photograph, size)) if foils else None)
        except UnreadablePhotograph as refusal:
            return Refusal(photograph.file, str(refusal))

    for _, sitting in read_ahead(read, photographs):
        yield sitting


@torch.inference_mode()
def paint(
    sitting: Sitting, methods: Sequence[str], models: Mapping[str, Colorizer]
) -> dict[str, Tensor]:
    """uint8 (1, H, W, 3) of each of METHODS asked for, in that order; models: by objective"""
    lab, donor = sitting
    labs = {"real": lab, "gray": recolor(lab, torch.zeros_like(lab))}
    if donor is not None:
        labs["foil"] = recolor(lab, donor)
    raw = {objective: network(lab[:, :1]) for objective, network in models.items()}
    for method in (method for method in methods if method in DECODINGS):
        objective, temperature = DECODINGS[method]
        ab = models[objective].decode(raw[objective], temperature)
        labs[method] = torch.cat([lab[:, :1], upsample_ab(ab, *lab.shape[-2:])], dim=1)
    return {method: to_bytes(lab_to_rgb(into_gamut(labs[method]))) for method in methods}


def _to_lab(square: Pixels) -> Tensor:
    return rgb_to_lab(from_bytes(torch.tensor(square)[None]))
