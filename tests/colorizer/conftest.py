"""Fixtures: twelve drawn photographs, split and decoded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from colorizer.splits.assignment import (
    InspectedPhotograph,
    assign_splits,
    find_new_files,
    inspect_files,
)
from colorizer.splits.split_file import Photograph
from colorizer.training.photo_cache import PhotoCache, build_photo_cache, open_photo_cache
from tests.colorizer.little_networks import little_networks
from tests.colorizer.pictures import write_pictures

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Use one thread: it is faster for small tensors, and sums are the same every time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def _little_networks() -> Iterator[None]:
    with little_networks():
        yield


@pytest.fixture(scope="module")
def _little_networks_in_module() -> Iterator[None]:
    with little_networks():
        yield


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_pictures(folder, 12)
    return folder


def split_pictures(folder: Path) -> list[Photograph]:
    """Return the photographs of a folder with their splits, of which 2 are val and 2 are test."""
    files, _ = find_new_files(folder, [])
    inspected = inspect_files(folder, files)
    new_rows = [result.row for result in inspected if isinstance(result, InspectedPhotograph)]
    return assign_splits(new_rows, [], val=2, test=2, seed=0)


@pytest.fixture(scope="session")
def photographs(photo_folder: Path) -> list[Photograph]:
    """Return the twelve photographs with their splits: 8 train, 2 val, 2 test."""
    return split_pictures(photo_folder)


@pytest.fixture(scope="session")
def squares(photographs: list[Photograph], tmp_path_factory: pytest.TempPathFactory) -> PhotoCache:
    """Return the cache of the train split at 64 px."""
    path = tmp_path_factory.mktemp("cache") / "train.npy"
    training = [row for row in photographs if row.split == "train"]
    list(build_photo_cache(path, training, size=64))
    return open_photo_cache(path, training, CPU)
