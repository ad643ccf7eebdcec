"""PNG files <-> pixels: what may come in, and the one form in which everything goes out.

Equal pixels give equal bytes: a stored (uncompressed) PNG with an sRGB chunk and nothing else. A
compressed fake is smaller than its photograph in 95 % of pairs, since its chroma is smoother.
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
BIT_DEPTH_OFFSET = 24  # where a PNG's header has the bits of a sample
MAX_PIXELS = 4096 * 4096  # a few bytes can claim to be gigabytes of them
MAX_FILE_BYTES = 4 * MAX_PIXELS
PERCEPTUAL_INTENT = b"\x00"  # rendering intent


class InvalidPngError(ValueError):
    """The file is something else than an 8-bit RGB PNG; the message says what."""


def read_png_file(path: Path) -> bytes:
    """A file that can be a stimulus, for its size and kind; raises InvalidPngError and OSError."""
    file_status = path.stat()
    if not S_ISREG(file_status.st_mode):
        raise InvalidPngError("is no file")
    if file_status.st_size > MAX_FILE_BYTES:
        raise InvalidPngError(f"has {file_status.st_size:,} bytes, more than {MAX_FILE_BYTES:,}")
    return path.read_bytes()


def decode_png(content: bytes) -> Pixels:
    """The pixels of an 8-bit RGB PNG; raises InvalidPngError."""
    with _open(content) as image:
        try:
            return np.asarray(image)
        except (OSError, SyntaxError, ValueError) as error:  # cut short, or damaged
            raise InvalidPngError("is a damaged PNG") from error


def read_png_size(content: bytes) -> tuple[int, int]:
    """Width and height of an 8-bit RGB PNG, by its header; raises InvalidPngError."""
    with _open(content) as image:
        return image.size


def _open(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=["PNG"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidPngError("has more pixels than 4096 x 4096") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InvalidPngError("is no readable PNG") from error
    if math.prod(image.size) > MAX_PIXELS:
        raise InvalidPngError("has more pixels than 4096 x 4096")
    # Pillow makes 8 bits of 16 without a word
    if image.mode != "RGB" or content[BIT_DEPTH_OFFSET] != 8:
        raise InvalidPngError(
            f"is a PNG of mode {image.mode} with {content[BIT_DEPTH_OFFSET]} bits a sample"
        )
    return image


def encode_png(pixels: Pixels) -> bytes:
    """(H, W, 3) -> a stored PNG with an sRGB chunk; its length depends on the size alone."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # a line begins with its filter: none
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
