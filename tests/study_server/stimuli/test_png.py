"""PNG in and out: bytes that tell nothing, and nothing but 8-bit RGB."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from study_server.stimuli.png import (
    PNG_SIGNATURE,
    InvalidPngError,
    decode_png,
    encode_png,
    read_png_size,
)


def chunks(png: bytes) -> list[bytes]:
    names, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        names.append(png[at + 4 : at + 8])
        at += 12 + length
    return names


def noise(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (64, 48, 3), dtype=np.uint8)


def save(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def deep_png() -> bytes:
    """8 x 8 pixels of 16 bits a sample, which Pillow cannot write"""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    lines = zlib.compress(bytes(8 * (1 + 8 * 6)))
    return PNG_SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def test_a_stimulus_is_a_stored_png_with_an_srgb_chunk_and_nothing_else() -> None:
    assert chunks(encode_png(noise(0))) == [b"IHDR", b"sRGB", b"IDAT", b"IEND"]


def test_its_length_depends_on_the_size_alone() -> None:
    flat = np.zeros_like(noise(0))
    assert len(encode_png(noise(0))) == len(encode_png(flat))
    assert len(encode_png(flat)) > flat.size  # nothing is compressed


def test_pixels_survive() -> None:
    pixels = noise(0)
    assert (np.asarray(Image.open(io.BytesIO(encode_png(pixels)))) == pixels).all()
    assert (decode_png(encode_png(pixels)) == pixels).all()
    assert read_png_size(encode_png(pixels)) == (48, 64)


def test_compressed_and_uncompressed_files_are_stored_alike() -> None:
    image = Image.fromarray(noise(0))
    assert encode_png(decode_png(save(image, optimize=True))) == encode_png(
        decode_png(save(image, dpi=(72, 72)))
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (save(Image.new("L", (8, 8))), "mode L and 8 bits"),
        (save(Image.new("RGBA", (8, 8))), "mode RGBA and 8 bits"),
        (save(Image.new("P", (8, 8))), "mode P and"),
        (deep_png(), "mode RGB and 16 bits"),
        (b"not a picture", "is not a readable PNG"),
        (b"", "is not a readable PNG"),
        (PNG_SIGNATURE, "is not a readable PNG"),
    ],
)
def test_other_files_are_refused(content: bytes, reason: str) -> None:
    for read in (decode_png, read_png_size):
        with pytest.raises(InvalidPngError, match=reason):
            read(content)


def test_a_file_that_was_cut_short_is_refused() -> None:
    content = save(Image.fromarray(noise(0)))
    with pytest.raises(InvalidPngError, match="damaged"):
        decode_png(content[: len(content) // 2])
