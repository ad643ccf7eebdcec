"""Read photographs of any format safely.

Handles EXIF orientation, ICC profiles, CMYK, palettes, transparency, 16 bits, decompression bombs
and truncated files.
"""

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
from PIL.Image import Resampling, Transpose

from colorizer.color.spaces import from_bytes, rgb_to_lab

SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
# The formats that are opened. EPS is not, because Pillow would run Ghostscript.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_PIXELS = 89_478_485  # Pillow's limit for decompression bombs, 256 MiB of RGB
TOO_MANY_PIXELS_MESSAGE = f"more than {MAX_PIXELS} pixels; scale the image down"
EXIF_ORIENTATION_TAG = 0x0112
EXIF_TRANSPOSES = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
# An image without |a| or |b| above this is gray (from the code released by Zhang et al.).
MAX_GRAY_AB = 5.0
READER_THREADS = 4

Pixels = NDArray[np.uint8]  # (H, W, 3)
FloatPixels = NDArray[np.float32]  # (H, W, 3) in [0, 1]
Item = TypeVar("Item")
Result = TypeVar("Result")


class UnreadablePhotographError(Exception):
    """A photograph cannot be used; the message is the reason."""


class Refusal(NamedTuple):
    """A photograph that was refused, and the reason."""

    file: str
    reason: str


def find_photographs(folder: Path) -> list[Path]:
    """Return the photographs below a folder, sorted by path, without hidden files.

    Links to files are included; links to folders are not followed. Broken links and folders that
    cannot be listed are included, so that reading them reports the reason.
    """
    paths: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=lambda e: paths.append(Path(e.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible_paths = (Path(root, name) for name in files if not name.startswith("."))
        paths.extend(path for path in visible_paths if path.suffix.lower() in SUFFIXES)
    return sorted(paths)


def read_photograph(path: Path, side: int | None = None) -> Image.Image:
    """Read a photograph as upright 8-bit sRGB without metadata; of an animation, the first frame.

    side: the size in pixels that the caller needs. For speed, a JPEG may be decoded at a reduced
    size of at least twice this. Raises UnreadablePhotographError; for an image with too many
    pixels, before it is decoded.
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
            f"not an image in a supported format ({', '.join(FORMATS)})"
        ) from error
    except Exception as error:  # on damaged files, decoders raise exceptions of any kind
        strerror = error.strerror if isinstance(error, OSError) else None
        raise UnreadablePhotographError(strerror or str(error) or type(error).__name__) from error


def center_square(image: Image.Image, size: int) -> Pixels:
    """Crop the central square of a photograph and resize it to (size, size, 3)."""
    return np.asarray(image.resize((size, size), Resampling.LANCZOS, box=_central_box(image)))


def center_square_float(image: Image.Image, size: int) -> FloatPixels:
    """Crop the central square of a photograph and resize it to (size, size, 3) in [0, 1].

    The levels are not rounded, so that a caller who rounds the result rounds only once.
    """
    box, shape = _central_box(image), (size, size)
    channels = [
        np.asarray(channel.convert("F").resize(shape, Resampling.LANCZOS, box=box))
        for channel in image.split()
    ]
    return (np.stack(channels, axis=2).clip(0, 255) / 255).astype(np.float32)


def is_gray(pixels: Pixels) -> bool:
    """Return True if no |a| or |b| of pixels (H, W, 3) is above MAX_GRAY_AB.

    For speed, only one pixel in 16 is checked.
    """
    lab = rgb_to_lab(from_bytes(torch.tensor(pixels[None, ::4, ::4])))
    return bool(lab[:, 1:].abs().max() <= MAX_GRAY_AB)


def read_square(path: Path, size: int) -> Pixels:
    """Read the central square of a photograph (size, size, 3).

    Raises UnreadablePhotographError.
    """
    return center_square(read_photograph(path, size), size)


def read_color_square(path: Path, size: int) -> FloatPixels:
    """Read the central square of a color photograph (size, size, 3) in [0, 1], not rounded.

    The whole photograph is decoded, never a reduced JPEG, whose traces would remain in the square.
    Raises UnreadablePhotographError, also if the photograph is gray.
    """
    square = center_square_float(read_photograph(path), size)
    if is_gray(np.rint(255 * square).astype(np.uint8)):
        raise UnreadablePhotographError("gray photograph; there are no colors to remove")
    return square


def read_squares(
    paths: Iterable[Path], size: int
) -> Iterator[tuple[Path, Pixels | UnreadablePhotographError]]:
    """Yield the central squares of photographs (size, size, 3) in order, read ahead in threads.

    Each path is paired with its square, or with the error if it cannot be read.
    """

    def read(path: Path) -> Pixels | UnreadablePhotographError:
        try:
            return read_square(path, size)
        except UnreadablePhotographError as error:
            return error

    return map_ahead(read, paths)


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int = READER_THREADS
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with function(item), in order, computed ahead in threads."""
    pending: deque[tuple[Item, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            pending.append((item, pool.submit(function, item)))
            if len(pending) > 4 * threads:  # a limit, so that a slow consumer cannot fill memory
                first, future = pending.popleft()
                yield first, future.result()
        for first, future in pending:
            yield first, future.result()
    finally:
        # If the consumer stops early, wait for running calls and cancel the others.
        pool.shutdown(cancel_futures=True)


def _central_box(image: Image.Image) -> tuple[float, float, float, float]:
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return left, top, left + side, top + side


def _check_file(path: Path) -> None:
    state = path.stat()
    if stat.S_ISDIR(state.st_mode):
        raise UnreadablePhotographError("cannot list this folder; change its permissions")
    if not stat.S_ISREG(state.st_mode):  # opening a named pipe would block forever
        raise UnreadablePhotographError("not a regular file")
    if not state.st_size:
        raise UnreadablePhotographError("the file is empty")


@cache
def _silence_libtiff() -> None:
    """Keep libtiff from printing errors, which Pillow raises as exceptions anyway.

    The bundled libtiff is found through Pillow's extension module. If it is elsewhere, it keeps
    printing.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)  # type: ignore[attr-defined]  # Pillow has no public way


def _open(path: Path) -> Image.Image:
    _silence_libtiff()
    Image.init()  # fills Image.OPEN with the formats that the installed Pillow can read
    return Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePhotographError(TOO_MANY_PIXELS_MESSAGE)


def _apply_orientation(image: Image.Image) -> Image.Image:
    """Turn the image upright.

    ImageOps.exif_transpose is not used because it rewrites all other tags and fails if one of them
    is malformed.
    """
    try:
        transpose = EXIF_TRANSPOSES.get(image.getexif().get(EXIF_ORIENTATION_TAG, 1))
    except Exception:  # without readable EXIF, the photograph is used as stored
        return image
    return image if transpose is None else image.transpose(transpose)


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnreadablePhotographError(
            "floating-point pixels; save the image with 8 or 16 bits per channel"
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
            pass  # like browsers, ignore profiles that are damaged or of another color space
        else:
            if converted is not None:
                return _strip_metadata(converted)
    return _strip_metadata(opaque.convert("RGB"))


def _flatten_alpha(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    background = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(background, layer).convert("RGB")


def _strip_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
