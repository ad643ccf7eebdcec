"""Tests of the shrunken scores of single images."""

import numpy as np
import pytest

from analysis.inference.image_ranking import rank_images
from analysis.inference.judged.image_scores import rank_images_by_score, rank_images_by_share
from tests.analysis.studies import read_crossed


def test_shares_without_ties_are_those_of_the_beta_binomial_ranking() -> None:
    part = read_crossed().for_method("mcl")
    names = [f"i{code}" for code in range(int(part.image.max()) + 1)]
    expected = rank_images(read_crossed(), "mcl", names)
    found = rank_images_by_share(part.fooled.astype(float), part.image, names)
    assert found.reliability == pytest.approx(expected.reliability)
    assert [one.image for one in found.images] == [one.image for one in expected.images]
    assert [one.shrunk for one in found.images] == pytest.approx(
        [one.shrunk_rate for one in expected.images]
    )


def test_ratings_are_shrunk_by_their_reliability() -> None:
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(200), 8)
    true = rng.normal(3, 0.5, 200)
    scores = true[image] + rng.normal(0, 1, len(image))
    found = rank_images_by_score(scores, image, [str(code) for code in range(200)])
    assert found.reliability == pytest.approx(8 * 0.25 / (8 * 0.25 + 1), abs=0.06)
    covered, raw_error, error = 0, 0.0, 0.0
    for one in found.images:
        assert one.shrunk is not None
        assert one.ci95 is not None
        truth = true[int(one.image)]
        covered += one.ci95[0] <= truth <= one.ci95[1]
        raw_error += (one.score - truth) ** 2
        error += (one.shrunk - truth) ** 2
    assert error < raw_error
    assert 182 <= covered <= 198


def test_intervals_of_ratings_end_with_the_scale() -> None:
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(20), 6)
    scores = np.clip(np.rint(rng.normal(4.4, 0.6, 20)[image] + rng.normal(0, 0.8, 120)), 1, 5)
    names = [str(code) for code in range(20)]
    free = rank_images_by_score(scores, image, names).images
    assert max(one.ci95[1] for one in free if one.ci95) > 5
    for one, unclipped in zip(
        rank_images_by_score(scores, image, names, (1, 5)).images, free, strict=True
    ):
        assert one.shrunk == unclipped.shrunk
        assert unclipped.ci95 is not None
        assert one.ci95 == (max(1, unclipped.ci95[0]), min(5, unclipped.ci95[1]))


@pytest.mark.parametrize(
    ("scores", "image", "flag"),
    [
        ([1.0, 0.0, 1.0], [0, 0, 0], "one_image"),
        ([1.0, 0.0, 1.0], [0, 1, 2], "one_trial_each_image"),
        ([1.0, 1.0, 1.0, 1.0], [0, 0, 1, 1], "no_image_variance"),
        ([1.0, 0.0, 1.0, 0.0], [0, 0, 1, 1], "no_image_variance"),
    ],
)
def test_images_that_cannot_be_ranked_say_why(
    scores: list[float], image: list[int], flag: str
) -> None:
    for rank in (rank_images_by_share, rank_images_by_score):
        found = rank(np.array(scores), np.array(image), ["a", "b", "c"])
        assert found.flags == (flag,)
        assert found.reliability is None
