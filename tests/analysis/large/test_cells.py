"""Tests of cells of participants and images in which trials meet."""

import duckdb
import numpy as np
import pytest

from analysis.counted.trials import IMAGE, PARTICIPANT
from analysis.large import cells
from analysis.large.cells import count_cells, has_repeated_cells
from analysis.large.connection import Source

NAMES = frozenset({PARTICIPANT, IMAGE})
COLUMNS = ("p", "i")


def make_source(*trials: tuple[int, int, int]) -> Source:
    """Return a source with the table `trial` of (participant, image, number of the row)."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE trial (p INTEGER, i INTEGER, packed BIGINT)")
    connection.executemany("INSERT INTO trial VALUES (?, ?, ?)", trials)
    return Source("trials", len(trials), connection)


ALONE = [(person, image, 0) for person in range(5) for image in range(3)]


@pytest.mark.slow(0.6)
@pytest.mark.parametrize("at_once", [4, 100])
def test_a_cell_with_two_trials_is_found(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MAX_SORTED_TRIALS", at_once)
    assert not has_repeated_cells(make_source(*ALONE), "trial", COLUMNS)
    for person, image, _ in ALONE:
        again = make_source(*ALONE, (person, image, 1))
        assert has_repeated_cells(again, "trial", COLUMNS)


def test_many_people_and_images_need_larger_numbers() -> None:
    far = make_source((0, 0, 0), (2**16, 0, 0), (0, 2**16, 0), (2**20, 2**20, 0))
    assert not has_repeated_cells(far, "trial", COLUMNS)


def test_cells_are_counted_by_their_rows_or_by_their_pattern(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = make_source((0, 0, 5), (0, 0, 7), (1, 0, 5), (1, 0, 7), (1, 1, 7))
    numbers = np.array([5, 7])
    listed = count_cells(source, "trial", NAMES, COLUMNS, numbers, {})
    monkeypatch.setattr(cells, "MAX_LISTED_CELLS", 1)
    patterns = count_cells(source, "trial", NAMES, COLUMNS, numbers, {})
    assert listed is not None
    assert patterns is not None
    assert listed.count_levels() == patterns.count_levels() == 3
    for values in ([1.0, 0.0], [0.0, 1.0], [1.0, -1.0]):
        squares = [one.sum_of_squares(np.array(values)) for one in (listed, patterns)]
        expected = 2 * sum(values) ** 2 + values[1] ** 2
        assert squares == pytest.approx([expected, expected])


def test_cells_of_one_trial_each_are_not_listed() -> None:
    assert count_cells(make_source(*ALONE), "trial", NAMES, COLUMNS, np.array([0]), {}) is None
