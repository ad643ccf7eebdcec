"""Tests of malicious stimulus files: decompression bombs, pipes, links, mutated files."""

import hashlib
import os
import struct
import zlib
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from study_server.errors import StudyError
from study_server.stimuli import images
from study_server.stimuli.images import InvalidImageError, decode_image, read_image_file
from study_server.stimuli.importing import import_study
from study_server.stimuli.png import PNG_SIGNATURE
from tests.conftest import short_protocol, write_stimuli
from tests.study_server.planting import edit

resource = pytest.importorskip("resource", reason="Windows has neither pipes nor resource limits")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(width: int, height: int, before: bytes = b"") -> bytes:
    """Return a PNG of a few kilobytes that decompresses to this many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    black = zlib.compress(bytes(4 * 1024 * 1024), 9)
    return (
        PNG_SIGNATURE
        + before
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", black)
        + chunk(b"IEND", b"")
    )


def peak_mb() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


@pytest.mark.parametrize("size", [(5000, 5000), (12_000, 12_000), (60_000, 60_000), (2**31 - 1, 9)])
@pytest.mark.parametrize("before", [b"", chunk(b"tEXt", b"a\0b")])
def test_a_decompression_bomb_is_refused_before_decompression(
    size: tuple[int, int], before: bytes
) -> None:
    began = peak_mb()
    with pytest.raises(InvalidImageError, match="more pixels than 4096 x 4096"):
        decode_image(bomb(*size, before))
    assert peak_mb() - began < 50


@pytest.mark.slow(1)
def test_a_decompression_bomb_in_a_png_text_is_refused() -> None:
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(256 * 1024 * 1024), 9))
    began = peak_mb()
    with pytest.raises(InvalidImageError):
        decode_image(bomb(8, 8, text))
    assert peak_mb() - began < 100


@pytest.mark.parametrize(
    ("make", "message"), [(os.mkfifo, "is not a regular file"), (os.mkdir, "is not a regular file")]
)
def test_pipes_and_folders_are_refused_without_waiting(
    make: object, message: str, tmp_path: Path
) -> None:
    assert callable(make)
    make(tmp_path / "x.png")
    with pytest.raises(InvalidImageError, match=message):
        read_image_file(tmp_path / "x.png")


def test_a_file_of_gigabytes_is_refused_without_reading(tmp_path: Path) -> None:
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(8 * 1024**3)  # a sparse file, which uses no disk space
    with pytest.raises(InvalidImageError, match="8,589,934,592 bytes"):
        read_image_file(tmp_path / "x.png")


def test_importing_a_decompression_bomb_fails_and_leaves_no_files(
    engine: Engine, tmp_path: Path
) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    content = bomb(12_000, 12_000)
    (tmp_path / "outputs" / "bomb.png").write_bytes(content)
    edit(manifest, 1, file="bomb.png", sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(StudyError, match=r"bomb.png has more pixels than 4096 x 4096; save"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")
    assert list((tmp_path / "stimuli").glob("*")) == []


def test_symlinks_out_of_the_folder_are_not_followed(engine: Engine, tmp_path: Path) -> None:
    manifest = write_stimuli(tmp_path / "outputs", 12)
    (tmp_path / "outputs" / "zero.png").symlink_to("/dev/zero")
    edit(manifest, 1, file="zero.png")
    with pytest.raises(StudyError, match="is outside the folder of the manifest"):
        import_study(engine, short_protocol(), manifest, tmp_path / "stimuli")


def test_a_thousand_mutated_files_are_read_or_refused(manifest: Path) -> None:
    (original, *_) = sorted((manifest.parent / "real").glob("*.png"))
    content, rng, read_well = original.read_bytes(), Random(0), 0
    for _ in range(1000):
        mutated = bytearray(content)
        for _ in range(rng.randrange(1, 6)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        del mutated[rng.randrange(len(mutated)) : rng.choice([0, 0, len(mutated)])]
        try:
            assert decode_image(bytes(mutated)).pixels.shape[2] == 3
            read_well += 1
        except InvalidImageError:
            pass
    assert 0 < read_well < 1000
    assert images.MAX_PIXELS == 4096 * 4096
