"""Render photographs with the colors of each method."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from colorizer.color.spaces import lab_to_rgb_in_gamut, rgb_to_lab, to_bytes_keeping_lightness
from colorizer.errors import UnreadablePhotographError
from colorizer.networks.models import Colorizer, upsample_ab
from colorizer.photos.reading import FloatPixels, Refusal, map_ahead, read_color_square
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.decoding import DECODINGS, decode_ab
from colorizer.stimuli.foils import build_donor_ring, iterate_donors, read_donor_square, swap_chroma
from colorizer.stimuli.lightness_noise import add_lightness_noise

METHODS = ("gray", "foil", *DECODINGS, "real")
# Distance of every channel from 0 and 1, so that rounding can always keep L.
GAMUT_MARGIN = 3 / 255


@runtime_checkable
class AbPredictor(Protocol):
    """A model of the user's own, whose method has the name of the model."""

    def predict_ab(self, lightness: Tensor) -> Tensor:
        """Predict ab (N, 2, H, W) from L (N, 1, H, W)."""


class MethodInput(NamedTuple):
    """The images from which all methods are rendered.

    images: the IDs of the N photographs. photo_lab (N, 3, H, W): the photographs. donor_lab
    (N, 3, H, W): the donors of foil colors.
    """

    images: Sequence[str]
    photo_lab: Tensor
    donor_lab: Tensor | None

    def to(self, device: torch.device) -> "MethodInput":
        """Move the images to a device."""
        donor = None if self.donor_lab is None else self.donor_lab.to(device)
        return self._replace(photo_lab=self.photo_lab.to(device), donor_lab=donor)


def read_method_inputs(
    photographs: Sequence[Photograph], size: int, seed: int, with_donors: bool
) -> Iterator[MethodInput | Refusal]:
    """Yield the central square of each photograph, read ahead in threads, or its Refusal.

    seed: decides the donors of the foils.
    """
    ring = build_donor_ring(photographs, seed)

    def read_square(photograph: Photograph) -> FloatPixels:
        return read_color_square(photograph.path, size)

    def read(photograph: Photograph) -> MethodInput | Refusal:
        try:
            lab, donor = to_lab([read_square(photograph)]), None
            if with_donors:
                donors = iterate_donors(ring, photograph)
                donor = to_lab([read_donor_square(donors, read_square)])
            return MethodInput([photograph.image], lab, donor)
        except UnreadablePhotographError as error:
            return Refusal(photograph.file, str(error))

    for _, result in map_ahead(read, photographs):
        yield result


def to_lab(squares: Sequence[FloatPixels]) -> Tensor:
    """Convert N squares (H, W, 3) in [0, 1] to Lab (N, 3, H, W)."""
    return rgb_to_lab(torch.from_numpy(np.stack(squares)).movedim(-1, 1))


@torch.inference_mode()
def render_methods(
    inputs: MethodInput,
    methods: Sequence[str],
    models: Mapping[str, Colorizer | AbPredictor],
    precision: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """Render each of the methods: method -> uint8 (N, H, W, 3).

    The photograph itself (`real`) and all fakes get noise in L, the same gamut mapping and the same
    rounding, which leave no trace in L by which a program could recognize them. models: by model
    name. precision: of the networks.
    """
    lab, donor = inputs.photo_lab, inputs.donor_lab
    labs = {
        "real": lab,
        "gray": swap_chroma(lab, torch.zeros_like(lab)),
        **_predict(lab, methods, models, precision),
    }
    if donor is not None:
        labs["foil"] = swap_chroma(lab, donor)
    return {method: _to_stimulus(labs[method], inputs.images, method) for method in methods}


def _to_stimulus(lab: Tensor, images: Sequence[str], method: str) -> Tensor:
    """Convert Lab (N, 3, H, W) to the final bytes (N, H, W, 3)."""
    noisy = torch.stack(
        [add_lightness_noise(row[0], image, method) for row, image in zip(lab, images, strict=True)]
    )
    shown = torch.cat([noisy[:, None], lab[:, 1:]], dim=1)
    return to_bytes_keeping_lightness(lab_to_rgb_in_gamut(shown, GAMUT_MARGIN), shown[:, :1])


def _predict(
    lab: Tensor,
    methods: Sequence[str],
    models: Mapping[str, Colorizer | AbPredictor],
    precision: torch.dtype,
) -> dict[str, Tensor]:
    """Predict the colors of each method that has a model; lab (N, 3, H, W) -> Lab by method."""
    predicted = {}
    for name, network in models.items():
        if isinstance(network, AbPredictor):
            if name in methods:
                predicted[name] = torch.cat([lab[:, :1], network.predict_ab(lab[:, :1])], dim=1)
            continue
        decodings = {m: DECODINGS[m] for m in methods if m in DECODINGS}
        decodings = {m: decoding for m, decoding in decodings.items() if decoding.model == name}
        if not decodings:
            continue
        is_bfloat16 = precision is torch.bfloat16
        with torch.autocast(lab.device.type, torch.bfloat16, enabled=is_bfloat16):
            raw = network(lab[:, :1])
        for method, decoding in decodings.items():
            ab = upsample_ab(decode_ab(network, raw, lab[:, :1], decoding), *lab.shape[-2:])
            predicted[method] = torch.cat([lab[:, :1], ab], dim=1)
    return predicted
