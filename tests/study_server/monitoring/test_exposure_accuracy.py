"""The accuracy of exposures."""

import statistics
from collections import Counter
from dataclasses import replace

import pytest

from study_server.monitoring.exposure_accuracy import measure_exposure_accuracy
from tests.study_server.studies.test_exclusion_counts import GOOD


def test_the_accuracy_is_that_of_all_exposures() -> None:
    errors = [0.5 * n for n in range(400)]
    people = [replace(GOOD, exposures=150, exposures_off=20), replace(GOOD, exposures=250)]
    accuracy = measure_exposure_accuracy(people, Counter(round(2 * one) for one in errors))
    assert accuracy is not None
    assert (accuracy.images, accuracy.off) == (400, 20)
    assert accuracy.missed == 0.05
    assert accuracy.within_frame == pytest.approx(0.95)
    assert accuracy.median_ms == statistics.median_low(errors)
    assert accuracy.p95_ms == errors[379]


def test_without_planned_exposures_there_is_no_accuracy() -> None:
    assert measure_exposure_accuracy([], {}) is None
    assert measure_exposure_accuracy([GOOD], {}) is None
