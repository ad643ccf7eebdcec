import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorizer.color.bins import bin_centers
from colorizer.color.prior import ColorPrior, rebalancing_weights
from colorizer.color.spaces import from_bytes, rgb_to_lab
from colorizer.evaluation.scores import MetricValue, bin_weights, estimate_means, measure_methods
from tests.colorizer.pictures import draw


def image(number: int) -> Tensor:
    """Return a picture as `render_methods` does, (1, 96, 96, 3)."""
    return torch.tensor(draw(number))[None]


@pytest.fixture(scope="module")
def prior() -> ColorPrior:
    """Return a prior in which colors farther from gray are rarer."""
    probability = torch.exp(-bin_centers().norm(dim=1) / 20)
    probability /= probability.sum()
    return ColorPrior(probability, rebalancing_weights(probability), photograph_count=1)


def test_the_photograph_itself_scores_best(prior: ColorPrior) -> None:
    metrics = measure_methods({"real": image(0)}, ["real"], bin_weights(prior))["real"]
    for metric in ("auc_raw", "auc_balanced", "auc_rebalanced", "ssim"):
        assert metrics[metric].value == pytest.approx(1)
    assert metrics["psnr"].value == math.inf
    for metric in ("ciede2000", "colorfulness_gap", "colorfulness_abs_gap"):
        assert metrics[metric].value == 0


@pytest.mark.slow(1)
def test_an_auc_weights_pixels_by_the_bin_nearest_to_their_true_color(prior: ColorPrior) -> None:
    images = {"real": image(0), "other": image(1)}
    metrics = measure_methods(images, ["other"], bin_weights(prior))["other"]
    real, other = (rgb_to_lab(from_bytes(x))[0, 1:].flatten(1).T.double() for x in images.values())
    bins = bin_centers().double()
    nearest = [int(((pixel - bins) ** 2).sum(dim=1).argmin()) for pixel in real]
    error = (real - other).norm(dim=1)
    thresholds = torch.linspace(0, 150, 3001).double()
    for name, weight in (
        ("auc_raw", torch.ones(313)),
        ("auc_balanced", prior.weight),
        ("auc_rebalanced", 1 / prior.probability),
    ):
        pixels = weight.double()[nearest]
        share = [(pixels * (error <= tau)).sum() / pixels.sum() for tau in thresholds]
        area = float(torch.trapezoid(torch.stack(share), thresholds)) / 150
        assert metrics[name].value == pytest.approx(area, abs=1e-3)
        assert metrics[name].weight / metrics["auc_raw"].weight > 0


def test_a_mean_over_images_equals_a_mean_over_all_their_pixels(prior: ColorPrior) -> None:
    def auc(first: Tensor, second: Tensor) -> MetricValue:
        images = {"real": first, "other": second}
        return measure_methods(images, ["other"], bin_weights(prior))["other"]["auc_rebalanced"]

    each = [{"other": {"auc": auc(image(n), image(n + 5))}} for n in range(3)]
    once = auc(*(torch.cat([image(n + k) for n in range(3)], dim=1) for k in (0, 5)))
    metrics = estimate_means(each, np.random.default_rng(0))["other"]["auc"]
    assert metrics.mean == pytest.approx(once.value, abs=1e-6)


def test_only_the_raw_auc_is_computed_without_a_prior() -> None:
    metrics = measure_methods({"real": image(0)}, ["real"], bin_weights(None))["real"]
    assert [metric for metric in metrics if metric.startswith("auc")] == ["auc_raw"]


def test_the_bootstrap_interval_agrees_with_the_normal_one() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(20, 4, 400)
    scores = [{"l2": {"psnr": MetricValue(float(value))}} for value in values]
    metrics = estimate_means(scores, np.random.default_rng(0))["l2"]["psnr"]
    half = 1.96 * values.std(ddof=1) / math.sqrt(len(values))
    assert metrics.mean == pytest.approx(values.mean())
    assert metrics.ci95 == pytest.approx((values.mean() - half, values.mean() + half), abs=0.05)


def test_the_interval_of_a_weighted_auc_is_around_its_mean() -> None:
    """Even if one photograph carries half of the weight, which a third of resamples lack."""
    rng = np.random.default_rng(0)
    scores = [{"l2": {"auc": MetricValue(0.5 + rng.normal(0, 0.02))}} for _ in range(30)]
    scores.append({"l2": {"auc": MetricValue(0.9, 30.0)}})
    estimate = estimate_means(scores, rng)["l2"]["auc"]
    assert estimate.mean == pytest.approx(0.7, abs=0.02)
    assert estimate.ci95 is not None
    low, high = estimate.ci95
    assert high == 1  # of two or three photographs in effect, and at most 1
    assert low < 0.5
    equal = [{"l2": {"auc": MetricValue(value, 1 + place % 2 / 1e6)}} for place, value in
             enumerate((0.4, 0.5, 0.6, 0.7, 0.5, 0.6))]  # fmt: skip
    found = estimate_means(equal, rng)["l2"]["auc"].ci95
    half = 2.5705818 * np.std([0.4, 0.5, 0.6, 0.7, 0.5, 0.6], ddof=1) / 6**0.5  # t of 5 df
    assert found == pytest.approx((0.55 - half, 0.55 + half), abs=1e-5)


@pytest.mark.slow(1.1)
def test_weighted_intervals_cover_more_often_than_percentiles() -> None:
    """Log-normal weights (SD 1.5) of 60 photographs that correlate with the values."""

    def draw(n: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        skill = rng.normal(size=n)
        value = 1 / (1 + np.exp(-(1.5 - 0.3 * skill + rng.normal(0, 0.6, n))))
        return value, np.exp(1.5 * skill)

    value, weight = draw(1_000_000, np.random.default_rng(0))
    true = value @ weight / weight.sum()
    ours = percentiles = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        value, weight = draw(60, rng)
        scores = [{"m": {"auc": MetricValue(*pair)}} for pair in zip(value, weight, strict=True)]
        low, high = estimate_means(scores, rng)["m"]["auc"].ci95 or (1.0, 0.0)
        ours += low <= true <= high
        counts = rng.multinomial(60, np.full(60, 1 / 60), size=400)
        below, above = np.quantile(counts @ (value * weight) / (counts @ weight), (0.025, 0.975))
        percentiles += below <= true <= above
    assert ours > percentiles
    assert ours / 200 > 0.78


def test_the_interval_depends_only_on_the_seed() -> None:
    scores = [{"l2": {"psnr": MetricValue(float(value))}} for value in range(9)]
    first, again, other = (
        estimate_means(scores, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_images_without_weight_count_neither_in_the_mean_nor_in_the_interval() -> None:
    values = [3.0, 7.0, 5.0, 6.0]
    measured = [{"l2": {"patches": MetricValue(value, value > 0)}} for value in (*values, 0, 0, 0)]
    estimate = estimate_means(measured, np.random.default_rng(0))["l2"]["patches"]
    half = 3.1824463 * np.std(values, ddof=1) / 2  # t of 3 df
    assert estimate.mean == pytest.approx(5.25)
    assert estimate.ci95 == pytest.approx((5.25 - half, 5.25 + half))
    alone = estimate_means(measured[3:], np.random.default_rng(0))["l2"]["patches"]
    assert alone == (6, None)
    none = estimate_means(measured[4:], np.random.default_rng(0))["l2"]["patches"]
    assert math.isnan(none.mean)
    assert none.ci95 is None


def test_there_is_no_interval_for_one_image_or_an_infinite_mean() -> None:
    rng = np.random.default_rng(0)
    assert estimate_means([{"l2": {"psnr": MetricValue(20)}}], rng)["l2"]["psnr"].ci95 is None
    endless = [{"real": {"psnr": MetricValue(math.inf)}}] * 3
    assert estimate_means(endless, rng)["real"]["psnr"] == (math.inf, None)
    with pytest.raises(ValueError, match="no scores"):
        estimate_means([], rng)
