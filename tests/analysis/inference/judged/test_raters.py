"""Tests of participants' bias and inconsistency, by hand and against sureal."""

import numpy as np
import pytest

from analysis.inference.judged.raters import describe_raters
from tests.analysis.inference.task_data import METHODS, read_table
from tests.analysis.studies import read_expected


def test_bias_and_inconsistency_of_three_people_by_hand() -> None:
    # stimuli 0-3 have the means 2, 3, 4, 3; the last stimulus has one rating and does not count
    scores = np.array([1, 2, 3, 2, 2, 3, 4, 3, 3, 4, 5, 4, 5.0])
    participant = np.array([*[0] * 4, *[1] * 4, *[2] * 4, 0])
    stimulus = np.array([*[0, 1, 2, 3] * 3, 4])
    raters = describe_raters(scores, participant, stimulus)
    assert raters.participant.tolist() == [0, 1, 2]
    assert raters.ratings.tolist() == [4, 4, 4]
    assert raters.bias == pytest.approx([-1, 0, 1])
    assert raters.inconsistency == pytest.approx([0, 0, 0], abs=1e-9)


def test_inconsistency_is_the_standard_deviation_of_what_bias_leaves() -> None:
    rng = np.random.default_rng(0)
    people, stimuli = 6, 20
    participant, stimulus = (codes.ravel() for codes in np.indices((people, stimuli)))
    scores = rng.normal(3, 1, people * stimuli)
    table = scores.reshape(people, stimuli)
    residual = table - table.mean(axis=0)
    raters = describe_raters(scores, participant, stimulus)
    assert raters.bias == pytest.approx(residual.mean(axis=1))
    assert raters.inconsistency == pytest.approx(residual.std(axis=1, ddof=1))


def test_bias_and_inconsistency_are_those_of_sureal() -> None:
    expected = read_expected("raters")
    participant, image, method, score = read_table("ratings").T
    raters = describe_raters(score.astype(np.float64), participant, image * len(METHODS) + method)
    order = np.argsort(expected["participants"])
    assert raters.participant.tolist() == sorted(expected["participants"])
    assert raters.bias == pytest.approx(np.array(expected["bias"])[order], abs=1e-12)
    assert raters.inconsistency == pytest.approx(np.array(expected["inconsistency"])[order])


def test_people_with_fewer_than_three_shared_ratings_are_left_out() -> None:
    raters = describe_raters(np.ones(5), np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1]))
    assert raters.participant.tolist() == []
