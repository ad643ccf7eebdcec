"""The folder of an import, and files that are not what the manifest says."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from study_server.errors import StudyError
from study_server.stimuli.files import (
    IMPORT_FOLDER_PREFIX,
    STALE_AFTER_S,
    load_stimulus,
    temporary_folder,
)
from study_server.stimuli.manifest import ManifestRow

MANIFEST = Path("manifest.csv")


def row_of(path: Path, width: int = 8, height: int = 6) -> ManifestRow:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return ManifestRow(7, "dog", "real", path, sha256, width, height, "test", "")


def test_pixels_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "dog.png"
    Image.new("RGB", (8, 6), (1, 2, 3)).save(path)
    pixels = load_stimulus(MANIFEST, row_of(path)).pixels
    assert pixels.shape == (6, 8, 3)
    assert (pixels == (1, 2, 3)).all()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("RGB", (8, 7)), r"manifest.csv:7: dog.png is 8x7, but the manifest says 8x6"),
        (Image.new("I;16", (8, 6)), r"dog.png is a PNG with mode I;16 and 16 bits"),
        (
            Image.new("RGBA", (8, 6)),
            r"dog.png is a PNG with transparency; save it as 8-bit RGB",
        ),
    ],
)
def test_another_size_or_depth_and_transparency_are_refused(
    image: Image.Image, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "dog.png"
    image.save(path)
    with pytest.raises(StudyError, match=message):
        load_stimulus(MANIFEST, row_of(path))


def test_a_folder_is_gone_after_an_error_and_stays_when_it_was_renamed(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), temporary_folder(tmp_path) as folder:
        (folder / "a.png").write_bytes(bytes(1 // 0))
    assert list(tmp_path.iterdir()) == []
    with temporary_folder(tmp_path) as folder:
        (folder / "a.png").touch()
        folder.rename(tmp_path / "own")
    assert list(tmp_path.iterdir()) == [tmp_path / "own"]


def test_only_stale_import_folders_are_removed(tmp_path: Path) -> None:
    stale, running, study = (
        tmp_path / f"{IMPORT_FOLDER_PREFIX}a",
        tmp_path / f"{IMPORT_FOLDER_PREFIX}b",
        tmp_path / "c",
    )
    for folder in (stale, running, study):
        folder.mkdir()
        (folder / "a.png").touch()
    for folder in (stale, study):
        seconds = folder.stat().st_mtime - STALE_AFTER_S - 1
        os.utime(folder, (seconds, seconds))
    with temporary_folder(tmp_path):
        assert not stale.exists()
        assert running.exists()
        assert study.exists()
