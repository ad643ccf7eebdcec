"""Colors of AVIF, HEIF, JPEG 2000 and BMP files."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from colorizer.errors import UnreadablePhotographError
from colorizer.photos.formats import readable_formats
from colorizer.photos.reading import read_photograph
from tests.reference.image_files import P3, build_profile

COLOR = (160, 120, 90)
# sRGB of COLOR in Display P3, by the definition: linear, XYZ, linear sRGB, sRGB
P3_COLOR_IN_SRGB = [166, 118, 84]


def encode(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    readable_formats()
    Image.new("RGB", (32, 32), COLOR).save(file, kind, **options)
    return file.getvalue()


def read_middle(path: Path) -> list[int]:
    middle: list[int] = np.asarray(read_photograph(path))[16, 16].tolist()
    return middle


def with_code_points(content: bytes, primaries: int, transfer: int) -> bytes:
    """Replace the CICP code points of an AVIF or HEIF file."""
    at = content.index(b"colrnclx") + 8
    return content[:at] + struct.pack(">HH", primaries, transfer) + content[at + 4 :]


@pytest.fixture(params=["AVIF", "HEIF"])
def container(request: pytest.FixtureRequest) -> bytes:
    if request.param not in readable_formats():
        pytest.skip(f"the installed libraries do not read {request.param}")
    return encode(request.param, quality=95)


@pytest.mark.parametrize("transfer", [1, 13])
def test_code_points_of_srgb_and_bt709_are_srgb(
    container: bytes, transfer: int, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_bytes(with_code_points(container, 1, transfer))
    assert read_middle(path) == pytest.approx(COLOR, abs=3)


def test_code_points_of_p3_are_converted(container: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(with_code_points(container, 12, 13))
    assert read_middle(path) == pytest.approx(P3_COLOR_IN_SRGB, abs=3)


@pytest.mark.parametrize(("primaries", "transfer"), [(9, 16), (9, 18)])
def test_high_dynamic_range_is_refused(
    container: bytes, primaries: int, transfer: int, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_bytes(with_code_points(container, primaries, transfer))
    with pytest.raises(UnreadablePhotographError, match="high dynamic range"):
        read_photograph(path)


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow is built without JPEG 2000")
def test_the_profile_of_a_jpeg_2000_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    content = encode("JPEG2000")
    path.write_bytes(content)
    assert read_middle(path) == list(COLOR)
    start = content.index(b"colr") - 4
    (length,) = struct.unpack_from(">I", content, start)
    profile = build_profile(P3, gamma=None)
    box = struct.pack(">I4s3B", 11 + len(profile), b"colr", 2, 0, 0) + profile
    header = content.index(b"jp2h") - 4
    (header_length,) = struct.unpack_from(">I", content, header)
    longer = struct.pack(">I", header_length + len(box) - length)
    path.write_bytes(
        content[:header] + longer + content[header + 4 : start] + box + content[start + length :]
    )
    assert read_middle(path) == pytest.approx(P3_COLOR_IN_SRGB, abs=1)


def test_a_bmp_file_with_a_profile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    pixels = bytes([90, 120, 160]) * 4  # one row of 4 pixels: blue, green, red
    header = struct.pack("<IiiHHIIiiII", 124, 4, 1, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    for color_space, is_refused in ((b"BGRs", False), (b"DEBM", True)):  # sRGB, embedded
        info = (header + bytes(16) + color_space).ljust(124, b"\0")
        start = struct.pack("<2sIHHI", b"BM", 14 + len(info) + len(pixels), 0, 0, 14 + len(info))
        path.write_bytes(start + info + pixels)
        if is_refused:
            with pytest.raises(UnreadablePhotographError, match="a BMP file with an ICC profile"):
                read_photograph(path)
        else:
            assert np.asarray(read_photograph(path))[0, 0].tolist() == list(COLOR)
