from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.errors import ColorizerError
from colorizer.photos.reading import center_square, read_photograph
from colorizer.splits.split_file import Photograph
from colorizer.training.photo_cache import (
    PhotoCache,
    build_photo_cache,
    cached_side,
    center_crops,
    open_photo_cache,
    random_crops,
    to_input_and_target,
)
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import truncate, write_pictures


def rows(folder: Path, count: int) -> list[Photograph]:
    names = [f"{number:02}" for number in range(count)]
    return [Photograph(str(folder), name, f"{name}.jpg", "train", False, name) for name in names]


def test_the_cache_contains_the_central_squares_in_order(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    photographs = rows(tmp_path, 3)
    list(build_photo_cache(tmp_path / "train.npy", photographs, size=48))
    squares = open_photo_cache(tmp_path / "train.npy", photographs, CPU)
    for row, photograph in enumerate(photographs):
        expected = center_square(read_photograph(photograph.path), 48)
        assert np.array_equal(squares.images[row], expected)


def test_photographs_are_decoded_once_and_again_if_one_changes(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    path = tmp_path / "train.npy"
    assert len(list(build_photo_cache(path, rows(tmp_path, 3), size=48))) == 3
    assert len(list(build_photo_cache(path, rows(tmp_path, 3), size=48))) == 0
    write_pictures(tmp_path, 1)
    assert len(list(build_photo_cache(path, rows(tmp_path, 3), size=48))) == 3
    assert len(list(build_photo_cache(path, rows(tmp_path, 2), size=48))) == 2
    assert len(list(build_photo_cache(path, rows(tmp_path, 2), size=32))) == 2


def test_interrupted_decoding_starts_again(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    path = tmp_path / "cache" / "train.npy"
    stopped = build_photo_cache(path, rows(tmp_path, 3), size=48)
    next(stopped)
    stopped.close()
    assert list(path.parent.iterdir()) == []
    assert len(list(build_photo_cache(path, rows(tmp_path, 3), size=48))) == 3


def test_an_unreadable_photograph_is_refused_by_name(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    truncate(tmp_path / "01.jpg")
    path = tmp_path / "train.npy"
    list(build_photo_cache(path, rows(tmp_path, 4), size=48))
    squares = open_photo_cache(path, rows(tmp_path, 4), CPU)
    assert squares.readable_rows.tolist() == [0, 2]
    assert list(squares.refused) == ["01.jpg", "03.jpg"]
    assert "truncated" in squares.refused["01.jpg"]


def test_a_cache_without_readable_photographs_is_an_error(tmp_path: Path) -> None:
    list(build_photo_cache(tmp_path / "train.npy", rows(tmp_path, 2), size=48))
    with pytest.raises(ColorizerError, match="no photograph can be used; 2 refused"):
        open_photo_cache(tmp_path / "train.npy", rows(tmp_path, 2), CPU)


def numbered(size: int) -> PhotoCache:
    """Return a cache of one square whose pixels are their coordinates, (row, column, 0)."""
    y, x = np.mgrid[0:size, 0:size].astype(np.uint8)
    pixels = np.stack([y, x, np.zeros_like(x)], axis=-1)[None]
    return PhotoCache(torch.from_numpy(pixels), np.array([0]), {})


def test_random_crops_cover_all_positions_and_both_directions() -> None:
    rng = np.random.default_rng(0)
    crops = random_crops(numbered(20), np.zeros(2000, np.int64), 16, rng).numpy()
    tops, lefts = crops[:, 0, 0, 0], crops[:, 0, :, 1].min(axis=1)
    assert set(tops) == set(lefts) == {0, 1, 2, 3, 4}
    flipped = crops[:, 0, 0, 1] > crops[:, 0, -1, 1]
    assert flipped.mean() == pytest.approx(0.5, abs=0.05)
    assert (np.ptp(crops[:, 0, :, 1], axis=1) == 15).all()


def test_random_views_range_from_the_smallest_to_the_whole_square() -> None:
    rng = np.random.default_rng(0)
    views = random_crops(numbered(200), np.zeros(500, np.int64), 20, rng, smallest_view=0.5)
    assert views.shape == (500, 20, 20, 3)
    pixel_sizes = np.ptp(views.numpy()[..., 0].astype(int), axis=(1, 2)) / 19  # rows per pixel
    assert pixel_sizes.min() == pytest.approx(100 / 20, rel=0.05)
    assert pixel_sizes.max() == pytest.approx(200 / 20, rel=0.05)
    assert np.median(pixel_sizes) == pytest.approx(200 / 20 * 0.5**0.5, rel=0.1)
    centers = views.numpy()[..., 0].mean(axis=(1, 2))
    assert centers.min() < 60
    assert centers.max() > 140


def test_center_crops_are_central() -> None:
    crop = center_crops(numbered(20), np.array([0]), 16)
    assert crop.shape == (1, 16, 16, 3)
    assert crop[0, 0, 0].tolist() == [2, 2, 0]


def test_the_input_is_lightness_and_the_target_every_fourth_ab() -> None:
    crops = torch.randint(0, 256, (2, 16, 24, 3), dtype=torch.uint8)
    lab = rgb_to_lab(from_bytes(crops))
    lightness, ab = to_input_and_target(crops)
    torch.testing.assert_close(lightness, lab[:, :1], atol=1e-3, rtol=0)
    torch.testing.assert_close(ab, lab[:, 1:, ::4, ::4], atol=1e-3, rtol=0)


def test_crops_of_176_px_are_cut_from_squares_of_256_px() -> None:
    assert cached_side(176) == 256
