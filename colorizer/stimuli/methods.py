"""Render photographs with the colors of each method."""

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
from colorizer.stimuli.foils import build_donor_ring, read_donor_square, swap_chroma

METHOD_MODELS = {  # method -> (model name, temperature)
    "l2": ("l2", 1.0),
    "mcl": ("mcl", 1.0),
    "mcl-annealed": ("mcl", ANNEALED_TEMPERATURE),
    ZHANG2016: (ZHANG2016, ANNEALED_TEMPERATURE),
}
METHODS = ("gray", "foil", *METHOD_MODELS, "real")


class MethodInput(NamedTuple):
    """The images from which all methods are rendered.

    photo_lab (N, 3, H, W): the photographs. donor_lab (N, 3, H, W): the donors of foil colors.
    """

    photo_lab: Tensor
    donor_lab: Tensor | None

    def to(self, device: torch.device) -> "MethodInput":
        """Move the images to a device."""
        donor = None if self.donor_lab is None else self.donor_lab.to(device)
        return MethodInput(self.photo_lab.to(device), donor)


def read_method_inputs(
    photographs: Sequence[Photograph], size: int, seed: int, with_donors: bool
) -> Iterator[MethodInput | Refusal]:
    """Yield the central square of each photograph, read ahead in threads, or its Refusal.

    seed: decides the donors of the foils.
    """
    ring = build_donor_ring(photographs, seed)

    def read(photograph: Photograph) -> MethodInput | Refusal:
        try:
            lab = to_lab([read_color_square(photograph.path, size)])
            return MethodInput(
                lab, to_lab([read_donor_square(ring, photograph, size)]) if with_donors else None
            )
        except UnreadablePhotographError as error:
            return Refusal(photograph.file, str(error))

    for _, result in map_ahead(read, photographs):
        yield result


def to_lab(squares: Sequence[Pixels]) -> Tensor:
    """Convert N squares (H, W, 3) to Lab (N, 3, H, W)."""
    return rgb_to_lab(from_bytes(torch.from_numpy(np.stack(squares))))


@torch.inference_mode()
def render_methods(
    inputs: MethodInput,
    methods: Sequence[str],
    models: Mapping[str, Colorizer],
    precision: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Render each of the methods: method -> uint8 (N, H, W, 3).

    All images pass the same gamut mapping and rounding. models: by model name. precision: of the
    networks.
    """
    lab, donor = inputs
    labs = {
        "real": lab,
        "gray": swap_chroma(lab, torch.zeros_like(lab)),
        **_predict(lab, methods, models, precision),
    }
    if donor is not None:
        labs["foil"] = swap_chroma(lab, donor)
    return {method: to_bytes(lab_to_rgb_in_gamut(labs[method])) for method in methods}


def _predict(
    lab: Tensor, methods: Sequence[str], models: Mapping[str, Colorizer], precision: torch.dtype
) -> dict[str, Tensor]:
    """Predict the colors of each method that has a model; lab (N, 3, H, W) -> Lab by method."""
    predicted = {}
    for name, network in models.items():
        temperatures = {
            m: METHOD_MODELS[m][1] for m in methods if METHOD_MODELS.get(m, ("",))[0] == name
        }
        if not temperatures:
            continue
        is_bfloat16 = precision is torch.bfloat16
        with torch.autocast(lab.device.type, torch.bfloat16, enabled=is_bfloat16):
            raw = network(lab[:, :1])
        for method, temperature in temperatures.items():
            ab = upsample_ab(network.decode(raw, temperature), *lab.shape[-2:])
            predicted[method] = torch.cat([lab[:, :1], ab], dim=1)
    return predicted
