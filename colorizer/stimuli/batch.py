"""A split -> stimuli: one crop, one Lab round trip, one encoder for all methods.

Real and fake of a photograph may differ in nothing but their chroma. Threads decode ahead of the
network and encode behind it; a photograph that is finished is not made again.
"""

import hashlib
import json
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image

from colorizer.files import atomic_write
from colorizer.networks.models import Colorizer
from colorizer.photos.reading import (
    Pixels,
    Refusal,
    UnreadablePhotographError,
    map_ahead,
    read_color_square,
)
from colorizer.photos.splits import Photograph
from colorizer.stimuli.foils import DonorRing, build_donor_ring, read_donor_square
from colorizer.stimuli.manifest import SINGLE_SHARD, ManifestRow, Shard
from colorizer.stimuli.methods import METHOD_MODELS, MethodInput, render_methods, to_lab

STIMULUS_METHODS = ("real", "foil", *METHOD_MODELS)
PHOTOS_PER_BATCH = {"cpu": 2, "cuda": 64}  # photographs that the network sees together


class LoadedModel(NamedTuple):
    """A trained colorizer and the digits that name its file in the manifest."""

    network: Colorizer
    checkpoint_digest: str


@dataclass(frozen=True)
class StimulusSettings:
    """How stimuli are made: STIMULUS_METHODS, models by objective, pixels, the foils' seed."""

    methods: Sequence[str]
    models: Mapping[str, LoadedModel]
    size: int
    seed: int
    precision: torch.dtype = torch.float32  # of the networks

    def checkpoint_digest(self, method: str) -> str:
        """What the manifest says; empty for a method without a model."""
        return (
            self.models[METHOD_MODELS[method][0]].checkpoint_digest
            if method in METHOD_MODELS
            else ""
        )

    def fingerprint(self, method: str) -> dict[str, str | int]:
        """All that a method's files depend on beside the photographs."""
        if method in METHOD_MODELS:
            model_facts = {
                "checkpoint": self.checkpoint_digest(method),
                "precision": str(self.precision),
            }
            return {"size": self.size, **model_facts}
        return {"size": self.size, **({"seed": self.seed} if method == "foil" else {})}


class _StimulusJob(NamedTuple):
    stale_methods: Sequence[str]  # the methods whose files are to be made
    pixels: Pixels
    donor_pixels: Pixels | None  # whose colors the foil has


_ImagesByMethod = dict[str, Pixels]  # by method


def fastest_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device has it in hardware: colors move by less than a person sees."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    can = torch.cpu.get_capabilities()
    has = any(can.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return torch.bfloat16 if has else torch.float32


def write_stimuli(
    photographs: Sequence[Photograph],
    recipe: StimulusSettings,
    out: Path,
    device: torch.device,
    shard: Shard = SINGLE_SHARD,
) -> Generator[list[ManifestRow] | Refusal, None, None]:
    """Make `out`/METHOD/IMAGE.png of a shard's photographs; for each its rows of the manifest.

    What an earlier call with the same recipe left there is kept, so a batch that was stopped goes
    on. A photograph that cannot be read, or is gray, is refused and the others go on. Which others
    the network sees beside it can change a color in its last bit.
    """
    roots = sorted({photograph.root for photograph in photographs})
    valid_since_ns = {
        method: _settings_timestamp_ns(
            out / f"{method}.json", {**recipe.fingerprint(method), "roots": roots}
        )
        for method in recipe.methods
    }
    # of all, so that every sharding borrows alike
    donor_ring = build_donor_ring(photographs, recipe.seed)

    def prepare(photograph: Photograph) -> _StimulusJob | Refusal | None:
        files = {method: _stimulus_path(out, photograph, method) for method in recipe.methods}
        stale = [m for m in files if not _is_current(files[m], photograph, valid_since_ns[m])]
        try:
            return _read(photograph, stale, donor_ring, recipe.size) if stale else None
        except UnreadablePhotographError as refusal:
            return Refusal(photograph.file, str(refusal))

    def finish(done: tuple[Photograph, _ImagesByMethod | Refusal]) -> list[ManifestRow] | Refusal:
        photograph, painted = done
        if isinstance(painted, Refusal):
            return painted
        for method, pixels in painted.items():
            _write_png(_stimulus_path(out, photograph, method), pixels)
        return [_build_manifest_row(out, photograph, method, recipe) for method in recipe.methods]

    with _parallel_workers(device) as painters:
        prepared = map_ahead(prepare, shard.select(photographs))
        painted = _render_in_order(prepared, recipe, device, painters)
        for _, result in map_ahead(finish, painted):
            yield result


def _read(photograph: Photograph, stale: Sequence[str], ring: DonorRing, size: int) -> _StimulusJob:
    square = read_color_square(photograph.path, size)
    donor = read_donor_square(ring, photograph, size) if "foil" in stale else None
    return _StimulusJob(stale, square, donor)


@contextmanager
def _parallel_workers(device: torch.device) -> Iterator[int]:
    """How many threads paint: on a CPU as many as torch has, each for itself in the meantime.

    Threads that share each operation wait for the slowest of them at its end.
    """
    if device.type != "cpu":
        yield 1
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def _render_in_order(
    prepared: Iterable[tuple[Photograph, _StimulusJob | Refusal | None]],
    recipe: StimulusSettings,
    device: torch.device,
    workers: int,
) -> Iterator[tuple[Photograph, _ImagesByMethod | Refusal]]:
    """What is to be written for each photograph; nothing for one that is finished."""
    ahead = iter(prepared)
    batches = iter(lambda: list(islice(ahead, PHOTOS_PER_BATCH[device.type])), [])

    def paint_all(
        batch: list[tuple[Photograph, _StimulusJob | Refusal | None]],
    ) -> list[_ImagesByMethod]:
        return _render_jobs(
            [work for _, work in batch if isinstance(work, _StimulusJob)], recipe, device
        )

    for batch, painted in map_ahead(paint_all, batches, workers):
        following = iter(painted)
        for photograph, work in batch:
            yield photograph, next(following) if isinstance(work, _StimulusJob) else work or {}


def _render_jobs(
    works: Sequence[_StimulusJob], recipe: StimulusSettings, device: torch.device
) -> list[_ImagesByMethod]:
    """Every stale image of every work."""
    stale = [
        method for method in recipe.methods if any(method in work.stale_methods for work in works)
    ]
    if not stale:
        return []
    lab, donor = to_lab([work.pixels for work in works]), None
    if "foil" in stale:  # who needs none lends to itself, and it is not written
        donor = to_lab(
            [work.pixels if work.donor_pixels is None else work.donor_pixels for work in works]
        )
    networks = {objective: model.network for objective, model in recipe.models.items()}
    painted = render_methods(MethodInput(lab, donor).to(device), stale, networks, recipe.precision)
    images = {method: pixels.cpu().numpy() for method, pixels in painted.items()}
    return [
        {method: images[method][i] for method in work.stale_methods} for i, work in enumerate(works)
    ]


def _stimulus_path(out: Path, photograph: Photograph, method: str) -> Path:
    return out / method / f"{photograph.image}.png"


def _write_png(path: Path, pixels: Pixels) -> None:
    with atomic_write(path) as temporary:
        # To look for repeats takes longer than all the rest, and photographs have none.
        Image.fromarray(pixels).save(temporary, compress_type=zlib.Z_HUFFMAN_ONLY)


def _build_manifest_row(
    out: Path, photograph: Photograph, method: str, recipe: StimulusSettings
) -> ManifestRow:
    path = _stimulus_path(out, photograph, method)
    return ManifestRow(
        image=photograph.image,
        method=method,
        file=path.relative_to(out).as_posix(),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        width=recipe.size,
        height=recipe.size,
        split=photograph.split,
        checkpoint=recipe.checkpoint_digest(method),
    )


def _settings_timestamp_ns(path: Path, fingerprint: Mapping[str, object]) -> int:
    """Since when (mtime, ns) a method's files are made from this; what changed begins now.

    A file's own date serves, since the clock of the file system may not be the machine's.
    """
    described = json.dumps(fingerprint)
    if not path.exists() or path.read_text(encoding="utf-8") != described:
        with atomic_write(path) as temporary:
            temporary.write_text(described, encoding="utf-8")
    return path.stat().st_mtime_ns


def _is_current(png: Path, photograph: Photograph, valid_since_ns: int) -> bool:
    if not png.exists() or not photograph.path.exists():
        return False
    made_ns, source = png.stat().st_mtime_ns, photograph.path.stat()
    # ctime: a photograph put there later may bear an older mtime
    return made_ns >= valid_since_ns and made_ns > max(source.st_mtime_ns, source.st_ctime_ns)
