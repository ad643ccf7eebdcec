"""Create the stimuli of all methods with the same crop, Lab conversion and PNG encoder.

The real and fake images of a photograph must differ only in their chroma. Threads decode
photographs ahead of the network and encode images after it. Finished stimuli are not made again.
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

from colorizer.errors import UnreadablePhotographError
from colorizer.files import atomic_write
from colorizer.networks.models import Colorizer
from colorizer.photos.reading import (
    FloatPixels,
    Pixels,
    Refusal,
    map_ahead,
    read_color_square,
)
from colorizer.photos.splits import Photograph
from colorizer.stimuli.decoding import DECODINGS
from colorizer.stimuli.foils import DonorRing, build_donor_ring, read_donor_square
from colorizer.stimuli.lightness_noise import NOISE_SD
from colorizer.stimuli.manifest import SINGLE_SHARD, ManifestRow, Shard
from colorizer.stimuli.methods import (
    GAMUT_MARGIN,
    AbPredictor,
    MethodInput,
    render_methods,
    to_lab,
)

STIMULUS_METHODS = ("real", "foil", *DECODINGS)
PHOTOS_PER_BATCH = {"cpu": 2, "cuda": 64}


class LoadedModel(NamedTuple):
    """A trained colorizer, and the digest of its checkpoint for the manifest."""

    network: Colorizer | AbPredictor
    checkpoint_digest: str


@dataclass(frozen=True)
class StimulusSettings:
    """The settings of stimuli.

    methods: a selection of STIMULUS_METHODS, and names of the user's own models. models: by name.
    size: width and height in pixels. seed: decides the donors of the foils. precision: of the
    networks.
    """

    methods: Sequence[str]
    models: Mapping[str, LoadedModel]
    size: int
    seed: int
    precision: torch.dtype = torch.float32

    def checkpoint_digest(self, method: str) -> str:
        """Return the checkpoint digest for the manifest, or "" for a method without a model."""
        name = DECODINGS[method].model if method in DECODINGS else method
        return self.models[name].checkpoint_digest if name in self.models else ""

    def fingerprint(self, method: str) -> dict[str, str | int | float]:
        """Return the settings on which a method's files depend, apart from the photographs."""
        shared: dict[str, str | int | float] = {
            "size": self.size,
            "lightness_noise": NOISE_SD,
            "gamut_margin": GAMUT_MARGIN,
        }
        if method in DECODINGS:
            checkpoint, precision = self.checkpoint_digest(method), str(self.precision)
            decoding = DECODINGS[method]._asdict()
            return {**shared, **decoding, "checkpoint": checkpoint, "precision": precision}
        if method in self.models:  # a model of the user's own
            return {**shared, "checkpoint": self.checkpoint_digest(method)}
        return {**shared, "seed": self.seed} if method == "foil" else shared


class _StimulusJob(NamedTuple):
    """The images to render for one photograph."""

    stale_methods: Sequence[str]  # methods whose files are missing or out of date
    image: str  # the photograph's ID
    pixels: FloatPixels
    donor_pixels: FloatPixels | None  # the photograph whose colors the foil gets


_ImagesByMethod = dict[str, Pixels]


def fastest_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 if the device supports it in hardware, else float32.

    The colors change by less than people can see.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capabilities = torch.cpu.get_capabilities()
    supported = any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return torch.bfloat16 if supported else torch.float32


def write_stimuli(
    photographs: Sequence[Photograph],
    settings: StimulusSettings,
    out: Path,
    device: torch.device,
    shard: Shard = SINGLE_SHARD,
) -> Generator[list[ManifestRow] | Refusal, None, None]:
    """Write `out`/METHOD/IMAGE.png for a shard's photographs; yield the manifest rows of each.

    Files of an earlier call with the same settings are kept, so an interrupted batch is resumed.
    A Refusal is yielded for a photograph that is gray or cannot be read. The other photographs in
    the network's batch can change the last bit of a color.
    """
    roots = sorted({photograph.root for photograph in photographs})
    valid_since_ns = {
        method: _settings_timestamp_ns(
            out / f"{method}.json", {**settings.fingerprint(method), "roots": roots}
        )
        for method in settings.methods
    }
    # The ring has all photographs, so that donors do not depend on the number of shards.
    donor_ring = build_donor_ring(photographs, settings.seed)

    def prepare(photograph: Photograph) -> _StimulusJob | Refusal | None:
        files = {method: _stimulus_path(out, photograph, method) for method in settings.methods}
        stale = [m for m in files if not _is_current(files[m], photograph, valid_since_ns[m])]
        try:
            return _read(photograph, stale, donor_ring, settings.size) if stale else None
        except UnreadablePhotographError as error:
            return Refusal(photograph.file, str(error))

    def finish(
        rendered: tuple[Photograph, _ImagesByMethod | Refusal],
    ) -> list[ManifestRow] | Refusal:
        photograph, images = rendered
        if isinstance(images, Refusal):
            return images
        for method, pixels in images.items():
            _write_png(_stimulus_path(out, photograph, method), pixels)
        return [
            _build_manifest_row(out, photograph, method, settings) for method in settings.methods
        ]

    with _parallel_workers(device) as workers:
        prepared = map_ahead(prepare, shard.select(photographs))
        rendered = _render_in_order(prepared, settings, device, workers)
        for _, result in map_ahead(finish, rendered):
            yield result


def _read(photograph: Photograph, stale: Sequence[str], ring: DonorRing, size: int) -> _StimulusJob:
    square = read_color_square(photograph.path, size)
    donor = read_donor_square(ring, photograph, size) if "foil" in stale else None
    return _StimulusJob(stale, photograph.image, square, donor)


@contextmanager
def _parallel_workers(device: torch.device) -> Iterator[int]:
    """Yield the number of rendering threads; on a CPU, each of them runs torch on one thread.

    Independent threads are faster than threads that share each operation, because these would wait
    for each other at the end of every operation.
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
    settings: StimulusSettings,
    device: torch.device,
    workers: int,
) -> Iterator[tuple[Photograph, _ImagesByMethod | Refusal]]:
    """Yield the images to write for each photograph; the dict is empty if it is finished."""
    remaining = iter(prepared)
    batches = iter(lambda: list(islice(remaining, PHOTOS_PER_BATCH[device.type])), [])

    def render_batch(
        batch: list[tuple[Photograph, _StimulusJob | Refusal | None]],
    ) -> list[_ImagesByMethod]:
        jobs = [job for _, job in batch if isinstance(job, _StimulusJob)]
        return _render_jobs(jobs, settings, device)

    for batch, rendered in map_ahead(render_batch, batches, workers):
        images = iter(rendered)
        for photograph, job in batch:
            yield photograph, next(images) if isinstance(job, _StimulusJob) else job or {}


def _render_jobs(
    jobs: Sequence[_StimulusJob], settings: StimulusSettings, device: torch.device
) -> list[_ImagesByMethod]:
    """Render the stale images of every job."""
    stale = [
        method for method in settings.methods if any(method in job.stale_methods for job in jobs)
    ]
    if not stale:
        return []
    lab, donor = to_lab([job.pixels for job in jobs]), None
    if "foil" in stale:
        # Photographs that need no donor are their own donor and are not written.
        donor = to_lab(
            [job.pixels if job.donor_pixels is None else job.donor_pixels for job in jobs]
        )
    networks = {name: model.network for name, model in settings.models.items()}
    inputs = MethodInput([job.image for job in jobs], lab, donor).to(device)
    rendered = render_methods(inputs, stale, networks, settings.precision)
    images = {method: pixels.cpu().numpy() for method, pixels in rendered.items()}
    return [
        {method: images[method][i] for method in job.stale_methods} for i, job in enumerate(jobs)
    ]


def _stimulus_path(out: Path, photograph: Photograph, method: str) -> Path:
    return out / method / f"{photograph.image}.png"


def _write_png(path: Path, pixels: Pixels) -> None:
    with atomic_write(path) as temporary:
        # Huffman coding only: searching for repeated byte strings would take most of the time and
        # saves little on photographs.
        Image.fromarray(pixels).save(temporary, compress_type=zlib.Z_HUFFMAN_ONLY)


def _build_manifest_row(
    out: Path, photograph: Photograph, method: str, settings: StimulusSettings
) -> ManifestRow:
    path = _stimulus_path(out, photograph, method)
    return ManifestRow(
        image=photograph.image,
        method=method,
        file=path.relative_to(out).as_posix(),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        width=settings.size,
        height=settings.size,
        split=photograph.split,
        checkpoint=settings.checkpoint_digest(method),
    )


def _settings_timestamp_ns(path: Path, fingerprint: Mapping[str, object]) -> int:
    """Return the time (mtime, ns) since which a method's files have been made with these settings.

    Changed settings are written to `path`, so the time starts again. The file's own mtime is used
    because the file system's clock may differ from the machine's.
    """
    content = json.dumps(fingerprint)
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        with atomic_write(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return path.stat().st_mtime_ns


def _is_current(png: Path, photograph: Photograph, valid_since_ns: int) -> bool:
    if not png.exists() or not photograph.path.exists():
        return False
    made_ns, source = png.stat().st_mtime_ns, photograph.path.stat()
    # ctime is compared too, because a photograph that was copied later may have an older mtime.
    return made_ns >= valid_since_ns and made_ns > max(source.st_mtime_ns, source.st_ctime_ns)
