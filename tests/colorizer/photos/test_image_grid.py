"""TIFF and PNG files of every layout show the picture of ImageMagick and tifffile, or are refused.

The stored pictures are made by tests/reference/make_image_grid.py.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from colorizer.errors import UnreadablePhotographError
from colorizer.photos.reading import EXIF_TRANSPOSES, read_photograph
from tests.reference.image_files import (
    BLACK_IS_ZERO,
    CMYK,
    PALETTE,
    RGB,
    PngCell,
    TiffCell,
    iterate_png_cells,
    iterate_tiff_cells,
    write_png,
    write_tiff,
)

MAX_DIFFERENCE = 2  # of 255, the mean over the picture
PICTURES = Path(__file__).parents[2] / "reference" / "images" / "image_grid.npz"
UNDO = {6: 8, 8: 6}  # all other orientations are their own inverse
# Photographs come in these layouts; none of them may be refused.
USUAL = [
    TiffCell(photometric, bits, alpha, profile, compression)
    for photometric, bits, alpha, profile, compression in (
        (BLACK_IS_ZERO, 8, "opaque", "gray", "none"),
        (BLACK_IS_ZERO, 16, "opaque", "none", "lzw"),
        (RGB, 8, "opaque", "p3", "lzw"),
        (RGB, 8, "unassociated", "none", "deflate"),
        (RGB, 16, "opaque", "p3", "none"),
        (RGB, 16, "opaque", "none", "lzw"),
        (RGB, 16, "associated", "none", "deflate"),
        (CMYK, 8, "opaque", "none", "lzw"),
        (PALETTE, 8, "opaque", "none", "packbits"),
    )
]


@pytest.fixture(scope="module")
def pictures() -> Iterator[Mapping[str, NDArray[np.uint8]]]:
    with np.load(PICTURES) as stored:
        yield dict(stored)


def difference(path: Path, expected: NDArray[np.uint8], orientation: int = 1) -> float:
    """Read a file, turn it back, and return the mean difference from the stored picture."""
    image = read_photograph(path)
    transpose = EXIF_TRANSPOSES.get(UNDO.get(orientation, orientation))
    upright = image if transpose is None else image.transpose(transpose)
    assert upright.size == expected.shape[1::-1]
    return float(np.abs(np.asarray(upright, float) - expected).mean())


def read_cell(
    path: Path, cell: TiffCell | PngCell, pictures: Mapping[str, NDArray[np.uint8]]
) -> str:
    """Return `equal`, the difference, or the reason why the file is refused."""
    write: Callable[..., None] = write_tiff if isinstance(cell, TiffCell) else write_png
    orientation = cell.orientation if isinstance(cell, TiffCell) else 1
    write(path, cell)
    try:
        distance = difference(path, pictures[cell.picture], orientation)
    except UnreadablePhotographError as error:
        return str(error)
    return "equal" if distance < MAX_DIFFERENCE else f"{cell} differs by {distance:.1f}"


@pytest.mark.slow(16)
def test_every_tiff_file_is_read_right_or_refused_by_name(
    tmp_path: Path, pictures: Mapping[str, NDArray[np.uint8]]
) -> None:
    results = Counter(
        read_cell(tmp_path / "a.tif", cell, pictures) for cell in iterate_tiff_cells()
    )
    assert [result for result in results if "differs" in result] == []
    assert results["equal"] > 1300
    assert all("; save it as 8- or 16-bit RGB" in reason for reason in set(results) - {"equal"})


@pytest.mark.slow(0.5)
def test_every_png_file_is_read_right_or_refused_by_name(
    tmp_path: Path, pictures: Mapping[str, NDArray[np.uint8]]
) -> None:
    results = Counter(read_cell(tmp_path / "a.png", cell, pictures) for cell in iterate_png_cells())
    assert results.pop("equal") > 490
    assert set(results) == {
        "16-bit image with a transparent color; save it without transparency",
        "16-bit image with linear tones; convert it to sRGB, or save it as TIFF",
    }


@pytest.mark.parametrize("cell", USUAL, ids=lambda cell: f"{cell.picture}-{cell.compression}")
def test_usual_tiff_files_are_read(
    cell: TiffCell, tmp_path: Path, pictures: Mapping[str, NDArray[np.uint8]]
) -> None:
    assert read_cell(tmp_path / "a.tif", cell, pictures) == "equal"
