"""A split -> stimuli and manifest.csv: one crop, one Lab round trip, one encoder for all methods.

Real and fake of a photograph may differ in nothing but their chroma.
"""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from colorizer.atomic import replacing
from colorizer.color import from_bytes, into_gamut, lab_to_rgb, rgb_to_lab, to_bytes
from colorizer.foils import donors, form_ring, recolor
from colorizer.models import Colorizer, upsample_ab
from colorizer.photos import UnreadablePhotograph, center_square, read_ahead, read_photograph
from colorizer.splits import Photograph

DECODINGS = {"l2": ("l2", 1.0), "mcl": ("mcl", 1.0), "mcl-annealed": ("mcl", 0.38)}
METHODS = ("real", "foil", *DECODINGS)  # a decoding: whose model, at which temperature
WRITERS = 4


class Model(NamedTuple):
    """A trained colorizer and the digits that name its file in the manifest."""

    network: Colorizer
    checkpoint: str


@dataclass(frozen=True)
class Recipe:
    """How stimuli are made: methods of METHODS, models by objective, pixels, the foils' seed."""

    methods: Sequence[str]
    models: Mapping[str, Model]
    size: int
    seed: int

    def checkpoint(self, method: str) -> str:
        """What the manifest says; empty for a method without a model."""
        return self.models[DECODINGS[method][0]].checkpoint if method in DECODINGS else ""


@dataclass(frozen=True)
class Stimulus:
    """A row of manifest.csv."""

    image: str
    method: str
    file: str
    sha256: str
    width: int
    height: int
    split: str
    checkpoint: str


class Refusal(NamedTuple):
    """A photograph that got no stimuli."""

    file: str
    reason: str


class _Work(NamedTuple):
    photograph: Photograph
    lab: Tensor  # (1, 3, H, W)
    donor: Tensor | None  # whose colors the foil has


def write_stimuli(
    photographs: Sequence[Photograph], recipe: Recipe, out: Path, device: torch.device
) -> Iterator[list[Stimulus] | Refusal]:
    """Make `out`/METHOD/IMAGE.png of every photograph; for each its rows of the manifest.

    What an earlier call with the same recipe left there is kept, so a batch that was stopped
    goes on. A photograph that cannot be read is refused and the others go on.
    """
    since = _date_methods(out / "batch.json", recipe)
    ring = form_ring(photographs, recipe.seed)

    def prepare(photograph: Photograph) -> _Work | Refusal | None:
        if all(_is_current(_png(out, photograph, m), photograph, since[m]) for m in recipe.methods):
            return None
        try:
            lab = _read_lab(photograph, recipe.size)
            donor = _borrow(ring, photograph, recipe.size) if "foil" in recipe.methods else None
        except UnreadablePhotograph as refusal:
            return Refusal(photograph.file, str(refusal))
        return _Work(photograph, lab, donor)

    with ThreadPoolExecutor(WRITERS) as writers:
        for photograph, work in read_ahead(prepare, photographs):
            if isinstance(work, Refusal):
                yield work
                continue
            if work is not None:
                painted = _paint(work, recipe, device)
                files = [_png(out, photograph, method) for method in painted]
                list(writers.map(_write_png, files, painted.values()))
            yield [_describe(out, photograph, method, recipe) for method in recipe.methods]


def write_manifest(path: Path, stimuli: Sequence[Stimulus]) -> None:
    """The contract with the study server; written last, whole."""
    columns = [field.name for field in fields(Stimulus)]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(stimulus) for stimulus in stimuli)


@torch.inference_mode()
def _paint(work: _Work, recipe: Recipe, device: torch.device) -> dict[str, NDArray[np.uint8]]:
    """Every method's image of a photograph, (H, W, 3): all through the same last steps."""
    lab = work.lab.to(device)
    labs = {"real": lab} if "real" in recipe.methods else {}
    if work.donor is not None:
        labs["foil"] = recolor(lab, work.donor.to(device))
    for objective, model in recipe.models.items():
        raw = model.network(lab[:, :1])
        for method in recipe.methods:
            if method in DECODINGS and DECODINGS[method][0] == objective:
                ab = model.network.head.decode(raw, DECODINGS[method][1])
                labs[method] = torch.cat([lab[:, :1], upsample_ab(ab, *lab.shape[-2:])], dim=1)
    return {
        method: to_bytes(lab_to_rgb(into_gamut(colored)))[0].cpu().numpy()
        for method, colored in labs.items()
    }


def _read_lab(photograph: Photograph, size: int) -> Tensor:
    square = center_square(read_photograph(photograph.path), size)
    return rgb_to_lab(from_bytes(torch.tensor(square)[None]))


def _borrow(ring: Sequence[Photograph], photograph: Photograph, size: int) -> Tensor:
    for donor in donors(ring, photograph):
        try:
            return _read_lab(donor, size)
        except UnreadablePhotograph:
            continue  # it is refused under its own name
    raise UnreadablePhotograph("no other photograph can lend a foil its colors")


def _png(out: Path, photograph: Photograph, method: str) -> Path:
    return out / method / f"{photograph.image}.png"


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, compress_level=1)  # level 6 takes twice as long


def _describe(out: Path, photograph: Photograph, method: str, recipe: Recipe) -> Stimulus:
    path = _png(out, photograph, method)
    content = path.read_bytes()
    with Image.open(path) as image:
        width, height = image.size
    return Stimulus(
        image=photograph.image,
        method=method,
        file=path.relative_to(out).as_posix(),
        sha256=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
        split=photograph.split,
        checkpoint=recipe.checkpoint(method),
    )


def _date_methods(path: Path, recipe: Recipe) -> dict[str, int]:
    """Since when (mtime, ns) each method's files in a folder are of this recipe.

    batch.json remembers: a method made otherwise before is dated now, so its old files are stale.
    """
    known: dict[str, dict[str, object]] = json.loads(path.read_text()) if path.exists() else {}
    with replacing(path) as temporary:
        temporary.touch()
        now = temporary.stat().st_mtime_ns  # the file system's clock, which lags the system's
        for method in recipe.methods:
            made = {
                "size": recipe.size,
                "seed": recipe.seed if method == "foil" else None,
                "checkpoint": recipe.checkpoint(method),
            }
            since = known.get(method, {}).get("since", now)
            if known.get(method) != {**made, "since": since}:
                since = now
            known[method] = {**made, "since": since}
        temporary.write_text(json.dumps(known, indent=1))
    return {method: int(str(known[method]["since"])) for method in recipe.methods}


def _is_current(png: Path, photograph: Photograph, since: int) -> bool:
    if not png.exists() or not photograph.path.exists():
        return False
    return png.stat().st_mtime_ns >= max(since, photograph.path.stat().st_mtime_ns)
