"""Decode PNG files with strict limits, and encode all stimuli in the same way.

Equal pixels give equal bytes: every stimulus is an uncompressed PNG with an sRGB chunk and nothing
else. With compression, a fake would be smaller than its photograph in 95% of pairs, because its
chroma is smoother.
"""

import io
import math
import struct
import zlib
from pathlib import Path
from stat import S_ISREG

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
BIT_DEPTH_OFFSET = 24  # of the byte in a PNG's header with the bits per channel
MAX_PIXELS = 4096 * 4096  # a file of a few bytes can claim gigabytes of pixels
MAX_FILE_BYTES = 4 * MAX_PIXELS
PERCEPTUAL_INTENT = b"\x00"  # rendering intent


class InvalidPngError(ValueError):
    """The file is not an 8-bit RGB PNG. The message says what it is."""


def read_png_file(path: Path) -> bytes:
    """Read a file after checking its type and size; raises InvalidPngError or OSError."""
    file_status = path.stat()
    if not S_ISREG(file_status.st_mode):
        raise InvalidPngError("is not a regular file")
    if file_status.st_size > MAX_FILE_BYTES:
        raise InvalidPngError(f"has {file_status.st_size:,} bytes (at most {MAX_FILE_BYTES:,})")
    return path.read_bytes()


def decode_png(content: bytes) -> Pixels:
    """Return the pixels of an 8-bit RGB PNG; raises InvalidPngError."""
    with _open(content) as image:
        try:
            return np.asarray(image)
        except (OSError, SyntaxError, ValueError) as error:  # truncated or damaged
            raise InvalidPngError("is a damaged PNG") from error


def read_png_size(content: bytes) -> tuple[int, int]:
    """Return the width and height in the header of an 8-bit RGB PNG; raises InvalidPngError."""
    with _open(content) as image:
        return image.size


def _open(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=["PNG"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidPngError("has more pixels than 4096 x 4096") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InvalidPngError("is not a readable PNG") from error
    if math.prod(image.size) > MAX_PIXELS:
        raise InvalidPngError("has more pixels than 4096 x 4096")
    if (
        image.mode != "RGB" or content[BIT_DEPTH_OFFSET] != 8
    ):  # Pillow silently reduces 16 bits to 8
        raise InvalidPngError(
            f"is a PNG with mode {image.mode} and {content[BIT_DEPTH_OFFSET]} bits per channel"
        )
    return image


def encode_png(pixels: Pixels) -> bytes:
    """Encode pixels (H, W, 3) as an uncompressed PNG, whose length depends only on the size."""
    height, width, _ = pixels.shape
    lines = np.zeros(
        (height, 1 + 3 * width), np.uint8
    )  # each line begins with its filter type, 0 (none)
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8-bit RGB, not interlaced
    chunks = [
        (b"IHDR", header),
        (b"sRGB", PERCEPTUAL_INTENT),
        (b"IDAT", zlib.compress(lines.tobytes(), level=0)),
        (b"IEND", b""),
    ]
    return PNG_SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
