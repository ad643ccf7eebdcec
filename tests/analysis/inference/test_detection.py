"""d' and criterion: the reference's, by hand, at the edges, and the cover of the interval."""

from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.inference.detection import (
    SignalDetection,
    d_prime_from_rate,
    estimate_sdt_pairs,
    estimate_sdt_single,
    select_with_photographs,
)
from analysis.inference.rates import estimate_rate
from analysis.trials import Trials
from tests.analysis.studies import make_trials, read_crossed, read_crossed_rows, read_expected

z = NormalDist().inv_cdf


def answer_pairs(hits: int, misses: int, alarms: int, rejections: int) -> Trials:
    """Pairs, each by another person on another image; see `sides`."""
    fooled = np.repeat([False, True, True, False], [hits, misses, alarms, rejections])
    codes = np.arange(len(fooled))
    return Trials(fooled, codes, codes, np.full(len(fooled), "m"))


def sides(hits: int, misses: int, alarms: int, rejections: int) -> NDArray[np.bool_]:
    return np.repeat([True, False, True, False], [hits, misses, alarms, rejections])


# of the reference set, as the side called fake: left where the fake was, and where it was not
REFERENCE_COUNTS = (596, 234, 225, 545)


def test_pooled_d_prime_agrees_with_the_reference() -> None:
    """There the side called real counts, so that the criterion changes its sign."""
    found = estimate_sdt_pairs(answer_pairs(*REFERENCE_COUNTS), sides(*REFERENCE_COUNTS))
    assert found.d_prime == pytest.approx(0.7948380575781832, abs=1e-12)
    assert found.criterion == pytest.approx(-0.015089020671349818, abs=1e-12)


def test_pooled_d_prime_agrees_with_the_reference_file() -> None:
    expected, rows = read_expected("crossed"), read_crossed_rows()
    truth, answer = (
        np.array([row[name] == "left" for row in rows]) for name in ("truth", "answer")
    )
    crossed = read_crossed()
    assert (crossed.fooled == (truth != answer)).all()
    found, case = estimate_sdt_pairs(crossed, answer), expected["detection"]
    assert found.d_prime == pytest.approx(case["d_prime"], abs=1e-6)
    assert found.criterion == pytest.approx(case["criterion"], abs=1e-6)
    for rate, d_prime in expected["d_prime_of_rate"].items():
        assert d_prime_from_rate(float(rate)) == pytest.approx(d_prime, abs=1e-9)


def test_the_error_of_independent_answers_is_that_of_gourevitch_and_galanter() -> None:
    """1967: variance H (1 - H) / (n phi(zH)^2) of either z; pairs take half of the sum."""
    hits, misses, alarms, rejections = 60, 40, 20, 80
    found = estimate_sdt_pairs(
        answer_pairs(hits, misses, alarms, rejections), sides(hits, misses, alarms, rejections)
    )
    density = NormalDist().pdf
    variance = sum(p * (1 - p) / (100 * density(z(p)) ** 2) for p in (0.6, 0.2))
    assert found.d_prime == pytest.approx((z(0.6) - z(0.2)) / sqrt(2))
    assert found.criterion == pytest.approx(-(z(0.6) + z(0.2)) / 2)
    assert found.se == pytest.approx(sqrt(variance / 2), rel=0.01)  # n / (n - 1) aside
    assert found.df == 99  # people of hits, and of false alarms


def answer_single(hits: int, misses: int, alarms: int, rejections: int) -> Trials:
    """Fakes of `m` called fake or not, photographs called fake or not; 10 people, 10 images."""
    n = hits + misses + alarms + rejections
    wrong = np.repeat([False, True, True, False], [hits, misses, alarms, rejections])
    method = np.repeat(["m", "real"], [hits + misses, alarms + rejections])
    return Trials(wrong, np.arange(n) % 10, np.arange(n) // 10 % 10, method)


def test_single_images_are_yes_no_answers() -> None:
    found = estimate_sdt_single(answer_single(70, 30, 25, 75), "m")
    assert (found.hit_rate, found.false_alarm_rate) == (0.7, 0.25)
    assert found.d_prime == pytest.approx(z(0.7) - z(0.25))
    assert found.criterion == pytest.approx(-(z(0.7) + z(0.25)) / 2)
    assert found.ci95 is not None
    assert found.d_prime is not None
    assert found.ci95[0] < found.d_prime < found.ci95[1]


def test_the_error_rate_is_of_fakes_and_photographs() -> None:
    trials = answer_single(70, 30, 25, 75)
    assert estimate_rate(select_with_photographs(trials, "m")).rate == 55 / 200
    alone = trials.select(trials.method == "m")
    assert estimate_rate(select_with_photographs(alone, "m")).rate == 0.3


def test_a_rate_of_one_is_corrected_log_linearly_and_gets_no_interval() -> None:
    found = estimate_sdt_single(answer_single(50, 0, 10, 40), "m")
    assert found.hit_rate == 1
    assert found.d_prime == pytest.approx(z(50.5 / 51) - z(10.5 / 51))
    assert (found.ci95, found.flags) == (None, ("rate_at_bound",))


def test_without_photographs_there_is_no_d_prime() -> None:
    trials = answer_single(50, 10, 10, 40)
    fakes = trials.select(trials.method == "m")
    assert estimate_sdt_single(fakes, "m") == SignalDetection(flags=("no_trials",))


def test_one_person_gives_an_interval_for_new_images_only_and_says_so() -> None:
    trials = make_trials(*((0, i % 20, "m", i % 3 == 0) for i in range(40)))
    found = estimate_sdt_pairs(trials, np.arange(40) % 4 < 2)
    images_left = len(set(trials.image[(np.arange(40) % 4 < 2) != trials.fooled].tolist()))
    assert (found.df, found.flags) == (min(images_left, 20) - 1, ("one_participant",))
    alone = estimate_sdt_pairs(
        Trials(trials.fooled, trials.participant, trials.participant, trials.method),
        np.arange(40) % 4 < 2,
    )
    assert (alone.ci95, alone.flags) == (None, ("one_participant", "one_image"))


def test_a_lean_to_a_side_moves_the_criterion_but_not_d_prime() -> None:
    """Two normals, a cut: 2 AFC by the sign of their difference plus a lean."""
    rng = np.random.default_rng(0)
    left = rng.random(200_000) < 0.5
    evidence = np.where(left, 1.0, -1.0) + rng.normal(0, sqrt(2), 200_000)  # d' of 1
    codes = np.arange(200_000)
    for lean in (0.0, 0.8):
        said = evidence + lean > 0
        trials = Trials(said != left, codes, codes, np.full(200_000, "m"))
        found = estimate_sdt_pairs(trials, said)
        assert found.d_prime == pytest.approx(1, abs=0.02)
        assert found.criterion == pytest.approx(-lean / sqrt(2), abs=0.02)


def test_the_interval_covers_95_percent_where_people_and_images_differ() -> None:
    """People differ in d', images in what they give away: truth by a very large study."""
    rng = np.random.default_rng(2)

    def draw(people: int, images: int, each: int) -> tuple[Trials, NDArray[np.bool_]]:
        participant = np.repeat(np.arange(people), each)
        image = rng.integers(0, images, people * each)
        strength = 1 + rng.normal(0, 0.4, people)[participant] + rng.normal(0, 0.4, images)[image]
        left = rng.random(people * each) < 0.5
        said = np.where(left, 1, -1) * strength + rng.normal(0, sqrt(2), people * each) > 0
        return Trials(said != left, participant, image, np.full(len(said), "m")), said

    truth = estimate_sdt_pairs(*draw(20_000, 20_000, 20)).d_prime
    assert truth is not None
    found = [estimate_sdt_pairs(*draw(40, 60, 30)).ci95 for _ in range(300)]
    assert 0.92 <= np.mean([one[0] < truth < one[1] for one in found if one]) <= 0.98


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans(), st.booleans()), min_size=1
    )
)
def test_exchanging_the_sides_turns_the_criterion_only(
    answers: list[tuple[int, int, bool, bool]],
) -> None:
    trials = make_trials(*((p, i, "m", fooled) for p, i, fooled, _ in answers))
    left = np.array([answer[3] for answer in answers])
    found, turned = estimate_sdt_pairs(trials, left), estimate_sdt_pairs(trials, ~left)
    if found.d_prime is None or found.criterion is None:
        assert turned == found
        return
    assert turned.d_prime == pytest.approx(found.d_prime)
    assert turned.criterion == pytest.approx(-found.criterion)
    assert turned.flags == found.flags
