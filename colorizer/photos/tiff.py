"""Read TIFF files: tifffile decodes the samples, and numpy turns them into a picture.

tifffile decodes LZW, JPEG, fax and odd bit depths only with a further library. Pillow decodes them,
but misreads some layouts without an error. It is used only for layouts that it reads right, and all
others are refused; tests/colorizer/photos/test_image_grid.py compares both with other programs.
"""

import io
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from tifffile import EXTRASAMPLE, PHOTOMETRIC, TiffPage

from colorizer.errors import UnreadablePhotographError
from colorizer.photos.tiff_layouts import (
    COLOR_CHANNELS,
    REMEDY,
    alpha_kind,
    is_decoded_by_pillow,
    is_decoded_by_tifffile,
    require_complete,
    require_photograph,
    unsupported_layout,
)

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # problems are raised or refused

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two: BigTIFF
ORIENTATION_TAG = 274

Samples = NDArray[np.unsignedinteger]  # (H, W, channels)


class TiffPicture(NamedTuple):
    """The first picture of a TIFF file, with 8 bits per channel.

    image: of mode 1, L, LA, RGB, RGBA or CMYK. orientation: as in EXIF, not applied yet.
    profile: an ICC profile, not applied yet. bits: per channel in the file.
    """

    image: Image.Image
    orientation: int
    profile: bytes | None
    bits: int


def read_tiff(source: Path | bytes, max_pixels: int) -> TiffPicture:
    """Read the first picture of a TIFF file, or of its bytes; raises UnreadablePhotographError."""
    with tifffile.TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
        page = file.pages.first
        assert isinstance(page, TiffPage)
        if page.imagewidth * page.imagelength > max_pixels:
            raise UnreadablePhotographError(f"more than {max_pixels} pixels; scale the image down")
        require_photograph(page)
        require_complete(page, file.filehandle.size)
        if is_decoded_by_tifffile(page):
            image, orientation = _decode_with_tifffile(page), _read_orientation(page)
        elif is_decoded_by_pillow(page):
            image, orientation = _decode_with_pillow(source, page), 1
        else:
            raise unsupported_layout(page)
        return TiffPicture(image, orientation, page.iccprofile, page.bitspersample)


def _read_orientation(page: TiffPage) -> int:
    value = page.tags.valueof(ORIENTATION_TAG, 1)
    return value if isinstance(value, int) else 1


def _decode_with_pillow(source: Path | bytes, page: TiffPage) -> Image.Image:
    """Return Pillow's image, which it has turned upright; 12 and 16 bits are reduced to 8."""
    try:
        content = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(content, formats=["TIFF"]) as image:
            image.load()
            if image.mode.startswith("I;16"):
                samples = np.asarray(image).astype(np.uint16)
                return Image.fromarray(_to_8_bit(samples, page.bitspersample))
            return image.convert("RGB") if image.mode in ("P", "YCbCr") else image
    except UnidentifiedImageError as error:
        raise unsupported_layout(page) from error


def _decode_with_tifffile(page: TiffPage) -> Image.Image:
    separate, _, height, width, _ = page.shaped
    planes = page.asarray(maxworkers=1).reshape(separate, height, width, -1)
    channels = np.moveaxis(planes[..., 0], 0, -1) if separate > 1 else planes[0]
    if page.bitspersample == 1:
        channels = channels.astype(np.uint8)
    _require_no_unknown_channel(page, channels)
    if page.photometric == PHOTOMETRIC.PALETTE:
        return _render_palette(page, channels)
    return _render(page, channels)


def _require_no_unknown_channel(page: TiffPage, channels: Samples) -> None:
    """Raise UnreadablePhotographError if a channel of unstated meaning could be transparency.

    Some programs ignore such a channel, others use it. Where it is opaque, both show the same.
    """
    known = COLOR_CHANNELS[page.photometric] + (alpha_kind(page) is not None)
    if (channels[..., known:] != 2**page.bitspersample - 1).any():
        raise UnreadablePhotographError(f"a TIFF with a channel of unknown purpose; {REMEDY}")


def _render(page: TiffPage, channels: Samples) -> Image.Image:
    """Return gray, RGB or CMYK samples as an image, blended with white by their alpha."""
    bits, colors, alpha = page.bitspersample, COLOR_CHANNELS[page.photometric], alpha_kind(page)
    pixels = channels[..., :colors]
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        pixels = 2**bits - 1 - pixels
    if alpha is not None:
        pixels = _blend(pixels, channels[..., colors, None], alpha)
    eight = _to_8_bit(pixels, bits)
    if colors == 1:
        return Image.fromarray(eight[..., 0])
    if colors == 3:
        return Image.fromarray(eight)
    height, width, _ = eight.shape
    return Image.frombytes("CMYK", (width, height), eight.tobytes())


def _render_palette(page: TiffPage, channels: Samples) -> Image.Image:
    palette = np.asarray(page.colormap)  # (3, colors), 16 bits
    colors = palette.T if palette.max() < 256 else palette.T >> 8  # some programs write 8 bits
    pixels = colors.astype(np.uint8)[channels[..., 0]]
    if alpha_kind(page) is not None:
        alpha = _to_8_bit(channels[..., 1, None], page.bitspersample)
        pixels = _blend(pixels, alpha, EXTRASAMPLE.UNASSALPHA)
    return Image.fromarray(pixels)


def _blend(pixels: Samples, alpha: Samples, kind: int) -> Samples:
    """Blend pixels with white by their alpha, in the depth of the samples."""
    white = np.iinfo(alpha.dtype).max
    opacity = alpha / white
    color = pixels if kind == EXTRASAMPLE.ASSOCALPHA else pixels * opacity
    blended: Samples = (color + white * (1 - opacity)).round().clip(0, white).astype(pixels.dtype)
    return blended


def _to_8_bit(samples: Samples, bits: int) -> NDArray[np.uint8]:
    """Scale samples of any bit depth to 0..255, rounded."""
    if bits == 8:
        return samples.astype(np.uint8, copy=False)
    highest = 2**bits - 1
    wide = samples.astype(np.uint64 if bits > 16 else np.uint32)
    eight: NDArray[np.uint8] = ((wide * 255 + highest // 2) // highest).astype(np.uint8)
    return eight
