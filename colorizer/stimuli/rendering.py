"""Render the stimuli of photographs, with the same crop, Lab conversion and PNG encoder for all.

The real and fake images of a photograph must differ only in their chroma. Threads decode
photographs ahead of the network and encode images after it.
"""

import hashlib
import io
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

import torch
from PIL import Image

from colorizer.networks.models import Colorizer
from colorizer.photos.reading import FloatPixels, Pixels, Refusal, map_ahead
from colorizer.stimuli.decoding import DECODINGS
from colorizer.stimuli.lightness_noise import NOISE_SD
from colorizer.stimuli.manifest import ManifestRow
from colorizer.stimuli.methods import GAMUT_MARGIN, AbPredictor, MethodInput, render_methods, to_lab

STIMULUS_METHODS = ("real", "foil", *DECODINGS)
PHOTOS_PER_BATCH = {"cpu": 2, "cuda": 64}

Networks = Mapping[str, Colorizer | AbPredictor]
ImagesByMethod = dict[str, Pixels]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class StimulusSettings:
    """The settings of stimuli.

    methods: a selection of STIMULUS_METHODS, and names of the user's own models. checkpoints: the
    digest of the model file of each network, by name. size: width and height in pixels. seed:
    decides the donors of the foils. precision: of the networks.
    """

    methods: Sequence[str]
    checkpoints: Mapping[str, str]
    size: int
    seed: int
    precision: torch.dtype = torch.float32

    def checkpoint_digest(self, method: str) -> str:
        """Return the checkpoint digest for the manifest, or "" for a method without a model."""
        name = DECODINGS[method].model if method in DECODINGS else method
        return self.checkpoints.get(name, "")

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
        if method in self.checkpoints:  # a model of the user's own
            return {**shared, "checkpoint": self.checkpoint_digest(method)}
        return {**shared, "seed": self.seed} if method == "foil" else shared


class StimulusJob(NamedTuple):
    """The images to render for one photograph.

    methods: those whose files are missing or out of date. image: the photograph's ID.
    donor_pixels: the photograph whose colors the foil gets, or None without a foil.
    """

    methods: Sequence[str]
    image: str
    pixels: FloatPixels
    donor_pixels: FloatPixels | None


def fastest_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 if the device supports it in hardware, else float32.

    The colors change by less than people can see.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capabilities = torch.cpu.get_capabilities()
    supported = any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
    return torch.bfloat16 if supported else torch.float32


def make_stimuli(
    items: Sequence[Item],
    read: Callable[[Item], StimulusJob | Refusal | None],
    finish: Callable[[tuple[Item, ImagesByMethod | Refusal]], Result],
    settings: StimulusSettings,
    networks: Networks,
    device: torch.device,
) -> Generator[Result, None, None]:
    """Yield finish(item, images) for the photograph of each item, in order.

    read: returns the job of an item, None if there is nothing to render (`finish` then gets an
    empty dict), or a Refusal, which `finish` gets instead of images. Both are called in threads.
    The other photographs in the network's batch can change the last bit of a color; they are the
    neighbors among the items.
    """
    with _parallel_workers(device) as workers:
        rendered = _render_in_order(map_ahead(read, items), settings, networks, device, workers)
        for _, result in map_ahead(finish, rendered):
            yield result


def encode_png(pixels: Pixels) -> bytes:
    """Encode an image as PNG.

    Huffman coding only: searching for repeated byte strings would take most of the time and saves
    little on photographs.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_type=zlib.Z_HUFFMAN_ONLY)
    return file.getvalue()


def stimulus_file(image: str, method: str) -> str:
    """Return the path of a stimulus within the output folder."""
    return f"{method}/{image}.png"


def describe_stimulus(
    image: str, split: str, method: str, png: bytes, settings: StimulusSettings
) -> ManifestRow:
    """Return the manifest's row of a stimulus; png: the content of its file."""
    return ManifestRow(
        image=image,
        method=method,
        file=stimulus_file(image, method),
        sha256=hashlib.sha256(png).hexdigest(),
        width=settings.size,
        height=settings.size,
        split=split,
        checkpoint=settings.checkpoint_digest(method),
    )


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
    prepared: Iterable[tuple[Item, StimulusJob | Refusal | None]],
    settings: StimulusSettings,
    networks: Networks,
    device: torch.device,
    workers: int,
) -> Iterator[tuple[Item, ImagesByMethod | Refusal]]:
    """Yield the rendered images of each item; the dict is empty if there is nothing to render."""
    remaining = iter(prepared)
    batches = iter(lambda: list(islice(remaining, PHOTOS_PER_BATCH[device.type])), [])

    def render_batch(
        batch: list[tuple[Item, StimulusJob | Refusal | None]],
    ) -> list[ImagesByMethod]:
        jobs = [job for _, job in batch if isinstance(job, StimulusJob)]
        return _render_jobs(jobs, settings, networks, device)

    for batch, rendered in map_ahead(render_batch, batches, workers):
        images = iter(rendered)
        for item, job in batch:
            yield item, next(images) if isinstance(job, StimulusJob) else job or {}


def _render_jobs(
    jobs: Sequence[StimulusJob],
    settings: StimulusSettings,
    networks: Networks,
    device: torch.device,
) -> list[ImagesByMethod]:
    """Render the images of every job."""
    methods = [method for method in settings.methods if any(method in job.methods for job in jobs)]
    if not methods:
        return []
    lab, donor = to_lab([job.pixels for job in jobs]), None
    if "foil" in methods:
        # Photographs that need no donor are their own donor and are not written.
        donor = to_lab(
            [job.pixels if job.donor_pixels is None else job.donor_pixels for job in jobs]
        )
    inputs = MethodInput([job.image for job in jobs], lab, donor).to(device)
    rendered = render_methods(inputs, methods, networks, settings.precision)
    images = {method: pixels.cpu().numpy() for method, pixels in rendered.items()}
    return [{method: images[method][i] for method in job.methods} for i, job in enumerate(jobs)]
