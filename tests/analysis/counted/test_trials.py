"""Tests that counted trials give the estimates of listed ones."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from analysis.counted.trials import IMAGE, PARTICIPANT, CountedFactor, CountedTrials, Names
from analysis.inference.clusters import find_extreme_leave_one_out
from analysis.inference.contrasts import compare_all_methods
from analysis.inference.rates import estimate_rates
from analysis.inference.variance import estimate_icc
from analysis.trials import IntArray, Trials
from tests.analysis.closeness import list_differences
from tests.analysis.studies import METHODS, read_crossed

BOTH = frozenset({PARTICIPANT, IMAGE})


def count(trials: Trials, times: int = 1) -> CountedTrials:
    """Count trials by method and fooled or not. times: how many people are like each of them."""
    method = np.searchsorted(METHODS, trials.method)
    numbers, row = np.unique(2 * method + trials.fooled, return_inverse=True)
    family: dict[Names, CountedFactor] = {}
    cells = trials.participant * 1000 + trials.image
    for names, codes in (
        (frozenset({PARTICIPANT}), trials.participant),
        (frozenset({IMAGE}), trials.image),
        (BOTH, np.unique(cells, return_inverse=True)[1]),
    ):
        many = None if names == frozenset({IMAGE}) else np.full(codes.max() + 1, times)
        counts = np.full(len(row), times if many is None else 1)
        family[names] = CountedFactor(names, codes, row, counts, many, family)
    weight: IntArray = times * np.bincount(row)
    return CountedTrials(numbers % 2 == 1, np.array(METHODS)[numbers // 2], weight, family)


def repeat(trials: Trials, times: int) -> Trials:
    """Return the trials of as many people alike."""
    people = int(trials.participant.max()) + 1
    parts = [
        Trials(trials.fooled, trials.participant + one * people, trials.image, trials.method)
        for one in range(times)
    ]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.join(part)
    return joined


@pytest.mark.parametrize("times", [1, 3])
def test_rates_and_differences_are_those_of_listed_trials(times: int) -> None:
    listed, counted = repeat(read_crossed(), times), count(read_crossed(), times)
    assert (counted.size, counted.fooled_count) == (listed.size, listed.fooled_count)
    rates, expected = (estimate_rates(trials, METHODS) for trials in (counted, listed))
    for method in METHODS:
        assert list_differences(asdict(rates[method]), asdict(expected[method])) == []
    differences = zip(
        compare_all_methods(counted, rates), compare_all_methods(listed, expected), strict=True
    )
    for one, other in differences:
        assert list_differences(asdict(one), asdict(other)) == []


def test_a_selection_keeps_the_clusters_of_its_rows() -> None:
    listed, counted = read_crossed(), count(read_crossed())
    part = counted.select(counted.fooled)
    assert part.size == listed.fooled_count
    assert part.factor_levels == listed.select(listed.fooled).factor_levels
    assert counted.select(np.ones(len(counted.fooled), dtype=np.bool_)) is counted


def test_people_who_are_alike_are_left_out_one_at_a_time() -> None:
    listed = repeat(read_crossed(), 3)
    counted = count(read_crossed(), 3).participant
    people = replace(counted, first=np.arange(1 + counted.cluster.max()))
    names = [f"p{code}" for code in range(1 + int(listed.participant.max()))]
    fooled = count(read_crossed(), 3).fooled
    found = find_extreme_leave_one_out(fooled, people, names)
    expected = find_extreme_leave_one_out(listed.fooled, listed.participant, names)
    assert found is not None
    assert expected is not None
    assert list_differences(asdict(found), asdict(expected)) == []
    assert estimate_icc(fooled, people) == pytest.approx(
        estimate_icc(listed.fooled, listed.participant), rel=1e-12
    )
