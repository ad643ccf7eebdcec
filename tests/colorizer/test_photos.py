import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorizer.photos import (
    UnreadablePhotograph,
    center_square,
    find_photographs,
    is_gray,
    read_ahead,
    read_photograph,
    read_squares,
)
from tests.colorizer.pictures import draw, truncate, write_pictures


def pixel(path: Path) -> list[int]:
    """The middle of a photograph, once read."""
    image = read_photograph(path)
    assert image.mode == "RGB"
    return list(np.asarray(image)[image.height // 2, image.width // 2])


def test_exif_orientation_is_applied_and_dropped(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    upright = Image.fromarray(draw(0)).crop((0, 0, 96, 64))
    upright.rotate(90, expand=True).save(path, exif=exif, quality=95)
    read = read_photograph(path)
    assert read.size == (96, 64)
    assert np.abs(np.asarray(read, float) - np.asarray(upright, float)).mean() < 3
    assert not read.info
    assert not read.getexif()


def test_cmyk_comes_out_as_rgb(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path, quality=95)
    assert pixel(path) == pytest.approx([255, 0, 0], abs=4)


def test_an_embedded_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = swap_primaries(srgb)
    path, plain = tmp_path / "swapped.png", tmp_path / "plain.png"
    Image.new("RGB", (16, 16), (200, 30, 30)).save(path, icc_profile=swapped)
    Image.new("RGB", (16, 16), (200, 30, 30)).save(plain, icc_profile=srgb)
    assert pixel(plain) == pytest.approx([200, 30, 30], abs=1)
    assert pixel(path) == pytest.approx([30, 30, 200], abs=2)


def swap_primaries(profile: bytes) -> bytes:
    """An sRGB profile whose red and blue primaries have changed places."""
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    changed = bytearray(profile)
    changed[red : red + 4], changed[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(changed)


def test_a_damaged_profile_does_not_cost_the_photograph(tmp_path: Path) -> None:
    path = tmp_path / "damaged.png"
    Image.new("RGB", (16, 16), (200, 30, 30)).save(path, icc_profile=b"no profile at all" * 10)
    assert pixel(path) == [200, 30, 30]


def test_what_is_transparent_lies_over_white(tmp_path: Path) -> None:
    path = tmp_path / "glass.png"
    Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(path)
    assert pixel(path) == [255, 255, 255]
    Image.new("LA", (16, 16), (0, 128)).save(path)
    assert pixel(path) == pytest.approx([127] * 3, abs=1)


def test_a_transparent_palette_lies_over_white(tmp_path: Path) -> None:
    path = tmp_path / "palette.gif"
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(path)
    assert pixel(path) == [10, 200, 30]
    image.save(path, transparency=1)
    assert pixel(path) == [255, 255, 255]


def test_16_bits_keep_their_brightness(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.full((16, 16), 200 * 257, np.uint16)).save(path)
    assert pixel(path) == [200, 200, 200]


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
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
    """Pillow would hand it to Ghostscript, which runs it."""
    Image.new("RGB", (8, 8)).save(path, "EPS")


def write_pipe(path: Path) -> None:
    """Whoever opens it waits for someone to write."""
    os.mkfifo(path)


def write_loop(path: Path) -> None:
    path.symlink_to(path)


def write_bomb(path: Path) -> None:
    """A PNG of 400 megapixels in half a megabyte: refused by its header, not by decoding."""
    Image.new("1", (20_000, 20_000)).save(path, "PNG")


def write_large(path: Path) -> None:
    """Of 100 megapixels Pillow would only warn."""
    Image.new("1", (10_000, 10_000)).save(path, "PNG")


def write_float(path: Path) -> None:
    Image.fromarray(np.ones((8, 8), np.float32)).save(path, "TIFF")


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (write_truncated, "truncated"),
        (write_text, "no image of these formats: AVIF"),
        (write_nothing, "the file is empty"),
        (write_postscript, "no image of these formats"),
        (write_pipe, "not a regular file"),
        (write_loop, "Too many levels of symbolic links"),
        (write_bomb, "too many pixels"),
        (write_large, "too many pixels"),
        (write_float, "floating-point"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(
    write: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "photograph"
    write(path)
    with pytest.raises(UnreadablePhotograph, match=reason):
        read_photograph(path)


def test_a_refused_file_does_not_stop_the_others(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    truncate(tmp_path / "01.jpg")
    results = [square for _, square in read_squares(find_photographs(tmp_path), 32)]
    assert isinstance(results[1], UnreadablePhotograph)
    assert [r.shape for r in (results[0], results[2]) if not isinstance(r, Exception)] == [
        (32, 32, 3)
    ] * 2


def test_the_square_is_the_middle_of_the_photograph() -> None:
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (110, 0, 190, 100))
    square = center_square(wide, 50)
    assert square[:, 9:41].tolist() == np.full((50, 32, 3), (0, 0, 255)).tolist()
    assert square[0, 0].tolist() == [255, 0, 0]


def test_a_strip_of_one_pixel_makes_a_square_too() -> None:
    assert center_square(Image.new("RGB", (50_000, 1)), 64).shape == (64, 64, 3)


def test_hidden_files_and_other_files_are_no_photographs(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/c.png", "._b.jpg", ".cache/d.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_photographs(tmp_path)]
    assert found == ["a/c.png", "b.JPG"]


@pytest.mark.parametrize(
    ("color", "gray"), [((120, 120, 120), True), ((126, 120, 118), True), ((140, 110, 110), False)]
)
def test_gray_is_what_has_no_color_above_5(color: tuple[int, int, int], gray: bool) -> None:
    assert is_gray(np.full((16, 16, 3), color, np.uint8)) is gray


def test_reading_ahead_is_bounded_and_keeps_the_order() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return number * number

    results = read_ahead(work, range(1000))
    assert next(results) == (0, 0)
    assert len(begun) < 30
    assert [square for _, square in results] == [n * n for n in range(1, 1000)]
