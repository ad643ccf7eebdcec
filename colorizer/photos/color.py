"""Convert the colors of decoded photographs to sRGB: ICC profiles, tone curves and primaries."""

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from colorizer.errors import UnreadablePhotographError

Floats = NDArray[np.float64]
# Transfer functions that differ from sRGB's by less than this exponent count as sRGB's: cameras and
# programs write 1 / 2.2 where they mean sRGB.
SRGB_GAMMA, MAX_GAMMA_DIFFERENCE = 0.45455, 0.005
MAX_CHROMATICITY_DIFFERENCE = 0.002
LINEAR_STEPS = 65535  # linear light is rounded to this many steps before it is encoded
ROWS_PER_CHUNK = 64  # rows that are converted at once; limits the memory
# In 8 bits, neighboring values of the source may become values this far apart in sRGB. A linear
# encoding has steps of 13 in the shadows, which 16 bits would have resolved.
MAX_REDUCED_STEP = 6


class Chromaticities(NamedTuple):
    """CIE 1931 x and y of the primaries and of white."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float]


D65, DCI_WHITE = (0.3127, 0.3290), (0.314, 0.351)
SRGB_CHROMATICITIES = Chromaticities((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
P3_PRIMARIES = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
# Code points of ITU-T H.273 that still images use; others are refused.
CICP_CHROMATICITIES = {
    1: SRGB_CHROMATICITIES,
    5: Chromaticities((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: Chromaticities((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: Chromaticities((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: Chromaticities(*P3_PRIMARIES, DCI_WHITE),
    12: Chromaticities(*P3_PRIMARIES, D65),
}
CICP_GAMMAS = {4: 1 / 2.2, 5: 1 / 2.8, 8: 1.0, 13: SRGB_GAMMA}
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
UNSPECIFIED = 2  # the code point of an unknown color space; sRGB is assumed


class ColorSpace(NamedTuple):
    """An RGB color space.

    gamma: the exponent that encodes linear light, as in PNG's gAMA chunk; SRGB_GAMMA stands for
    sRGB's own curve.
    """

    gamma: float
    chromaticities: Chromaticities


class SourceColors(NamedTuple):
    """The color encoding that a file states; without a statement, sRGB is assumed.

    profile: an ICC profile. space: an RGB color space other than sRGB, if there is no profile.
    bits: per channel in the file.
    """

    profile: bytes | None = None
    space: ColorSpace | None = None
    bits: int = 8


def convert_to_srgb(image: Image.Image, colors: SourceColors) -> Image.Image:
    """Convert an image without alpha, 8 bits per channel, to RGB of sRGB."""
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    converted = None
    if colors.profile:
        converted = convert_profile(image, colors.profile, colors.bits)
    elif colors.space and image.mode != "CMYK":
        converted = convert_color_space(image, colors.space)
    return (image if converted is None else converted).convert("RGB")


def cicp_color_space(primaries: int, transfer: int) -> ColorSpace:
    """Return the color space of two code points of ITU-T H.273 (CICP).

    Raises UnreadablePhotographError for high dynamic range and for rare code points.
    """
    if transfer in HDR_TRANSFERS:
        raise UnreadablePhotographError(
            f"high dynamic range ({HDR_TRANSFERS[transfer]}); save the image as 8-bit sRGB"
        )
    if primaries not in CICP_CHROMATICITIES or transfer not in CICP_GAMMAS:
        raise UnreadablePhotographError(
            f"unsupported color space (CICP {primaries}, {transfer}); save the image as sRGB"
        )
    return ColorSpace(CICP_GAMMAS[transfer], CICP_CHROMATICITIES[primaries])


def is_srgb(space: ColorSpace) -> bool:
    """Return whether a color space is sRGB, within the rounding of usual files."""
    return _has_srgb_gamma(space) and _has_srgb_chromaticities(space)


def convert_color_space(image: Image.Image, space: ColorSpace) -> Image.Image:
    """Convert an image of mode L or RGB, 8 bits, from an RGB color space to sRGB."""
    linear = decode_tones(np.arange(256) / 255, space)
    if image.mode == "L" or _has_srgb_chromaticities(space):
        return image.point(encode_srgb(linear).tolist() * len(image.getbands()))
    matrix = srgb_matrix(space.chromaticities)
    pixels = np.asarray(image)
    converted = np.empty_like(pixels)
    for top in range(0, len(pixels), ROWS_PER_CHUNK):
        rows = linear[pixels[top : top + ROWS_PER_CHUNK]]
        converted[top : top + ROWS_PER_CHUNK] = encode_srgb(rows @ matrix.T)
    return Image.fromarray(converted)


def convert_profile(image: Image.Image, profile: bytes, source_bits: int = 8) -> Image.Image | None:
    """Convert an image of mode L, RGB or CMYK from its ICC profile to RGB of sRGB.

    Returns None if the profile is damaged or of another color model; like browsers, the caller
    ignores it. source_bits: of the file, from which the image was reduced to 8. Raises
    UnreadablePhotographError if too much was lost in this reduction.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        image = _match_profile(image, source.profile.xcolor_space)
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), image.mode, "RGB"
        )
        if source_bits > 8:
            _require_small_steps(transform, image.mode)
        return ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError):
        return None


def _match_profile(image: Image.Image, color_model: str) -> Image.Image:
    """Return the image in the color model of a profile, if only its mode is another."""
    if image.mode == "L" and color_model == "RGB ":
        return image.convert("RGB")
    if image.mode == "RGB" and color_model == "GRAY":
        red, green, blue = (image.getchannel(band).tobytes() for band in "RGB")
        if red == green == blue:  # Pillow decodes 16-bit gray with alpha to RGBA
            return image.getchannel("R")
    return image


def decode_tones(values: Floats, space: ColorSpace) -> Floats:
    """Return the linear light, in [0, 1], of encoded values in [0, 1]."""
    if _has_srgb_gamma(space):
        return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return values ** (1 / space.gamma)


def encode_srgb(linear: Floats) -> NDArray[np.uint8]:
    """Return the 8-bit sRGB values of linear light; values outside [0, 1] are clipped."""
    steps = (linear.clip(0, 1) * LINEAR_STEPS).round().astype(np.uint16)
    return _SRGB_OF_STEP[steps]


def srgb_matrix(chromaticities: Chromaticities) -> Floats:
    """Return the matrix (3, 3) from linear RGB with these chromaticities to linear sRGB.

    White is adapted to D65 by the Bradford transform, as in ICC profiles.
    """
    bradford = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    source, target = (
        bradford @ _xyz_of(white) for white in (chromaticities.white, SRGB_CHROMATICITIES.white)
    )
    adaptation = np.linalg.inv(bradford) @ np.diag(target / source) @ bradford
    to_xyz, srgb_to_xyz = _xyz_matrix(chromaticities), _xyz_matrix(SRGB_CHROMATICITIES)
    matrix: Floats = np.linalg.inv(srgb_to_xyz) @ adaptation @ to_xyz
    return matrix


def _xyz_matrix(chromaticities: Chromaticities) -> Floats:
    columns = np.stack([_xyz_of(xy) for xy in chromaticities[:3]], axis=1)
    amounts = np.linalg.solve(columns, _xyz_of(chromaticities.white))
    matrix: Floats = columns * amounts
    return matrix


def _xyz_of(xy: tuple[float, float]) -> Floats:
    """Return X, Y, Z of chromaticities at Y = 1."""
    x, y = xy
    return np.array([x / y, 1, (1 - x - y) / y])


def _has_srgb_gamma(space: ColorSpace) -> bool:
    return abs(space.gamma - SRGB_GAMMA) <= MAX_GAMMA_DIFFERENCE


def _has_srgb_chromaticities(space: ColorSpace) -> bool:
    differences = np.subtract(space.chromaticities, SRGB_CHROMATICITIES)
    return bool(np.abs(differences).max() <= MAX_CHROMATICITY_DIFFERENCE)


def _require_small_steps(transform: ImageCms.ImageCmsTransform, mode: str) -> None:
    """Raise UnreadablePhotographError if a ramp from black to white becomes coarse."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None]).convert(mode)
    converted = np.asarray(ImageCms.applyTransform(ramp, transform), int)
    if np.abs(np.diff(converted, axis=1)).max() > MAX_REDUCED_STEP:
        raise UnreadablePhotographError(
            "16-bit image with linear tones in its ICC profile; convert it to sRGB first"
        )


def _srgb_of_steps() -> NDArray[np.uint8]:
    linear = np.arange(LINEAR_STEPS + 1) / LINEAR_STEPS
    encoded = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return (255 * encoded).round().astype(np.uint8)


_SRGB_OF_STEP = _srgb_of_steps()
