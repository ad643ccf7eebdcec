"""Stimulus files: what is converted, what is refused."""

import io
import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from study_server.stimuli.images import (
    InvalidImageError,
    count_conversions,
    decode_image,
    describe_conversions,
    inspect_image,
)
from study_server.stimuli.png import PNG_SIGNATURE
from tests.reference.image_files import (
    P3,
    PngCell,
    build_profile,
    build_profile_named,
    png_bytes,
    png_chunk,
)


def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def save(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def add_chunk(png: bytes, name: bytes, data: bytes) -> bytes:
    """Insert a chunk after the header."""
    at = len(PNG_SIGNATURE) + 25
    return png[:at] + png_chunk(name, data) + png[at:]


NOISE = Image.fromarray(noise())
PLAIN = save(NOISE)
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3_CHROMATICITIES = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SRGB_CHROMATICITIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def gamma(value: int) -> bytes:
    return add_chunk(PLAIN, b"gAMA", struct.pack(">I", value))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        add_chunk(PLAIN, b"sRGB", b"\0"),
        gamma(45455),
        gamma(45460),
        add_chunk(gamma(45455), b"cHRM", struct.pack(">8I", *SRGB_CHROMATICITIES)),
        add_chunk(gamma(100_000), b"sRGB", b"\0"),
        add_chunk(gamma(100_000), b"cICP", bytes((1, 13, 0, 1))),
        save(NOISE, icc_profile=SRGB_PROFILE),
        save(NOISE, "PNG", exif=Image.Exif()),
    ],
    ids=["plain", "sRGB", "gAMA", "gAMA-rounded", "cHRM", "sRGB-wins", "cICP-wins", "ICC", "EXIF"],
)
def test_srgb_pngs_keep_every_pixel(content: bytes) -> None:
    assert inspect_image(content) == (64, 48, "PNG", ())
    assert (decode_image(content).pixels == noise()).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = Image.new("RGB", (64, 48), (20, 40, 200))
    stored.paste((220, 60, 30), (0, 0, 24, 16))  # a corner
    content = save(stored, kind, exif=exif, quality=95)
    corner = {
        1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)
    }[orientation]  # fmt: skip
    decoded = decode_image(content)
    height, width, _ = decoded.pixels.shape
    assert (width, height) == ((64, 48) if orientation < 5 else (48, 64))
    assert decoded.facts[:2] == (width, height) == inspect_image(content)[:2]
    row, column = 4 + corner[0] * (height - 9), 4 + corner[1] * (width - 9)
    assert decoded.pixels[row, column].tolist() == pytest.approx([220, 60, 30], abs=8)
    assert ("turned upright" in decoded.facts.conversions) is (orientation > 1)


def test_profiles_are_converted_to_srgb() -> None:
    p3 = build_profile(P3, gamma=None)
    color = Image.new("RGB", (16, 16), (160, 120, 90))
    for kind in ("PNG", "JPEG", "WEBP"):
        decoded = decode_image(save(color, kind, icc_profile=p3, quality=95))
        assert decoded.pixels[8, 8].tolist() == pytest.approx([166, 118, 84], abs=3)
        assert "from an ICC profile" in decoded.facts.conversions


def test_gray_images_and_palettes_become_rgb() -> None:
    gray = Image.new("L", (16, 16), 100)
    assert decode_image(save(gray)).pixels[8, 8].tolist() == [100] * 3
    # By the definition: linear with gamma 1.8, then the curve of sRGB
    linear = (100 / 255) ** 1.8
    expected = round(255 * (1.055 * linear ** (1 / 2.4) - 0.055))
    profile = build_profile_named("gray")
    for kind in ("PNG", "JPEG"):
        decoded = decode_image(save(gray, kind, icc_profile=profile))
        assert decoded.pixels[8, 8].tolist() == pytest.approx([expected] * 3, abs=1)
        assert decoded.facts.conversions[-2:] == ("from gray", "from an ICC profile")
    palette = NOISE.quantize(16)
    decoded = decode_image(save(palette))
    assert (decoded.pixels == np.asarray(palette.convert("RGB"))).all()
    assert decoded.facts.conversions == ("from a palette",)
    assert decode_image(save(gray.convert("1"))).facts.conversions == ("from gray",)


def test_conversions_are_counted() -> None:
    files = [inspect_image(save(NOISE, kind)) for kind in ("JPEG", "JPEG", "WEBP", "PNG")]
    assert describe_conversions(count_conversions(files)) == "2 from JPEG, 1 from WebP"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (save(Image.new("RGBA", (8, 8))), "is a PNG with transparency"),
        (save(Image.new("LA", (8, 8))), "is a PNG with transparency"),
        (save(Image.new("RGB", (8, 8)), transparency=(0, 0, 0)), "is a PNG with transparency"),
        (save(Image.new("P", (8, 8)), transparency=0), "is a PNG with transparency"),
        (save(Image.new("RGBA", (8, 8)), "WEBP"), "is a WebP with transparency"),
        (save(Image.new("I;16", (8, 8))), "is a PNG with mode I;16 and 16 bits per channel"),
        (png_bytes(PngCell(2, 16)), "is a PNG with mode RGB and 16 bits per channel"),
        (save(Image.new("CMYK", (8, 8)), "JPEG"), "is a JPEG with mode CMYK"),
        (gamma(100_000), r"is a PNG with a gamma of 1 \(gAMA\)"),
        (gamma(55_556), r"is a PNG with a gamma of 0.55556 \(gAMA\)"),
        (
            add_chunk(gamma(45455), b"cHRM", struct.pack(">8I", *P3_CHROMATICITIES)),
            "is a PNG with primaries other than those of sRGB",
        ),
        (add_chunk(PLAIN, b"cICP", bytes((12, 13, 0, 1))), "with a color space other than sRGB"),
        (add_chunk(PLAIN, b"cICP", bytes((1, 13, 0, 0))), "with a color space other than sRGB"),
        (save(NOISE, icc_profile=b"no profile" * 20), "has a damaged ICC profile"),
        (
            save(NOISE, icc_profile=build_profile_named("gray")),
            "ICC profile for a different color model",
        ),
        (save(NOISE, "PNG", save_all=True, append_images=[NOISE.rotate(90)]), "an animated PNG"),
        (save(NOISE, "WEBP", save_all=True, append_images=[NOISE.rotate(180)]), "an animated WebP"),
        (save(NOISE, "TIFF"), "is not a readable PNG, JPEG or WebP"),
        (save(NOISE, "GIF"), "is not a readable PNG, JPEG or WebP"),
        (b"not a picture", "is not a readable PNG"),
        (b"", "is not a readable PNG"),
        (PNG_SIGNATURE, "is not a readable PNG"),
    ],
)
def test_other_files_are_refused(content: bytes, reason: str) -> None:
    for read in (decode_image, inspect_image):
        with pytest.raises(InvalidImageError, match=reason):
            read(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_that_was_cut_short_is_refused(kind: str) -> None:
    content = save(NOISE, kind)
    with pytest.raises(InvalidImageError, match=r"damaged|not a readable"):
        decode_image(content[: len(content) // 2])
