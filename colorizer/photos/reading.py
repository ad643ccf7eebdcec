"""Read photographs of any format safely.

Handles EXIF orientation, ICC profiles, CMYK, palettes, transparency, 16 bits, decompression bombs
and truncated files.
"""

import ctypes
import io
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.Image import Resampling, Transpose

from colorizer.errors import UnreadablePhotographError
from colorizer.photos import containers, png, tiff
from colorizer.photos.color import SourceColors, convert_to_srgb
from colorizer.photos.formats import readable_formats
from colorizer.photos.gray import is_gray

MAX_PIXELS = 89_478_485  # Pillow's limit for decompression bombs, 256 MiB of RGB
TOO_MANY_PIXELS_MESSAGE = f"more than {MAX_PIXELS} pixels; scale the image down"
EMPTY_MESSAGE = "the file is empty"
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
READER_THREADS = 4

Pixels = NDArray[np.uint8]  # (H, W, 3)
FloatPixels = NDArray[np.float32]  # (H, W, 3) in [0, 1]
Source = Path | bytes  # a photograph: its file, or the bytes of the file
Item = TypeVar("Item")
Result = TypeVar("Result")


class Refusal(NamedTuple):
    """A photograph that was refused, and the reason."""

    file: str
    reason: str


def read_photograph(source: Source, side: int | None = None) -> Image.Image:
    """Read a photograph as upright 8-bit sRGB without metadata; of an animation, the first frame.

    source: its file, or the bytes of the file. side: the size in pixels that the caller needs. For
    speed, a JPEG may be decoded at a reduced size of at least twice this. Raises
    UnreadablePhotographError; for an image with too many pixels, before it is decoded.
    """
    try:
        with _open(source) as file:
            signature = file.read(4)
            file.seek(0)
            if signature in tiff.SIGNATURES:
                return _read_tiff(source)
            return _read_with_pillow(file, side)
    except UnreadablePhotographError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnreadablePhotographError(TOO_MANY_PIXELS_MESSAGE) from error
    except UnidentifiedImageError as error:
        raise UnreadablePhotographError(
            f"not an image in a supported format ({', '.join(readable_formats())})"
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


def read_square(source: Source, size: int, min_side: int = 0) -> Pixels:
    """Read the central square of a photograph (size, size, 3).

    Raises UnreadablePhotographError, also if a side has fewer than min_side pixels; min_side must
    be at most `size`.
    """
    photograph = read_photograph(source, size)
    if min(photograph.size) < min_side:
        raise UnreadablePhotographError(
            f"its short side has {min(photograph.size)} px, less than the crop of {min_side} px"
        )
    return center_square(photograph, size)


def read_color_square(source: Source, size: int) -> FloatPixels:
    """Read the central square of a color photograph (size, size, 3) in [0, 1], not rounded.

    The whole photograph is decoded, never a reduced JPEG, whose traces would remain in the square.
    Raises UnreadablePhotographError, also if the photograph is gray.
    """
    square = center_square_float(read_photograph(source), size)
    if is_gray(np.rint(255 * square).astype(np.uint8)):
        raise UnreadablePhotographError("gray photograph; there are no colors to remove")
    return square


def read_squares(
    paths: Iterable[Path], size: int, min_side: int = 0
) -> Iterator[tuple[Path, Pixels | UnreadablePhotographError]]:
    """Yield the central squares of photographs (size, size, 3) in order, read ahead in threads.

    Each path is paired with its square, or with the error if it cannot be read, or if a side has
    fewer than min_side pixels.
    """
    return map_ahead(lambda path: try_read_square(path, size, min_side), paths)


def try_read_square(
    source: Source, size: int, min_side: int = 0
) -> Pixels | UnreadablePhotographError:
    """Return what `read_square` returns, or the error that it raises."""
    try:
        return read_square(source, size, min_side)
    except UnreadablePhotographError as error:
        return error


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


def _open(source: Source) -> BinaryIO:
    if isinstance(source, bytes):
        if not source:
            raise UnreadablePhotographError(EMPTY_MESSAGE)
        return io.BytesIO(source)
    _check_file(source)
    return source.open("rb")


def _check_file(path: Path) -> None:
    state = path.stat()
    if stat.S_ISDIR(state.st_mode):
        raise UnreadablePhotographError("cannot list this folder; change its permissions")
    if not stat.S_ISREG(state.st_mode):  # opening a named pipe would block forever
        raise UnreadablePhotographError("not a regular file")
    if not state.st_size:
        raise UnreadablePhotographError(EMPTY_MESSAGE)


@cache
def _silence_libtiff() -> None:
    """Keep libtiff from printing errors, which Pillow raises as exceptions anyway.

    The bundled libtiff is found through Pillow's extension module. If it is elsewhere, it keeps
    printing.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)  # type: ignore[attr-defined]  # Pillow has no public way


def _read_tiff(source: Source) -> Image.Image:
    _silence_libtiff()
    picture = tiff.read_tiff(source, MAX_PIXELS)
    upright = _transpose(picture.image, picture.orientation)
    colors = SourceColors(picture.profile, bits=picture.bits)
    return _strip_metadata(convert_to_srgb(_to_opaque_8_bit(upright), colors))


def _read_with_pillow(file: BinaryIO, side: int | None) -> Image.Image:
    with Image.open(file, formats=readable_formats()) as image:
        _check_size(image)
        colors = _read_colors(image, file)
        if side is not None:
            image.draft(None, (2 * side, 2 * side))
        image.load()
        upright = _apply_orientation(image)
        return _strip_metadata(convert_to_srgb(_to_opaque_8_bit(upright), colors))


def _read_colors(image: Image.Image, file: BinaryIO) -> SourceColors:
    """Return how the file says that its colors are encoded."""
    profile = image.info.get("icc_profile")
    if image.format == "PNG":
        position = file.tell()
        header = png.read_png_header(file)
        file.seek(position)
        png.scale_transparency(image, header)
        if png.has_cicp(header):
            profile = None
        return SourceColors(profile, png.png_color_space(header), header.bits)
    return containers.read_colors(image, file, profile)


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePhotographError(TOO_MANY_PIXELS_MESSAGE)


def _apply_orientation(image: Image.Image) -> Image.Image:
    """Turn the image upright.

    ImageOps.exif_transpose is not used because it rewrites all other tags and fails if one of them
    is malformed.
    """
    try:
        orientation = image.getexif().get(EXIF_ORIENTATION_TAG, 1)
    except Exception:  # without readable EXIF, the photograph is used as stored
        return image
    return _transpose(image, orientation)


def _transpose(image: Image.Image, orientation: int) -> Image.Image:
    transpose = EXIF_TRANSPOSES.get(orientation)
    return image if transpose is None else image.transpose(transpose)


def _to_opaque_8_bit(image: Image.Image) -> Image.Image:
    """Reduce an image to 8 bits per channel and blend it with white; gray stays gray."""
    if image.mode == "F":
        raise UnreadablePhotographError(
            "floating-point pixels; save the image with 8 or 16 bits per channel"
        )
    if image.mode == "I" or image.mode.startswith("I;16"):
        samples = np.asarray(image)
        if "transparency" in image.info:
            samples = np.where(samples == image.info["transparency"], 65535, samples)
        return Image.fromarray((samples / 257).round().clip(0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        return image
    if image.mode in ("1", "L", "LA", "La"):
        gray, alpha = image.convert("LA").split()
        return Image.composite(gray, Image.new("L", gray.size, "white"), alpha)
    layer = image.convert("RGBA")
    background = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(background, layer).convert("RGB")


def _strip_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
