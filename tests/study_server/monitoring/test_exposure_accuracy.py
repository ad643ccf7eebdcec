"""The accuracy of exposures."""

import statistics
from collections import Counter

import pytest

from study_server.monitoring.exposure_accuracy import measure_exposure_accuracy


def test_the_accuracy_is_that_of_all_exposures() -> None:
    errors = [0.1 * n for n in range(400)]  # up to 39.9 ms
    halves = errors[::2], errors[1::2]
    accuracy = measure_exposure_accuracy(
        [Counter(round(10 * one) for one in half) for half in halves]
    )
    assert accuracy is not None
    assert accuracy.images == 400
    within = sum(one <= 1000 / 60 for one in errors) / 400
    assert accuracy.within_frame == pytest.approx(within)
    assert accuracy.missed == pytest.approx(1 - within)
    assert accuracy.median_ms == pytest.approx(statistics.median_low(errors))
    assert accuracy.p95_ms == pytest.approx(errors[379])


def test_without_planned_exposures_there_is_no_accuracy() -> None:
    assert measure_exposure_accuracy([]) is None
    assert measure_exposure_accuracy([{}, {}]) is None
