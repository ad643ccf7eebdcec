"""Read from PNG files what Pillow does not: the bit depth, and how the colors are encoded."""

import struct
from typing import BinaryIO, NamedTuple

from PIL import Image

from colorizer.errors import UnreadablePhotographError
from colorizer.photos.color import (
    SRGB_CHROMATICITIES,
    SRGB_GAMMA,
    Chromaticities,
    ColorSpace,
    cicp_color_space,
    is_srgb,
)

SIGNATURE_BYTES = 8
COLOR_CHUNKS = {b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"}
MAX_CHUNK_BYTES = 32  # larger than the chunks whose content is needed here
GRAY, RGB = 0, 2  # color types without alpha and palette


class PngHeader(NamedTuple):
    """The header and the color chunks of a PNG file; of iCCP only the name is kept."""

    bits: int
    color_type: int
    chunks: dict[bytes, bytes]


def read_png_header(file: BinaryIO) -> PngHeader:
    """Read the chunks before the pixels; raises UnreadablePhotographError if they are damaged."""
    file.seek(SIGNATURE_BYTES)
    bits, color_type = 8, RGB
    chunks: dict[bytes, bytes] = {}
    try:
        while True:
            length, name = struct.unpack(">I4s", file.read(8))
            if name in (b"IDAT", b"IEND"):
                return PngHeader(bits, color_type, chunks)
            data = file.read(min(length, MAX_CHUNK_BYTES))
            file.seek(length - len(data) + 4, 1)
            if name == b"IHDR":
                bits, color_type = data[8], data[9]
            elif name in COLOR_CHUNKS:
                chunks.setdefault(name, data)
    except (struct.error, IndexError) as error:
        raise UnreadablePhotographError("a damaged PNG file") from error


def png_color_space(header: PngHeader) -> ColorSpace | None:
    """Return the color space that the chunks state, or None for sRGB or an ICC profile.

    cICP comes before iCCP, sRGB, and gAMA with cHRM (PNG, third edition, section 4.3). Raises
    UnreadablePhotographError if it cannot be converted.
    """
    chunks = header.chunks
    if len(chunks.get(b"cICP", b"")) == 4:
        space = _cicp_space(chunks[b"cICP"])
    elif b"iCCP" in chunks or b"sRGB" in chunks:
        return None
    else:
        space = ColorSpace(_gamma(chunks), _chromaticities(chunks))
    if is_srgb(space):
        return None
    if header.bits == 16 and header.color_type != GRAY and space.gamma > 2 * SRGB_GAMMA - 0.2:
        raise UnreadablePhotographError(
            "16-bit image with linear tones; convert it to sRGB, or save it as TIFF"
        )
    return space


def has_cicp(header: PngHeader) -> bool:
    """Return whether the colors are stated by cICP, which takes precedence over an ICC profile."""
    return len(header.chunks.get(b"cICP", b"")) == 4


def scale_transparency(image: Image.Image, header: PngHeader) -> None:
    """Scale the transparent gray value from the file's bit depth to the 8 bits of the pixels.

    Raises UnreadablePhotographError for a transparent color of 16 bits, because Pillow keeps 8 of
    its bits.
    """
    if "transparency" not in image.info:
        return
    if header.bits == 16 and header.color_type == RGB:
        raise UnreadablePhotographError(
            "16-bit image with a transparent color; save it without transparency"
        )
    if header.color_type == GRAY and header.bits in (2, 4):
        image.info["transparency"] *= 255 // (2**header.bits - 1)


def _cicp_space(data: bytes) -> ColorSpace:
    primaries, transfer, matrix, is_full_range = data
    if matrix or not is_full_range:
        raise UnreadablePhotographError("video levels (cICP chunk); save the image as sRGB")
    return cicp_color_space(primaries, transfer)


def _gamma(chunks: dict[bytes, bytes]) -> float:
    data = chunks.get(b"gAMA", b"")
    gamma = struct.unpack(">I", data)[0] / 100_000 if len(data) == 4 else 0
    return gamma or SRGB_GAMMA  # 0 is invalid


def _chromaticities(chunks: dict[bytes, bytes]) -> Chromaticities:
    data = chunks.get(b"cHRM", b"")
    if len(data) != 32:
        return SRGB_CHROMATICITIES
    white_x, white_y, *primaries = (value / 100_000 for value in struct.unpack(">8I", data))
    red_x, red_y, green_x, green_y, blue_x, blue_y = primaries
    if not all((white_y, red_y, green_y, blue_y)):
        return SRGB_CHROMATICITIES
    return Chromaticities(
        red=(red_x, red_y),
        green=(green_x, green_y),
        blue=(blue_x, blue_y),
        white=(white_x, white_y),
    )
