"""The same photographs under every method's colors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from colorizer.color.spaces import from_bytes, lab_to_rgb_in_gamut, rgb_to_lab, to_bytes
from colorizer.networks.models import Colorizer, upsample_ab
from colorizer.networks.zhang2016 import ANNEALED_TEMPERATURE, ZHANG2016
from colorizer.photos.reading import (
    Pixels,
    Refusal,
    UnreadablePhotographError,
    map_ahead,
    read_color_square,
)
from colorizer.photos.splits import Photograph
from colorizer.stimuli.foils import borrow, form_ring, recolor

DECODINGS = {  # whose model, at which temperature
    "l2": ("l2", 1.0),
    "mcl": ("mcl", 1.0),
    "mcl-annealed": ("mcl", ANNEALED_TEMPERATURE),
    ZHANG2016: (ZHANG2016, ANNEALED_TEMPERATURE),
}
METHODS = ("gray", "foil", *DECODINGS, "real")


class Sitting(NamedTuple):
    """What the methods start from."""

    lab: Tensor  # (N, 3, H, W)
    donor: Tensor | None  # likewise; whose colors the foils have

    def to(self, device: torch.device) -> "Sitting":
        """The same on a device."""
        donor = None if self.donor is None else self.donor.to(device)
        return Sitting(self.lab.to(device), donor)


def sit(
    photographs: Sequence[Photograph], size: int, seed: int, foils: bool
) -> Iterator[Sitting | Refusal]:
    """Each photograph's central square, read ahead; seed: of the ring on which foils borrow."""
    ring = form_ring(photographs, seed)

    def read(photograph: Photograph) -> Sitting | Refusal:
        try:
            lab = to_lab([read_color_square(photograph.path, size)])
            return Sitting(lab, to_lab([borrow(ring, photograph, size)]) if foils else None)
        except UnreadablePhotographError as refusal:
            return Refusal(photograph.file, str(refusal))

    for _, sitting in map_ahead(read, photographs):
        yield sitting


def to_lab(squares: Sequence[Pixels]) -> Tensor:
    """N squares (H, W, 3) -> Lab (N, 3, H, W)"""
    return rgb_to_lab(from_bytes(torch.from_numpy(np.stack(squares))))


@torch.inference_mode()
def paint(
    sitting: Sitting,
    methods: Sequence[str],
    models: Mapping[str, Colorizer],
    precision: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """uint8 (N, H, W, 3) of each of METHODS asked for: all through the same last steps

    models: by objective; precision: of the networks.
    """
    lab, donor = sitting
    labs = {
        "real": lab,
        "gray": recolor(lab, torch.zeros_like(lab)),
        **_predict(lab, methods, models, precision),
    }
    if donor is not None:
        labs["foil"] = recolor(lab, donor)
    return {method: to_bytes(lab_to_rgb_in_gamut(labs[method])) for method in methods}


def _predict(
    lab: Tensor, methods: Sequence[str], models: Mapping[str, Colorizer], precision: torch.dtype
) -> dict[str, Tensor]:
    """Lab (N, 3, H, W) -> the same lightness under the colors of each method that has a model"""
    predicted = {}
    for objective, network in models.items():
        decoded = {m: DECODINGS[m][1] for m in methods if DECODINGS.get(m, ("",))[0] == objective}
        if not decoded:
            continue
        half = precision is torch.bfloat16
        with torch.autocast(lab.device.type, torch.bfloat16, enabled=half):
            raw = network(lab[:, :1])
        for method, temperature in decoded.items():
            ab = upsample_ab(network.decode(raw, temperature), *lab.shape[-2:])
            predicted[method] = torch.cat([lab[:, :1], ab], dim=1)
    return predicted
