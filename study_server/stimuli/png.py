"""Encode all stimuli in the same way.

Equal pixels give equal bytes: every stimulus is an uncompressed PNG with an sRGB chunk and nothing
else. With compression, a fake would be smaller than its photograph in 95% of pairs, because its
chroma is smoother.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PERCEPTUAL_INTENT = b"\x00"  # rendering intent


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
