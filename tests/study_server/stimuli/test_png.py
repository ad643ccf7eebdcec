"""Stored stimuli: bytes that tell nothing."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from study_server.stimuli.images import decode_image
from study_server.stimuli.png import encode_png


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


def test_a_stimulus_is_a_stored_png_with_an_srgb_chunk_and_nothing_else() -> None:
    assert chunks(encode_png(noise(0))) == [b"IHDR", b"sRGB", b"IDAT", b"IEND"]


def test_its_length_depends_on_the_size_alone() -> None:
    flat = np.zeros_like(noise(0))
    assert len(encode_png(noise(0))) == len(encode_png(flat))
    assert len(encode_png(flat)) > flat.size  # nothing is compressed


def test_pixels_survive() -> None:
    pixels = noise(0)
    assert (np.asarray(Image.open(io.BytesIO(encode_png(pixels)))) == pixels).all()
    assert (decode_image(encode_png(pixels)).pixels == pixels).all()


def test_compressed_and_uncompressed_files_are_stored_alike() -> None:
    image = Image.fromarray(noise(0))
    assert encode_png(decode_image(save(image, optimize=True)).pixels) == encode_png(
        decode_image(save(image, dpi=(72, 72))).pixels
    )
