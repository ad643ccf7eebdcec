import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Transpose

from colorizer.errors import UnreadablePhotographError
from colorizer.photos.folders import find_photographs
from colorizer.photos.reading import (
    EXIF_TRANSPOSES,
    center_square,
    map_ahead,
    read_photograph,
    read_square,
    read_squares,
)
from tests.colorizer.pictures import draw, truncate, write_pictures
from tests.reference.image_files import P3, build_profile

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes")


def pixel(path: Path) -> list[int]:
    """Read a photograph and return its middle pixel."""
    image = read_photograph(path)
    assert image.mode == "RGB"
    middle: list[int] = np.asarray(image)[image.height // 2, image.width // 2].tolist()
    return middle


# Rows X, Y, Z of the primaries under D50, from the published profiles
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
ADOBE = ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457))


def to_srgb(color: Sequence[int], primaries: Sequence[Sequence[float]], gamma: float) -> list[int]:
    """Convert a color to sRGB by the definition: linear, XYZ, linear sRGB, sRGB."""
    source_linear = (np.array(color) / 255) ** gamma
    linear = np.linalg.solve(np.array(SRGB), np.array(primaries) @ source_linear).clip(0, 1)
    curved = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return [round(value) for value in curved * 255]


@pytest.mark.parametrize(
    ("primaries", "gamma"), [(ADOBE, 563 / 256), (P3, 2.2)], ids=["Adobe RGB", "Display P3"]
)
def test_a_wide_gamut_photograph_is_converted_to_srgb(
    primaries: Sequence[Sequence[float]], gamma: float, tmp_path: Path
) -> None:
    path = tmp_path / "wide.jpg"
    for color in ((160, 120, 90), (90, 140, 110), (120, 110, 170)):
        image = Image.new("RGB", (16, 16), color)
        image.save(path, icc_profile=build_profile(primaries, gamma), quality=100, subsampling=0)
        expected = to_srgb(color, primaries, gamma)
        assert pixel(path) == pytest.approx(expected, abs=2)
        assert (
            max(abs(a - b) for a, b in zip(expected, color, strict=True)) > 4
        )  # the conversion matters


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_and_dropped(
    orientation: int, suffix: str, tmp_path: Path
) -> None:
    path, exif = tmp_path / f"turned{suffix}", Image.Exif()
    exif[0x0112] = orientation
    upright = Image.fromarray(draw(0)).crop((0, 0, 96, 64))
    undone = {6: Transpose.ROTATE_90, 8: Transpose.ROTATE_270}
    # All other transpositions are their own inverse.
    turn = undone.get(orientation, EXIF_TRANSPOSES.get(orientation))
    stored = upright if turn is None else upright.transpose(turn)
    stored.save(path, exif=exif, quality=95)
    read = read_photograph(path)
    assert read.size == (96, 64)
    assert np.abs(np.asarray(read, float) - np.asarray(upright, float)).mean() < 3
    assert not read.info
    assert not read.getexif()


def test_a_photograph_with_damaged_exif_is_read_as_stored(tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    Image.new("RGB", (16, 16), (1, 2, 3)).save(path, exif=b"Exif\0\0no tags at all")
    assert pixel(path) == [1, 2, 3]


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ((200, 30, 30), (30, 200, 30))]
    for suffix in (".gif", ".png", ".webp"):
        path = tmp_path / f"moving{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
        assert pixel(path) == pytest.approx([200, 30, 30], abs=1)


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 2)])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_one_pixel_and_very_narrow_images_are_read(
    size: tuple[int, int], suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"ribbon{suffix}"
    Image.new("RGB", size, (200, 30, 30)).save(path, quality=95)
    assert read_photograph(path, side=256).size == size
    square = read_square(path, 256)
    assert square.shape == (256, 256, 3)
    assert np.abs(square.astype(int) - (200, 30, 30)).max() <= 3


def test_a_large_jpeg_is_decoded_at_a_reduced_size(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    large = Image.fromarray(draw(0, side=1200))
    large.save(path, quality=95)
    assert read_photograph(path, side=128).size == (300, 300)
    quick = read_square(path, 128).astype(float)
    assert np.abs(quick - center_square(large, 128)).mean() < 2


def test_cmyk_is_converted_to_rgb(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=95)
    assert pixel(path) == pytest.approx([255, 0, 0], abs=4)


def test_a_damaged_profile_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "damaged.png"
    Image.new("RGB", (16, 16), (200, 30, 30)).save(path, icc_profile=b"no profile at all" * 10)
    assert pixel(path) == [200, 30, 30]


def test_transparency_is_blended_with_white(tmp_path: Path) -> None:
    path = tmp_path / "glass.png"
    Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(path)
    assert pixel(path) == [255, 255, 255]
    Image.new("LA", (16, 16), (0, 128)).save(path)
    assert pixel(path) == pytest.approx([127] * 3, abs=1)


def test_a_transparent_palette_is_blended_with_white(tmp_path: Path) -> None:
    path = tmp_path / "palette.gif"
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(path)
    assert pixel(path) == [10, 200, 30]
    image.save(path, transparency=1)
    assert pixel(path) == [255, 255, 255]


def test_16_bit_images_keep_their_brightness(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((16, 16), 200 * 257, np.uint16)).save(path)
    assert pixel(path) == [200, 200, 200]


def test_the_format_is_detected_by_content_not_by_suffix(tmp_path: Path) -> None:
    path = tmp_path / "really-a-png.JPEG"
    Image.new("RGB", (16, 16), (1, 2, 3)).save(path, "PNG")
    assert pixel(path) == [1, 2, 3]


def write_truncated(path: Path) -> None:
    Image.fromarray(draw(0)).save(path, "JPEG")
    truncate(path)


def write_text(path: Path) -> None:
    path.write_text("not an image")


def write_nothing(path: Path) -> None:
    path.touch()


def write_postscript(path: Path) -> None:
    """Write a file that Pillow would pass to Ghostscript, which would run it."""
    Image.new("RGB", (8, 8)).save(path, "EPS")


def write_pipe(path: Path) -> None:
    """Create a named pipe: opening it blocks until something is written."""
    os.mkfifo(path)


def write_loop(path: Path) -> None:
    path.symlink_to(path)


def write_bomb(path: Path) -> None:
    """Write a PNG of 400 megapixels in half a megabyte, to be refused before decoding."""
    Image.new("1", (20_000, 20_000)).save(path, "PNG")


def write_large(path: Path) -> None:
    """Write a PNG of 100 megapixels, for which Pillow only warns."""
    Image.new("1", (10_000, 10_000)).save(path, "PNG")


def write_float(path: Path) -> None:
    Image.fromarray(np.ones((8, 8), np.float32)).save(path, "TIFF")


@pytest.mark.slow(0.7)
@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (write_truncated, "truncated"),
        (write_text, r"not an image in a supported format \(AVIF"),
        (write_nothing, "the file is empty"),
        (write_postscript, "not an image in a supported format"),
        pytest.param(write_pipe, "not a regular file", marks=POSIX),
        pytest.param(write_loop, "Too many levels of symbolic links", marks=POSIX),
        (write_bomb, "more than 89478485 pixels"),
        (write_large, "more than 89478485 pixels"),
        (write_float, "floating-point"),
    ],
)
def test_an_unreadable_file_is_refused_with_its_reason(
    write: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "photograph"
    write(path)
    with pytest.raises(UnreadablePhotographError, match=reason):
        read_photograph(path)


def test_a_file_without_read_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path, 1)

    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(Path, "open", refuse)  # real permissions do not apply to root
    with pytest.raises(UnreadablePhotographError, match="Permission denied"):
        read_photograph(tmp_path / "00.jpg")


def test_a_refused_file_does_not_stop_the_others(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    truncate(tmp_path / "01.jpg")
    results = [square for _, square in read_squares(find_photographs(tmp_path), 32)]
    assert isinstance(results[1], UnreadablePhotographError)
    assert [r.shape for r in (results[0], results[2]) if not isinstance(r, Exception)] == [
        (32, 32, 3)
    ] * 2


def test_center_square_is_the_middle_of_the_photograph() -> None:
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (110, 0, 190, 100))
    square = center_square(wide, 50)
    assert square[:, 9:41].tolist() == np.full((50, 32, 3), (0, 0, 255)).tolist()
    assert square[0, 0].tolist() == [255, 0, 0]


def test_center_square_works_on_a_strip_one_pixel_high() -> None:
    assert center_square(Image.new("RGB", (50_000, 1)), 64).shape == (64, 64, 3)


def test_map_ahead_is_bounded_and_keeps_the_order() -> None:
    started: list[int] = []

    def work(number: int) -> int:
        started.append(number)
        return number * number

    results = map_ahead(work, range(1000))
    assert next(results) == (0, 0)
    assert len(started) < 30
    assert [square for _, square in results] == [n * n for n in range(1, 1000)]
