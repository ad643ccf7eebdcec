"""Reading any photograph safely: EXIF, ICC, CMYK, palettes, alpha, 16 bits, bombs, truncation."""

import ctypes
import io
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.Image import Transpose

from colorizer.color.spaces import from_bytes, rgb_to_lab

SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # EPS would run Ghostscript
MAX_PIXELS = 89_478_485  # Pillow's own mark of a decompression bomb: 256 MiB of RGB
TOO_MANY_PIXELS_MESSAGE = f"too many pixels, more than {MAX_PIXELS}; scale it down"
EXIF_ORIENTATION_TAG = 0x0112  # the EXIF tag
EXIF_TRANSPOSES = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
MAX_GRAY_AB = 5.0  # no |a| or |b| above it: a gray image (Zhang et al.'s released code)
READER_THREADS = 4

Pixels = NDArray[np.uint8]  # (H, W, 3)
Item = TypeVar("Item")
Result = TypeVar("Result")


class UnreadablePhotographError(Exception):
    """Why a photograph was refused."""


class Refusal(NamedTuple):
    """A photograph that was left out."""

    file: str
    reason: str


def find_photographs(folder: Path) -> list[Path]:
    """Photographs below a folder, hidden files left out, in order of their names.

    Links to files count, links to folders are not followed. Among them is whatever will be refused
    when it is read: a broken link, a folder that may not be listed.
    """
    paths: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=lambda e: paths.append(Path(e.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible_paths = (Path(root, name) for name in files if not name.startswith("."))
        paths.extend(path for path in visible_paths if path.suffix.lower() in SUFFIXES)
    return sorted(paths)


def read_photograph(path: Path, side: int | None = None) -> Image.Image:
    """Upright, 8-bit sRGB, without metadata; the first frame of an animation.

    side: what a JPEG is needed for; decoding may stop at twice that many pixels, for speed.
    Raises UnreadablePhotographError, before decoding where there are too many pixels.
    """
    try:
        _check_file(path)
        with _open(path) as image:
            _check_size(image)
            if side is not None:
                image.draft(None, (2 * side, 2 * side))
            image.load()
            return _to_srgb(_to_8_bit(_apply_orientation(image)), image.info.get("icc_profile"))
    except UnreadablePhotographError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadablePhotographError(TOO_MANY_PIXELS_MESSAGE) from error
    except UnidentifiedImageError as error:
        raise UnreadablePhotographError(
            f"no image of these formats: {', '.join(FORMATS)}"
        ) from error
    except Exception as error:  # decoders of damaged files raise whatever they stumble on
        strerror = error.strerror if isinstance(error, OSError) else None
        raise UnreadablePhotographError(strerror or str(error) or type(error).__name__) from error


def center_square(image: Image.Image, size: int) -> Pixels:
    """The central square of a photograph, resized: (size, size, 3); of a ribbon, its middle"""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS, box=box))


def is_gray(pixels: Pixels) -> bool:
    """pixels (H, W, 3): whether no |a| or |b| is above MAX_GRAY_AB, at one pixel in 16"""
    lab = rgb_to_lab(from_bytes(torch.tensor(pixels[None, ::4, ::4])))
    return bool(lab[:, 1:].abs().max() <= MAX_GRAY_AB)


def read_square(path: Path, size: int) -> Pixels:
    """The central square of a photograph (size, size, 3); raises UnreadablePhotographError."""
    return center_square(read_photograph(path, size), size)


def read_color_square(path: Path, size: int) -> Pixels:
    """The central square of a photograph in color.

    Raises UnreadablePhotographError of a gray one.
    """
    square = read_square(path, size)
    if is_gray(square):
        raise UnreadablePhotographError("gray; there are no colors to fake")
    return square


def read_squares(
    paths: Iterable[Path], size: int
) -> Iterator[tuple[Path, Pixels | UnreadablePhotographError]]:
    """The central squares of photographs (size, size, 3), read ahead in threads, in order."""

    def read(path: Path) -> Pixels | UnreadablePhotographError:
        try:
            return read_square(path, size)
        except UnreadablePhotographError as refusal:
            return refusal

    return map_ahead(read, paths)


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int = READER_THREADS
) -> Iterator[tuple[Item, Result]]:
    """Each item with what `function` makes of it, worked on ahead in threads, in order."""
    pending: deque[tuple[Item, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            pending.append((item, pool.submit(function, item)))
            if len(pending) > 4 * threads:  # bounded: a slow consumer must not fill the memory
                done, result = pending.popleft()
                yield done, result.result()
        for done, result in pending:
            yield done, result.result()
    finally:  # whoever stops early waits for what was begun, not for what was not
        pool.shutdown(cancel_futures=True)


def _check_file(path: Path) -> None:
    state = path.stat()
    if stat.S_ISDIR(state.st_mode):
        raise UnreadablePhotographError("a folder that may not be listed; change its permissions")
    if not stat.S_ISREG(state.st_mode):  # a named pipe would be waited for forever
        raise UnreadablePhotographError("not a regular file")
    if not state.st_size:
        raise UnreadablePhotographError("the file is empty")


@cache
def _silence_libtiff() -> None:
    """It would print what is wrong with a file, beside Pillow, which raises it.

    The library that Pillow brings is reached through Pillow's own; where it is not, it prints on.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)  # type: ignore[attr-defined]  # Pillow has no public way


def _open(path: Path) -> Image.Image:
    _silence_libtiff()
    Image.init()  # so that OPEN lists what this Pillow can read
    return Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePhotographError(TOO_MANY_PIXELS_MESSAGE)


def _apply_orientation(image: Image.Image) -> Image.Image:
    """Not ImageOps.exif_transpose, which writes the other tags anew and fails where they are odd"""
    try:
        turn = EXIF_TRANSPOSES.get(image.getexif().get(EXIF_ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF costs the orientation, not the photograph
        return image
    return image if turn is None else image.transpose(turn)


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnreadablePhotographError(
            "pixels are floating-point; save it as 8 or 16 bits a channel"
        )
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) / 257).round().clip(0, 255).astype(np.uint8))
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    opaque = _flatten_alpha(image)
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
                return _strip_metadata(converted)
    return _strip_metadata(opaque.convert("RGB"))


def _flatten_alpha(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(paper, layer).convert("RGB")


def _strip_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
