"""The photographs' table, and the crops that come out of it."""

import csv
import io
import itertools
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.photographs import (
    FOOLBOX_REQUIREMENT,
    PHOTOGRAPHS,
    SQUARE_PX,
    Crop,
    crop_photograph,
    crop_photographs,
    find_package_folders,
    resize_and_crop,
    write_crops,
)
from demo.sizes import FULL_SIZE

INSTALLED = [photograph for photograph in PHOTOGRAPHS if photograph.package != "foolbox"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    done = subprocess.run(
        [*download, str(folder), FOOLBOX_REQUIREMENT], capture_output=True, text=True
    )
    if done.returncode and os.environ.get("CI") != "true":
        pytest.skip(f"connect to a package index, from which pip downloads {FOOLBOX_REQUIREMENT}")
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def crops() -> list[Crop]:
    return list(crop_photographs(find_package_folders(None)))


def test_the_table_has_enough_photographs_for_a_participant_and_a_reserve() -> None:
    crops = sum(len(photograph.squares) for photograph in PHOTOGRAPHS)
    assert crops >= 2 * FULL_SIZE.photographs


def test_every_picture_is_named_once() -> None:
    assert len({photograph.name for photograph in PHOTOGRAPHS}) == len(PHOTOGRAPHS)
    assert len({photograph.file for photograph in PHOTOGRAPHS}) == len(PHOTOGRAPHS)


def test_the_installed_photographs_are_there(crops: list[Crop]) -> None:
    assert {one.group for one in crops} == {photograph.name for photograph in INSTALLED}


def test_crops_are_square_and_in_color(crops: list[Crop]) -> None:
    for one in crops:
        assert one.pixels.size == (SQUARE_PX, SQUARE_PX)
        pixels = np.asarray(one.pixels, dtype=np.int16)
        assert np.ptp(pixels, axis=2).max() > 20, f"{one.image} is gray"


def test_crops_of_a_photograph_do_not_overlap() -> None:
    """No two crops of an image that encodes its coordinates share a pixel."""
    motorcycle = next(p for p in PHOTOGRAPHS if p.name == "motorcycle")
    image = coordinates(motorcycle.columns * SQUARE_PX, motorcycle.rows * SQUARE_PX)
    archive = zipfile.ZipFile(io.BytesIO(), "w")
    archive.writestr("coordinates.png", png(image))
    crops = list(crop_photograph(motorcycle, zipfile.Path(archive, "coordinates.png")))
    seen = [set((np.asarray(one.pixels) @ [1, 256, 256**2]).ravel().tolist()) for one in crops]
    assert all(len(pixels) == SQUARE_PX * SQUARE_PX for pixels in seen)
    assert all(a.isdisjoint(b) for a, b in itertools.combinations(seen, 2))


def coordinates(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    channels = np.stack([x % 256, y % 256, x // 256 * 16 + y // 256], axis=2)
    return Image.fromarray(channels.astype(np.uint8))


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "png")
    return stream.getvalue()


@pytest.mark.parametrize("size", [(400, 300), (300, 400), (2000, 290), (512, 256)])
def test_cover_fills_the_asked_size_from_the_middle(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "black")
    image.putpixel((size[0] // 2, size[1] // 2), (255, 255, 255))
    covered = resize_and_crop(image, 512, 256)
    assert covered.size == (512, 256)
    y, x = np.unravel_index(np.asarray(covered.convert("L")).argmax(), (256, 512))
    assert abs(x - 256) <= 2
    assert abs(y - 128) <= 2


def test_a_broken_wheel_counts_as_none(tmp_path: Path) -> None:
    broken = tmp_path / "foolbox.whl"
    broken.write_bytes(b"half a download")
    assert "foolbox" not in find_package_folders(broken)


@pytest.mark.slow(0.6)
def test_split_csv_names_the_files_and_the_photographs_they_are_of(
    crops: list[Crop], tmp_path: Path
) -> None:
    write_crops(crops, tmp_path / "photographs", tmp_path / "data" / "split.csv")
    with (tmp_path / "data" / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["root", "image", "file", "split", "gray", "group"]
    assert len({row["image"] for row in rows}) == len(rows) == len(crops)
    assert {row["split"] for row in rows} == {"test"}
    for row, one in zip(rows, crops, strict=True):
        assert row["group"] == one.group
        with Image.open(Path(row["root"]) / row["file"]) as image:
            assert np.array_equal(np.asarray(image), np.asarray(one.pixels))
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["split.csv"]


@pytest.mark.slow(3)
def test_foolbox_has_every_photograph_of_the_table(wheel: Path) -> None:
    crops = list(crop_photographs(find_package_folders(wheel)))
    assert {one.group for one in crops} == {photograph.name for photograph in PHOTOGRAPHS}
