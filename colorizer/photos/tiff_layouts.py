"""Decide from its tags if and by which library a TIFF file can be read."""

import math

from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, SAMPLEFORMAT, TiffPage

from colorizer.errors import UnreadablePhotographError

COLOR_CHANNELS: dict[int, int] = {
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.SEPARATED: 4,
    PHOTOMETRIC.YCBCR: 3,
}  # CIELAB is not read: programs disagree about its white point
GRAYS = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK)
ALPHAS = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)
MAX_CHANNELS = 8
DNG_VERSION_TAG, INK_SET_TAG = 50706, 332
CMYK_INKS = 1
REMEDY = "save it as 8- or 16-bit RGB without compression"

# What tifffile decodes without further libraries.
TIFFFILE_BITS = (1, 8, 16, 32)
TIFFFILE_COMPRESSIONS = (
    COMPRESSION.NONE,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.DEFLATE,
    COMPRESSION.LZMA,
    COMPRESSION.PACKBITS,
)
# What Pillow decodes right: these bit depths with these compressions, and JPEG and fax images.
PILLOW_BITS: dict[int, tuple[int, ...]] = {
    PHOTOMETRIC.MINISWHITE: (1, 2, 4, 8),
    PHOTOMETRIC.MINISBLACK: (1, 2, 4, 8, 12, 16),
    PHOTOMETRIC.PALETTE: (1, 2, 4, 8),
    PHOTOMETRIC.RGB: (8, 16),
    PHOTOMETRIC.SEPARATED: (8, 16),
}
PILLOW_COMPRESSIONS = (*TIFFFILE_COMPRESSIONS, COMPRESSION.LZW, COMPRESSION.ZSTD)
FAX_COMPRESSIONS = (COMPRESSION.CCITTRLE, COMPRESSION.CCITT_T4, COMPRESSION.CCITT_T6)
JPEG_PHOTOMETRICS = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)


def is_decoded_by_tifffile(page: TiffPage) -> bool:
    """Return whether tifffile decodes the samples without further libraries."""
    return (
        page.compression in TIFFFILE_COMPRESSIONS
        and page.bitspersample in TIFFFILE_BITS
        and page.photometric != PHOTOMETRIC.YCBCR
    )


def is_decoded_by_pillow(page: TiffPage) -> bool:
    """Return whether Pillow decodes files of this layout correctly."""
    photometric, bits = page.photometric, page.bitspersample
    if count_extra_channels(page) > (alpha_kind(page) is not None):
        return False
    if page.compression in PILLOW_COMPRESSIONS:
        return bits in PILLOW_BITS.get(photometric, ())
    if page.compression in FAX_COMPRESSIONS:
        return bits == 1 and photometric in GRAYS
    is_jpeg = page.compression == COMPRESSION.JPEG
    return is_jpeg and bits == 8 and photometric in JPEG_PHOTOMETRICS


def require_photograph(page: TiffPage) -> None:
    """Raise UnreadablePhotographError unless the page can be a photograph."""
    if page.is_reduced or DNG_VERSION_TAG in page.tags:
        raise UnreadablePhotographError("a camera raw file; develop it and save it as TIFF")
    if page.sampleformat == SAMPLEFORMAT.IEEEFP:
        raise UnreadablePhotographError(
            "floating-point pixels; save the image with 8 or 16 bits per channel"
        )
    if (
        page.photometric not in COLOR_CHANNELS
        or page.sampleformat not in (SAMPLEFORMAT.UINT, SAMPLEFORMAT.VOID)
        or not 0 <= count_extra_channels(page) <= MAX_CHANNELS
        or (page.photometric == PHOTOMETRIC.SEPARATED and _has_other_inks(page))
        or (alpha_kind(page) is not None and not _is_alpha_understood(page))
    ):
        raise unsupported_layout(page)


def require_complete(page: TiffPage, file_bytes: int) -> None:
    """Raise UnreadablePhotographError unless every strip or tile is in the file."""
    expected = math.prod(page.chunked)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))[:expected]
    if len(segments) < expected or not all(
        count and offset + count <= file_bytes for offset, count in segments
    ):
        raise UnreadablePhotographError("truncated TIFF file")


def alpha_kind(page: TiffPage) -> int | None:
    """Return the kind of alpha that follows the color channels, one of ALPHAS, or None."""
    kind = next(iter(page.extrasamples), None)
    return kind if kind in ALPHAS and count_extra_channels(page) else None


def count_extra_channels(page: TiffPage) -> int:
    """Return the number of channels in addition to the colors."""
    return page.samplesperpixel - COLOR_CHANNELS[page.photometric]


def unsupported_layout(page: TiffPage) -> UnreadablePhotographError:
    """Return the error that names the layout."""
    kind = f"{page.bitspersample}-bit {_name(page.photometric)}"
    if page.extrasamples:
        kind += f" with {' and '.join(_name(extra) for extra in page.extrasamples)}"
    if page.sampleformat != SAMPLEFORMAT.UINT:
        kind += f" of format {_name(page.sampleformat)}"
    return UnreadablePhotographError(
        f"unsupported TIFF ({kind}, compression {_name(page.compression)}); {REMEDY}"
    )


def _has_other_inks(page: TiffPage) -> bool:
    return bool(page.tags.valueof(INK_SET_TAG, CMYK_INKS) != CMYK_INKS)


def _is_alpha_understood(page: TiffPage) -> bool:
    """Return False for combinations about which programs disagree."""
    if page.photometric == PHOTOMETRIC.SEPARATED or page.bitspersample == 1:
        return False
    return (page.photometric, alpha_kind(page)) != (
        PHOTOMETRIC.MINISWHITE,
        EXTRASAMPLE.ASSOCALPHA,
    )


def _name(value: int) -> str:
    return str(getattr(value, "name", value))
