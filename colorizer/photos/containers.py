"""Read how AVIF, HEIF, JPEG 2000 and BMP files encode their colors, which Pillow leaves out."""

import struct
from typing import BinaryIO

from PIL import Image

from colorizer.errors import UnreadablePhotographError
from colorizer.photos.color import UNSPECIFIED, SourceColors, cicp_color_space, is_srgb

MAX_BOX_BYTES = 2**20  # larger boxes are not searched for a color box
NCLX_BOX = b"colrnclx"  # followed by code points of ITU-T H.273
# Most encoders write the code points of BT.709 for sRGB, and programs show them as sRGB.
BT709_TRANSFERS, SRGB_TRANSFER = (1, 6, 14, 15, UNSPECIFIED), 13
BT709_PRIMARIES = 1
JP2_ENUMERATED, JP2_PROFILE = 1, 2  # methods of a JPEG 2000 color box
JP2_COLOR_SPACES = (16, 17, 18)  # sRGB, gray, sYCC
BMP_COLOR_SPACE_OFFSET, BMP_HEADER_SIZE_OFFSET = 70, 14
BMP_PROFILES = (b"DEBM", b"KNIL")  # embedded and linked profile, as stored


def read_colors(image: Image.Image, file: BinaryIO, profile: bytes | None) -> SourceColors:
    """Return the colors of an opened file of any format but PNG and TIFF.

    profile: the ICC profile that Pillow found. Raises UnreadablePhotographError for color spaces
    that cannot be converted.
    """
    if profile or image.format not in ("AVIF", "HEIF", "JPEG2000", "BMP"):
        return SourceColors(profile)
    position = file.tell()
    try:
        if image.format == "BMP":
            return _read_bmp_colors(file)
        if image.format == "JPEG2000":
            return _read_jp2_colors(_read_box(file, b"jp2h"))
        return _read_nclx_colors(_read_box(file, b"meta"))
    finally:
        file.seek(position)


def _read_nclx_colors(meta: bytes) -> SourceColors:
    start = meta.find(NCLX_BOX)
    if start < 0 or len(meta) < start + 15:
        return SourceColors()
    primaries, transfer = struct.unpack_from(">HH", meta, start + len(NCLX_BOX))
    space = cicp_color_space(
        BT709_PRIMARIES if primaries == UNSPECIFIED else primaries,
        SRGB_TRANSFER if transfer in BT709_TRANSFERS else transfer,
    )
    return SourceColors(space=None if is_srgb(space) else space)


def _read_jp2_colors(header: bytes) -> SourceColors:
    start = header.find(b"colr")
    if start < 4 or len(header) < start + 11:
        return SourceColors()
    (length,) = struct.unpack_from(">I", header, start - 4)
    method = header[start + 4]
    if method == JP2_PROFILE:
        return SourceColors(header[start + 7 : start - 4 + length])
    (color_space,) = struct.unpack_from(">I", header, start + 7)
    if method == JP2_ENUMERATED and color_space in JP2_COLOR_SPACES:
        return SourceColors()
    raise UnreadablePhotographError(
        "unsupported color space in a JPEG 2000 file; save the image as sRGB"
    )


def _read_bmp_colors(file: BinaryIO) -> SourceColors:
    file.seek(0)
    header = file.read(BMP_COLOR_SPACE_OFFSET + 4)
    if header[BMP_HEADER_SIZE_OFFSET : BMP_HEADER_SIZE_OFFSET + 1] == b"\x7c" and header.endswith(
        BMP_PROFILES
    ):
        raise UnreadablePhotographError("a BMP file with an ICC profile; save it as PNG")
    return SourceColors()


def _read_box(file: BinaryIO, wanted: bytes) -> bytes:
    """Return the content of a box at the top level of an ISO base media file, or b""."""
    file.seek(0)
    while len(header := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", header)
        if name == wanted:
            return file.read(min(max(length - 8, 0), MAX_BOX_BYTES))
        if length == 1:  # the length follows in 64 bits
            length = int.from_bytes(file.read(8)) - 8
        if length < 8:  # 0: up to the end of the file
            break
        file.seek(length - 8, 1)
    return b""
