"""Read stimulus files: ordinary images are converted to 8-bit sRGB, all others are refused.

PNG, JPEG and WebP files with 8 bits are turned upright as EXIF says and converted from their ICC
profile. What could look different from what its author saw is refused by name: 16 bits, CMYK,
transparency, animations, and tones or primaries that PNG chunks state.
"""

import io
import math
import struct
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from study_server.stimuli.png import PNG_SIGNATURE, Pixels

IMAGE_SUFFIXES = frozenset((".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"))
FORMATS = ("PNG", "JPEG", "WEBP")
FORMAT_NAMES = {"PNG": "PNG", "JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WebP"}
SAVE_REMEDY = "save it as 8-bit RGB PNG in sRGB, without transparency"
MAX_PIXELS = 4096 * 4096  # a file of a few bytes can claim gigabytes of pixels
MAX_FILE_BYTES = 4 * MAX_PIXELS
BIT_DEPTH_OFFSET = 24  # where a PNG's header has the bits per channel
CONVERTIBLE_MODES = {"1": "gray", "L": "gray", "P": "a palette"}
TRANSPOSED_ORIENTATIONS = range(5, 9)  # width and height are exchanged
# The chunks of a PNG that state sRGB; gamma and chromaticities are in 1 / 100,000.
SRGB_CICP = bytes((1, 13, 0, 1))
SRGB_GAMMA, MAX_GAMMA_DIFFERENCE = 45455, 500
SRGB_CHROMATICITIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
MAX_CHROMATICITY_DIFFERENCE = 200
MAX_ROUNDING = 1  # of 255; a profile that changes colors by no more is sRGB's


class InvalidImageError(ValueError):
    """The file is no image that can be shown as it is meant. The message says what it is."""


class ImageFacts(NamedTuple):
    """The size of the upright image, the format of its file, and its conversions.

    conversions: what is done to make it 8-bit RGB in sRGB; empty for a file that is that already.
    """

    width: int
    height: int
    format: str  # one of FORMAT_NAMES' values
    conversions: tuple[str, ...]


class DecodedImage(NamedTuple):
    """The pixels of a file, 8-bit RGB in sRGB, and the facts about the file."""

    pixels: Pixels
    facts: ImageFacts


def read_image_file(path: Path) -> bytes:
    """Read a file after checking its type and size; raises InvalidImageError or OSError."""
    file_status = path.stat()
    if not S_ISREG(file_status.st_mode):
        raise InvalidImageError("is not a regular file")
    if file_status.st_size > MAX_FILE_BYTES:
        raise InvalidImageError(f"has {file_status.st_size:,} bytes (at most {MAX_FILE_BYTES:,})")
    return path.read_bytes()


def inspect_image(content: bytes) -> ImageFacts:
    """Return the facts about a file; raises InvalidImageError."""
    with _open(content) as image:
        return _inspect(image, content)


def decode_image(content: bytes) -> DecodedImage:
    """Return the pixels of a file, upright and in sRGB; raises InvalidImageError."""
    with _open(content) as image:
        facts, profile = _inspect(image, content), _find_profile(image, content)
        try:
            upright = ImageOps.exif_transpose(image)
            converted = _convert_profile(upright, profile).convert("RGB")
            return DecodedImage(np.asarray(converted), facts)
        except Exception as error:  # on damaged files, decoders raise exceptions of any kind
            raise InvalidImageError(f"is a damaged {_format_name(image)}") from error


def count_conversions(files: Iterable[ImageFacts]) -> Counter[str]:
    """Count the files by kind of conversion; a file with two kinds is counted twice."""
    return Counter(step for facts in files for step in facts.conversions)


def describe_conversions(conversions: Counter[str]) -> str:
    """Return the counts as text, such as `12 from JPEG, 3 turned upright`."""
    return ", ".join(f"{count} {step}" for step, count in conversions.most_common())


def _open(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImageError("has more pixels than 4096 x 4096") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InvalidImageError("is not a readable PNG, JPEG or WebP") from error
    if math.prod(image.size) > MAX_PIXELS:
        raise InvalidImageError("has more pixels than 4096 x 4096")
    return image


def _inspect(image: Image.Image, content: bytes) -> ImageFacts:
    name = _format_name(image)
    _require_8_bits(image, content)
    if image.has_transparency_data:
        raise InvalidImageError(f"is a {name} with transparency")
    if name != "JPEG" and getattr(image, "is_animated", False):
        raise InvalidImageError(f"is an animated {name}")
    if image.mode != "RGB" and image.mode not in CONVERTIBLE_MODES:
        raise InvalidImageError(f"is a {name} with mode {image.mode}")
    profile = _find_profile(image, content)
    orientation = _read_orientation(image)
    steps = {
        f"from {name}": name != "PNG",
        f"from {CONVERTIBLE_MODES.get(image.mode, '')}": image.mode != "RGB",
        "turned upright": orientation in range(2, 9),
        "from an ICC profile": profile is not None
        and _find_transform(profile, _profile_mode(image, profile)) is not None,
    }
    width, height = image.size
    if orientation in TRANSPOSED_ORIENTATIONS:
        width, height = height, width
    return ImageFacts(width, height, name, tuple(step for step, needed in steps.items() if needed))


def _format_name(image: Image.Image) -> str:
    return FORMAT_NAMES[image.format or ""]


def _require_8_bits(image: Image.Image, content: bytes) -> None:
    """Raise InvalidImageError for PNGs of 16 bits, which Pillow silently reduces to 8."""
    if content.startswith(PNG_SIGNATURE) and content[BIT_DEPTH_OFFSET] > 8:
        raise InvalidImageError(
            f"is a PNG with mode {image.mode} and {content[BIT_DEPTH_OFFSET]} bits per channel"
        )


def _read_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception as error:  # on damaged files, decoders raise exceptions of any kind
        raise InvalidImageError(f"is a damaged {_format_name(image)}") from error


def _find_profile(image: Image.Image, content: bytes) -> bytes | None:
    """Return the ICC profile, or None for sRGB.

    Of the chunks of a PNG that state its colors, the first of cICP, iCCP, sRGB, and gAMA with cHRM
    counts. Raises InvalidImageError if they state another color space than sRGB.
    """
    profile: bytes | None = image.info.get("icc_profile")
    if image.format != "PNG":
        return profile
    chunks = _read_color_chunks(content)
    if b"cICP" in chunks:
        if chunks[b"cICP"] != SRGB_CICP:
            raise InvalidImageError("is a PNG with a color space other than sRGB (cICP)")
        return None
    if profile is None and b"sRGB" not in chunks:
        _require_srgb_gamma(chunks)
    return profile


def _read_color_chunks(content: bytes) -> dict[bytes, bytes]:
    """Return the small chunks of a PNG before its pixels."""
    chunks: dict[bytes, bytes] = {}
    at = len(PNG_SIGNATURE)
    while at + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        if name == b"IDAT":
            break
        if length <= 32:
            chunks.setdefault(name, content[at + 8 : at + 8 + length])
        at += length + 12
    return chunks


def _require_srgb_gamma(chunks: dict[bytes, bytes]) -> None:
    """Raise InvalidImageError if gAMA or cHRM state other values than sRGB's."""
    gamma, chromaticities = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    if len(gamma) == 4:
        (value,) = struct.unpack(">I", gamma)
        if value and abs(value - SRGB_GAMMA) > MAX_GAMMA_DIFFERENCE:
            raise InvalidImageError(f"is a PNG with a gamma of {value / 100_000:g} (gAMA)")
    if len(chromaticities) == 32:
        values = struct.unpack(">8I", chromaticities)
        differences = (abs(a - b) for a, b in zip(values, SRGB_CHROMATICITIES, strict=True))
        if max(differences) > MAX_CHROMATICITY_DIFFERENCE:
            raise InvalidImageError("is a PNG with primaries other than those of sRGB (cHRM)")


def _convert_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an image from its ICC profile to sRGB; with sRGB's own profile nothing changes."""
    if profile is None:
        return image
    mode = _profile_mode(image, profile)
    transform = _find_transform(profile, mode)
    return image if transform is None else transform.apply(image.convert(mode))


def _profile_mode(image: Image.Image, profile: bytes) -> str:
    """Return the mode in which a profile applies to an image; raises InvalidImageError."""
    color_model = _read_color_model(profile)
    if color_model == "GRAY" and image.mode in ("1", "L"):
        return "L"
    if color_model == "RGB ":
        return "RGB"
    raise InvalidImageError("has an ICC profile for a different color model")


def _read_color_model(profile: bytes) -> str:
    try:
        return str(ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space)
    except (ImageCms.PyCMSError, OSError) as error:
        raise InvalidImageError("has a damaged ICC profile") from error


@lru_cache(maxsize=16)  # the images of a study usually share a profile
def _find_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from a profile to sRGB, or None if it only rounds.

    Raises InvalidImageError if the profile cannot be used.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError) as error:
        raise InvalidImageError("has a damaged ICC profile") from error
    before = _sample_colors(mode)
    after = ImageCms.applyTransform(before, transform)
    change = np.asarray(after, int) - np.asarray(before.convert("RGB"), int)
    return None if np.abs(change).max() <= MAX_ROUNDING else transform


def _sample_colors(mode: str) -> Image.Image:
    """Return an image of many colors: all grays, or 17 levels of each channel."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    levels = np.linspace(0, 255, 17).round().astype(np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), axis=-1)
    return Image.fromarray(colors.reshape(17, -1, 3))
