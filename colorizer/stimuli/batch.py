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
from colorizer.stimuli.foils import Ring, borrow, form_ring
from colorizer.stimuli.manifest import WHOLE, Shard, Stimulus
from colorizer.stimuli.methods import DECODINGS, Sitting, paint, to_lab

METHODS = ("real", "foil", *DECODINGS)
AT_ONCE = {"cpu": 2, "cuda": 64}  # photographs that the network sees together


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
    precision: torch.dtype = torch.float32  # of the networks

    def checkpoint(self, method: str) -> str:
        """What the manifest says; empty for a method without a model."""
        return self.models[DECODINGS[method][0]].checkpoint if method in DECODINGS else ""

    def describe(self, method: str) -> dict[str, str | int]:
        """All that a method's files depend on beside the photographs."""
        if method in DECODINGS:
            made = {"checkpoint": self.checkpoint(method), "precision": str(self.precision)}
            return {"size": self.size, **made}
        return {"size": self.size, **({"seed": self.seed} if method == "foil" else {})}


class _Work(NamedTuple):
    stale: Sequence[str]  # the methods whose files are to be made
    square: Pixels
    donor: Pixels | None  # whose colors the foil has


_Painted = dict[str, Pixels]  # by method


def fast_precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the device has it in hardware: colors move by less than a person sees."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    can = torch.cpu.get_capabilities()
    has = any(can.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return torch.bfloat16 if has else torch.float32


def write_stimuli(
    photographs: Sequence[Photograph],
    recipe: Recipe,
    out: Path,
    device: torch.device,
    shard: Shard = WHOLE,
) -> Generator[list[Stimulus] | Refusal, None, None]:
    """Make `out`/METHOD/IMAGE.png of a shard's photographs; for each its rows of the manifest.

    What an earlier call with the same recipe left there is kept, so a batch that was stopped goes
    on. A photograph that cannot be read, or is gray, is refused and the others go on. Which others
    the network sees beside it can change a color in its last bit.
    """
    roots = sorted({photograph.root for photograph in photographs})
    since = {
        method: _date(out / f"{method}.json", {**recipe.describe(method), "roots": roots})
        for method in recipe.methods
    }
    ring = form_ring(photographs, recipe.seed)  # of all, so that every sharding borrows alike

    def prepare(photograph: Photograph) -> _Work | Refusal | None:
        files = {method: _png(out, photograph, method) for method in recipe.methods}
        stale = [m for m in files if not _is_current(files[m], photograph, since[m])]
        try:
            return _read(photograph, stale, ring, recipe.size) if stale else None
        except UnreadablePhotographError as refusal:
            return Refusal(photograph.file, str(refusal))

    def finish(done: tuple[Photograph, _Painted | Refusal]) -> list[Stimulus] | Refusal:
        photograph, painted = done
        if isinstance(painted, Refusal):
            return painted
        for method, pixels in painted.items():
            _write_png(_png(out, photograph, method), pixels)
        return [_describe(out, photograph, method, recipe) for method in recipe.methods]

    with _painters(device) as painters:
        prepared = map_ahead(prepare, shard.share(photographs))
        painted = _paint_in_order(prepared, recipe, device, painters)
        for _, result in map_ahead(finish, painted):
            yield result


def _read(photograph: Photograph, stale: Sequence[str], ring: Ring, size: int) -> _Work:
    square = read_color_square(photograph.path, size)
    donor = borrow(ring, photograph, size) if "foil" in stale else None
    return _Work(stale, square, donor)


@contextmanager
def _painters(device: torch.device) -> Iterator[int]:
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


def _paint_in_order(
    prepared: Iterable[tuple[Photograph, _Work | Refusal | None]],
    recipe: Recipe,
    device: torch.device,
    painters: int,
) -> Iterator[tuple[Photograph, _Painted | Refusal]]:
    """What is to be written for each photograph; nothing for one that is finished."""
    ahead = iter(prepared)
    together = iter(lambda: list(islice(ahead, AT_ONCE[device.type])), [])

    def paint_all(some: list[tuple[Photograph, _Work | Refusal | None]]) -> list[_Painted]:
        return _paint([work for _, work in some if isinstance(work, _Work)], recipe, device)

    for some, painted in map_ahead(paint_all, together, painters):
        following = iter(painted)
        for photograph, work in some:
            yield photograph, next(following) if isinstance(work, _Work) else work or {}


def _paint(works: Sequence[_Work], recipe: Recipe, device: torch.device) -> list[_Painted]:
    """Every stale image of every work."""
    stale = [method for method in recipe.methods if any(method in work.stale for work in works)]
    if not stale:
        return []
    lab, donor = to_lab([work.square for work in works]), None
    if "foil" in stale:  # who needs none lends to itself, and it is not written
        donor = to_lab([work.square if work.donor is None else work.donor for work in works])
    networks = {objective: model.network for objective, model in recipe.models.items()}
    painted = paint(Sitting(lab, donor).to(device), stale, networks, recipe.precision)
    made = {method: pixels.cpu().numpy() for method, pixels in painted.items()}
    return [{method: made[method][i] for method in work.stale} for i, work in enumerate(works)]


def _png(out: Path, photograph: Photograph, method: str) -> Path:
    return out / method / f"{photograph.image}.png"


def _write_png(path: Path, pixels: Pixels) -> None:
    with atomic_write(path) as temporary:
        # To look for repeats takes longer than all the rest, and photographs have none.
        Image.fromarray(pixels).save(temporary, compress_type=zlib.Z_HUFFMAN_ONLY)


def _describe(out: Path, photograph: Photograph, method: str, recipe: Recipe) -> Stimulus:
    path = _png(out, photograph, method)
    return Stimulus(
        image=photograph.image,
        method=method,
        file=path.relative_to(out).as_posix(),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        width=recipe.size,
        height=recipe.size,
        split=photograph.split,
        checkpoint=recipe.checkpoint(method),
    )


def _date(path: Path, made_from: Mapping[str, object]) -> int:
    """Since when (mtime, ns) a method's files are made from this; what changed begins now.

    A file's own date serves, since the clock of the file system may not be the machine's.
    """
    described = json.dumps(made_from)
    if not path.exists() or path.read_text(encoding="utf-8") != described:
        with atomic_write(path) as temporary:
            temporary.write_text(described, encoding="utf-8")
    return path.stat().st_mtime_ns


def _is_current(png: Path, photograph: Photograph, since: int) -> bool:
    if not png.exists() or not photograph.path.exists():
        return False
    made, source = png.stat().st_mtime_ns, photograph.path.stat()
    # ctime: a photograph put there later may bear an older mtime
    return made >= since and made > max(source.st_mtime_ns, source.st_ctime_ns)
