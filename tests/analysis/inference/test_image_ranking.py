"""Rates of images: the reference's beta-binomial fit, its posterior, and luck drawn back."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.inference.image_ranking import ImageRanking, fit_beta_binomial, rank_images
from analysis.trials import Trials
from tests.analysis.studies import make_trials, read_crossed, read_expected

NAMES = [f"img{code:04d}" for code in range(200)]


def rank(*answers: tuple[int, bool]) -> ImageRanking:
    """Make trials from (image, fooled), each answered by a different person."""
    trials = make_trials(*((p, i, "m", fooled) for p, (i, fooled) in enumerate(answers)))
    return rank_images(trials, "m", NAMES)


def test_the_shape_agrees_with_the_reference() -> None:
    """Beta-binomial of MCL's 184 images, maximum likelihood by scipy."""
    found = rank_images(read_crossed(), "mcl", NAMES)
    assert (found.alpha, found.beta) == pytest.approx((3.758983586, 8.427014953), abs=1e-3)
    assert found.icc == pytest.approx(0.0758380184, abs=1e-5)
    assert found.trials_per_image == pytest.approx(520 / 184)
    assert (found.images[0].image, found.images[-1].image) == ("img0104", "img0126")


def test_shrunken_rates_agree_with_the_reference_file() -> None:
    expected = read_expected("crossed")["shrunken_mcl"]["rates"]
    found = rank_images(read_crossed(), "mcl", NAMES)
    rates = {one.image: one.shrunk_rate for one in found.images}
    assert rates == pytest.approx(expected, abs=1e-3)


def test_a_shrunken_rate_is_the_posterior_mean_within_its_interval() -> None:
    """Beta(alpha + 4, beta) for 4 of 4 at the reference's shape; its quantiles by drawing."""
    first = rank_images(read_crossed(), "mcl", NAMES).images[0]
    assert (first.fooled, first.trials) == (4, 4)
    assert first.shrunk_rate == pytest.approx((3.758984 + 4) / (3.758984 + 8.427015 + 4), abs=1e-6)
    draws = np.random.default_rng(0).beta(7.758984, 8.427015, 400_000)
    assert first.ci95 == pytest.approx(np.quantile(draws, (0.025, 0.975)), abs=2e-3)


def test_reliability_is_that_of_the_mean_of_r_trials() -> None:
    """r ICC / (1 + (r - 1) ICC), the same r for each: 0.7 takes about 21 trials at ICC 0.10."""
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(1000), 21)
    chance = rng.beta(2.7, 6.3, 1000)[image]  # ICC 0.1
    trials = Trials(rng.random(21000) < chance, np.arange(21000), image, np.full(21000, "m"))
    found = rank_images(trials, "m", [str(code) for code in range(1000)])
    assert found.icc is not None
    assert found.icc == pytest.approx(0.1, abs=0.015)
    assert found.reliability == pytest.approx(21 * found.icc / (1 + 20 * found.icc))
    assert found.reliability == pytest.approx(0.7, abs=0.03)
    assert found.flags == ()


def test_a_ranking_of_few_trials_is_called_mostly_noise() -> None:
    found = rank_images(read_crossed(), "mcl", NAMES)
    assert found.reliability is not None
    assert found.reliability < 0.5
    assert found.flags == ("mostly_noise",)


def test_shrinking_takes_back_the_winners_curse_and_its_intervals_cover() -> None:
    """8 trials an image: the ten highest raw rates are far too high, the shrunken ones are not."""
    rng = np.random.default_rng(1)
    raw, shrunk, true, covered = [], [], [], []
    for _ in range(20):
        chance = rng.beta(2.4, 5.6, 200)
        image = np.repeat(np.arange(200), 8)
        fooled = rng.random(1600) < chance[image]
        trials = Trials(fooled, np.arange(1600), image, np.full(1600, "m"))
        ranked = rank_images(trials, "m", NAMES).images
        raw += sorted((one.fooled / one.trials for one in ranked), reverse=True)[:10]
        for place, one in enumerate(ranked):
            truth = chance[NAMES.index(one.image)]
            assert one.ci95
            covered.append(one.ci95[0] < truth < one.ci95[1])
            if place < 10:
                shrunk.append(one.shrunk_rate)
                true.append(truth)
    assert np.mean(raw) > np.mean(true) + 0.15
    assert np.mean(np.array(shrunk, dtype=float)) == pytest.approx(np.mean(true), abs=0.03)
    assert 0.93 < np.mean(covered) < 0.97


@pytest.mark.parametrize(
    ("answers", "flag"),
    [
        ([(0, True), (1, False), (2, True)], "one_trial_each_image"),
        ([(0, True), (0, False), (0, True)], "one_image"),
        ([(0, True), (0, True), (1, True)], "rate_at_bound"),
        ([(0, True), (0, False), (1, True), (1, False)], "no_image_variance"),
    ],
)
def test_images_that_cannot_be_ranked_keep_their_counts_and_say_why(
    answers: list[tuple[int, bool]], flag: str
) -> None:
    found = rank(*answers)
    assert flag in found.flags
    assert (found.reliability, found.icc) == (None, None)
    assert [one.shrunk_rate for one in found.images] == [None] * len(found.images)
    assert sum(one.trials for one in found.images) == len(answers)


def test_images_that_decide_everything_are_hardly_shrunk() -> None:
    found = rank(*((image, image < 5) for image in range(10) for _ in range(20)))
    assert found.reliability == pytest.approx(1, abs=0.01)
    assert found.images[0].shrunk_rate == pytest.approx(1, abs=0.01)


def test_equal_images_keep_the_order_of_their_names() -> None:
    found = rank(*((image, image < 5) for image in range(10) for _ in range(20)))
    assert [one.image for one in found.images] == NAMES[:10]


def test_no_trials_give_no_ranking() -> None:
    assert rank_images(read_crossed(), "never-shown", NAMES) == ImageRanking(flags=("no_trials",))


def test_the_counts_say_less_apart_than_a_binomial_does() -> None:
    """Every image at exactly its mean: less spread than by chance, so no shape."""
    assert fit_beta_binomial(np.array([3, 3, 3]), np.array([10, 10, 10])) is None


def test_relabelled_images_are_ranked_alike() -> None:
    crossed = read_crossed()
    order = np.random.default_rng(0).permutation(200)
    relabelled = replace(crossed, image=order[crossed.image])
    names = [NAMES[code] for code in np.argsort(order)]
    first, second = rank_images(crossed, "l2", NAMES), rank_images(relabelled, "l2", names)
    assert [one.image for one in second.images] == [one.image for one in first.images]
