"""Reading any photograph safely: EXIF, ICC, CMYK, palettes, alpha, 16 bits, bombs, truncation."""

import io
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from colorizer.color import from_bytes, rgb_to_lab

SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
GRAY_AB = 5.0  # no |a| or |b| above it: a gray image (Zhang et al.'s released code)
READERS = 4

T = TypeVar("T")
R = TypeVar("R")

_opening = threading.Lock()  # warnings.catch_warnings swaps a global


class UnreadablePhotograph(Exception):
    """Why a photograph was refused."""


def find_photographs(folder: Path) -> list[Path]:
    """Photographs below a folder, hidden files left out, in order of their names."""
    inside = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    seen = (p for p in inside if not any(s.startswith(".") for s in p.relative_to(folder).parts))
    return sorted(path for path in seen if path.is_file())


def read_photograph(path: Path) -> Image.Image:
    """Upright, 8-bit sRGB, without metadata.

    Raises UnreadablePhotograph, before decoding where there are too many pixels.
    """
    try:
        with _open(path) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _to_srgb(_to_8_bit(upright), upright.info.get("icc_profile"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadablePhotograph(f"too many pixels ({error}); scale it down") from error
    except Exception as error:  # decoders of damaged files raise whatever they stumble on
        raise UnreadablePhotograph(str(error) or type(error).__name__) from error


def center_square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The central square of a photograph, resized: (size, size, 3)"""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS, box=box))


def is_gray(pixels: NDArray[np.uint8]) -> bool:
    """pixels (H, W, 3): whether no |a| or |b| is above GRAY_AB, at one pixel in 16"""
    lab = rgb_to_lab(from_bytes(torch.tensor(pixels[None, ::4, ::4])))
    return bool(lab[:, 1:].abs().max() <= GRAY_AB)


def read_squares(
    paths: Iterable[Path], size: int
) -> Iterator[tuple[Path, NDArray[np.uint8] | UnreadablePhotograph]]:
    """The central squares of photographs (size, size, 3), read ahead in threads, in order."""

    def read(path: Path) -> NDArray[np.uint8] | UnreadablePhotograph:
        try:
            return center_square(read_photograph(path), size)
        except UnreadablePhotograph as refusal:
            return refusal

    return read_ahead(read, paths)


def read_ahead(work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Each item with what `work` makes of it, worked on ahead in threads, in order."""
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(READERS) as pool:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > 4 * READERS:  # bounded: a slow consumer must not fill the memory
                done, result = waiting.popleft()
                yield done, result.result()
        for done, result in waiting:
            yield done, result.result()


def _open(path: Path) -> Image.Image:
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path)


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnreadablePhotograph("pixels are floating-point; save it as 8 or 16 bits a channel")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) / 257).round().clip(0, 255).astype(np.uint8))
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    opaque = _over_white(image)
    if opaque.mode not in ("RGB", "CMYK", "L"):
        opaque = opaque.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                opaque, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError):
            pass  # a damaged profile, or one of another color space: browsers ignore it as well
        else:
            if converted is not None:
                return _bare(converted)
    return _bare(opaque.convert("RGB"))


def _over_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(paper, layer).convert("RGB")


def _bare(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
