"""Read JPEG and PNG files with damaged bytes: each is either read or refused."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from colorizer.errors import UnreadablePhotographError
from colorizer.photos.reading import center_square, read_photograph
from tests.colorizer.pictures import draw

MUTANTS = 2000


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def write_originals() -> list[bytes]:
    """Return one file of each kind of JPEG and PNG, with metadata that can also be damaged."""
    picture = Image.fromarray(draw(0, side=40))
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    metadata = {"exif": exif, "icc_profile": profile}
    return [
        encode(picture, "JPEG", **metadata),
        encode(picture, "JPEG", progressive=True, **metadata),
        encode(picture.convert("CMYK"), "JPEG"),
        encode(picture.convert("L"), "JPEG"),
        encode(picture, "PNG", **metadata),
        encode(picture.convert("RGBA"), "PNG"),
        encode(picture.quantize(16), "PNG", transparency=3),
        encode(picture.convert("I;16"), "PNG"),
    ]


ORIGINALS = write_originals()

edits = st.tuples(
    st.sampled_from(["set", "flip", "delete", "insert", "repeat", "cut"]),
    st.floats(0, 1, exclude_max=True),  # position, as a fraction of the file
    st.binary(min_size=1, max_size=8),
)


def mutate(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for kind, share, value in changes:
        at = int(share * len(content))
        head, tail = content[:at], content[at:]
        changed = {
            "set": value + tail[len(value) :],
            "flip": bytes([tail[0] ^ value[0]]) + tail[1:] if tail else b"",
            "delete": tail[len(value) :],
            "insert": value + tail,
            "repeat": tail[:64] + tail,
            "cut": b"",
        }
        content = head + changed[kind]
    return content


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage") / "mutant.jpg"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # like the command line
@settings(max_examples=MUTANTS, deadline=timedelta(seconds=10), derandomize=True)
@given(original=st.sampled_from(ORIGINALS), changes=st.lists(edits, min_size=1, max_size=4))
@pytest.mark.slow(4)
def test_a_damaged_file_is_either_read_or_refused(
    original: bytes, changes: list[tuple[str, float, bytes]], path: Path
) -> None:
    path.write_bytes(mutate(original, changes))
    try:
        image = read_photograph(path, side=16)
    except UnreadablePhotographError:
        return
    assert image.mode == "RGB"
    assert center_square(image, 16).shape == (16, 16, 3)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_damaged_tiff_prints_nothing_to_stderr(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    refused = set()
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        whole = encode(Image.fromarray(draw(0, side=40)), "TIFF", compression=compression)
        for at in range(8, len(whole), 61):  # after the header, which identifies a TIFF
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
            try:
                read_photograph(path)
            except UnreadablePhotographError:
                refused.add(compression)
    assert len(refused) == 4
    assert capfd.readouterr().err == ""


def test_the_undamaged_originals_are_read(path: Path) -> None:
    for original in ORIGINALS:
        path.write_bytes(original)
        assert read_photograph(path).size == (40, 40)
