"""Clustered variances: against sums written out, and under relabelling."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analysis.clusters import clustered_variance, code_cells, count_clusters, two_way_variance

CODES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.booleans()), min_size=8)


def test_one_way_variance_is_the_sum_of_squared_cluster_sums() -> None:
    influence = np.array([0.3, -0.1, -0.4, 0.2])
    codes = np.array([0, 0, 7, 7])
    by_hand = 2 / 1 * ((0.3 - 0.1) ** 2 + (-0.4 + 0.2) ** 2)
    assert clustered_variance(influence, codes) == pytest.approx(by_hand)


def test_cells_are_the_distinct_pairs() -> None:
    cells = code_cells(np.array([0, 0, 1, 0]), np.array([3, 1, 3, 3]))
    assert count_clusters(cells) == 3
    assert cells[0] == cells[3] != cells[1]


@given(CODES, st.permutations(range(5)), st.permutations(range(6)))
def test_relabelling_people_or_images_changes_nothing(
    trials: list[tuple[int, int, bool]], people: list[int], images: list[int]
) -> None:
    participant, image, fooled = (
        np.array(part, dtype=np.int64) for part in zip(*trials, strict=True)
    )
    assume(min(count_clusters(participant), count_clusters(image)) > 1)
    influence = (fooled - fooled.mean()) / len(fooled)
    relabelled = two_way_variance(influence, np.array(people)[participant], np.array(images)[image])
    assert relabelled == pytest.approx(two_way_variance(influence, participant, image), abs=1e-12)
