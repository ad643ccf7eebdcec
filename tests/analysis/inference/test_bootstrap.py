"""The bootstraps: exact by enumeration on a tiny study, and independent of how they run."""

from itertools import product
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.inference import bootstrap
from analysis.inference.bootstrap import (
    BootstrapIntervals,
    bootstrap_intervals,
    cluster_bootstrap,
    pigeonhole_bootstrap,
)
from analysis.inference.contrasts import compare_all_methods
from analysis.inference.rates import estimate_rates
from analysis.trials import Trials
from tests.analysis.studies import METHODS, make_trials, read_crossed, read_expected, simulate_study

# (people, images) -> answers, of three people and three images
TINY = [
    [[1], [0], [0, 0]],
    [[1], [1, 0], [0]],
    [[1, 1, 0], [0], [1]],
]
SHOWN = np.array([[len(cell) for cell in row] for row in TINY])
FOOLED = np.array([[sum(cell) for cell in row] for row in TINY])
# of all 27 resamples of one factor, all 729 of two; by the researchers' own enumeration
SD_TRIAL, SD_PARTICIPANT, SD_IMAGE, SD_PIGEONHOLE = 0.138264, 0.085305, 0.157196, 0.196198

Draws = list[NDArray[np.int64]]


def tiny() -> Trials:
    return make_trials(
        *(
            (person, image, "m", bool(answer))
            for person, row in enumerate(TINY)
            for image, cell in enumerate(row)
            for answer in cell
        )
    )


def resamples() -> Draws:
    """Count how often each of three occurs in all 27 ways to draw three."""
    return [np.bincount(drawn, minlength=3) for drawn in product(range(3), repeat=3)]


def enumerate_rates(people: Draws, images: Draws) -> NDArray[np.float64]:
    return np.array([(p @ FOOLED @ i) / (p @ SHOWN @ i) for p in people for i in images])


ONCE = [np.ones(3, dtype=np.int64)]
PARTICIPANT = enumerate_rates(resamples(), ONCE)
IMAGE = enumerate_rates(ONCE, resamples())
PIGEONHOLE = enumerate_rates(resamples(), resamples())


def test_the_enumeration_is_the_researchers() -> None:
    assert sqrt(6 / 13 * 7 / 13 / 13) == pytest.approx(SD_TRIAL, abs=1e-6)
    assert PARTICIPANT.std() == pytest.approx(SD_PARTICIPANT, abs=1e-6)
    assert IMAGE.std() == pytest.approx(SD_IMAGE, abs=1e-6)
    assert PIGEONHOLE.std() == pytest.approx(SD_PIGEONHOLE, abs=1e-6)


def test_the_enumeration_agrees_with_every_probability_of_the_reference_file() -> None:
    expected = read_expected("tiny")
    names = {"participant": PARTICIPANT, "image": IMAGE, "pigeonhole": PIGEONHOLE}
    for name, rates in names.items():
        values, times = np.unique(np.round(rates, 12), return_counts=True)
        case = expected[name]
        support = [(float(value), share) for value, share in case["support"].items()]
        found = list(zip(values.tolist(), (times / len(rates)).tolist(), strict=True))
        assert np.array(found) == pytest.approx(np.array(support), abs=1e-9)
        assert (rates.mean(), rates.std()) == pytest.approx((case["mean"], case["sd"]))


def replicates(factor: str, count: int = 20_000, seed: int = 0) -> NDArray[np.float64]:
    trials = tiny()
    if factor == "both":
        return pigeonhole_bootstrap(trials, ["m"], count, seed)[:, 0]
    cluster = trials.participant if factor == "participant" else trials.image
    return cluster_bootstrap(trials, ["m"], cluster, count, seed)[:, 0]


EXACT = {"participant": PARTICIPANT, "image": IMAGE, "both": PIGEONHOLE}


@pytest.mark.parametrize("factor", EXACT)
def test_replicates_follow_the_enumerated_distribution(factor: str) -> None:
    exact, drawn = EXACT[factor], replicates(factor)
    assert set(np.round(drawn, 9)) <= set(np.round(exact, 9))
    assert drawn.std() == pytest.approx(exact.std(), rel=0.02)
    assert drawn.mean() == pytest.approx(exact.mean(), abs=4 * exact.std() / sqrt(len(drawn)))
    for bound in np.quantile(exact, (0.1, 0.5, 0.9)) + 1e-9:
        assert np.mean(drawn <= bound) == pytest.approx(np.mean(exact <= bound), abs=0.015)


@pytest.mark.parametrize("factor", EXACT)
def test_a_replicate_is_the_same_in_any_blocks_and_any_longer_run(
    factor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = replicates(factor, 250)
    monkeypatch.setattr(bootstrap, "REPLICATES_PER_BLOCK", 7)
    assert replicates(factor, 250).tolist() == once.tolist()
    assert replicates(factor, 300)[:250].tolist() == once.tolist()
    assert replicates(factor, 250, seed=1).tolist() != once.tolist()


def test_the_cluster_bootstrap_agrees_with_the_clustered_error() -> None:
    """Paired differences vary less than differences of independent rates."""
    study = simulate_study(np.random.default_rng(0), (0.226, 0.301), people=200)
    rates = estimate_rates(study, ("m0", "m1"))
    drawn = cluster_bootstrap(study, ("m0", "m1"), study.participant, 4000, seed=0)
    for column, rate in zip(drawn.T, rates.values(), strict=True):
        assert column.mean() == pytest.approx(rate.rate, abs=0.002)
        assert rate.ci95_these_images is not None
        low, high = rate.ci95_these_images
        assert np.quantile(column, (0.025, 0.975)) == pytest.approx((low, high), abs=0.004)
    assert (drawn[:, 0] - drawn[:, 1]).std() < sqrt((drawn.var(axis=0)).sum())


def test_the_pigeonhole_bootstrap_is_wider_than_the_two_way_interval() -> None:
    crossed = read_crossed()
    drawn = pigeonhole_bootstrap(crossed, ("mcl",), 2000, seed=0)[:, 0]
    se = estimate_rates(crossed, ("mcl",))["mcl"].se
    assert se is not None
    assert 1.1 < drawn.std() / se < 1.7


def test_a_replicate_without_a_trial_of_a_method_has_no_rate() -> None:
    trials = make_trials((0, 0, "a", True), (1, 1, "b", False))
    for drawn in (
        cluster_bootstrap(trials, ("a", "b"), trials.participant, 200, seed=0),
        pigeonhole_bootstrap(trials, ("a", "b"), 200, seed=0),
    ):
        assert np.isnan(drawn).any(axis=0).all()
        assert set(drawn[~np.isnan(drawn[:, 0]), 0]) == {1.0}
        assert set(drawn[~np.isnan(drawn[:, 1]), 1]) == {0.0}


def test_people_drawn_anew_give_the_interval_for_these_images() -> None:
    crossed = read_crossed()
    found = bootstrap_intervals(crossed, METHODS, 4000, seed=0)
    for method, rate in estimate_rates(crossed, METHODS).items():
        assert found[method,].ci95_participants == pytest.approx(rate.ci95_these_images, abs=0.012)


def test_people_and_images_drawn_anew_give_wider_intervals_than_the_default() -> None:
    crossed = read_crossed()
    found, rates = (
        bootstrap_intervals(crossed, METHODS, 2000, seed=0),
        estimate_rates(crossed, METHODS),
    )
    for difference in compare_all_methods(crossed, rates):
        drawn = found[difference.a, difference.b].ci95_both
        assert drawn is not None
        assert difference.ci95 is not None
        assert drawn[0] < difference.ci95[0] < difference.ci95[1] < drawn[1]


def test_the_seed_decides() -> None:
    crossed = read_crossed()
    first, again, other = (bootstrap_intervals(crossed, METHODS, 50, seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(0, 0, "m", True), (0, 1, "m", False)], BootstrapIntervals(None, None)),
        ([(0, 0, "m", True), (1, 0, "m", True)], BootstrapIntervals((1.0, 1.0), None)),
    ],
)
def test_nothing_is_drawn_from_one_person_or_one_image(
    answers: list[tuple[int, int, str, bool]], expected: BootstrapIntervals
) -> None:
    assert bootstrap_intervals(make_trials(*answers), ["m", "never-shown"], 100, seed=0) == {
        ("m",): expected
    }
    assert bootstrap_intervals(make_trials(*answers), ["never-shown"], 100, seed=0) == {}
