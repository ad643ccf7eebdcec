import math

import torch
from torch.nn import functional

from colorizer.bins import bin_centers, soft_encode
from colorizer.losses import classification_loss, has_color, regression_loss


def test_l2_is_the_sum_of_squared_differences() -> None:
    scaled = torch.zeros(1, 2, 2, 2)
    ab = torch.tensor([[[[110.0, 0], [0, 0]], [[0, 55], [0, 0]]]])  # 1 and 1/2 of full scale
    total, mean = regression_loss(scaled, ab, full_scale=110.0)[0].tolist()
    assert (total, mean) == (1.25, 1.25 / 8)


def test_classification_equals_the_dense_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 313, 3, 5, generator=generator, dtype=torch.float32)
    ab = torch.rand(2, 2, 3, 5, generator=generator) * 160 - 80
    weight = torch.rand(313, generator=generator) + 0.5

    nearest, share = soft_encode(ab.movedim(1, -1).reshape(-1, 2), bin_centers())
    dense = torch.zeros(30, 313).scatter(1, nearest, share).reshape(2, 3, 5, 313).movedim(-1, 1)
    entropy = functional.cross_entropy(logits, dense, reduction="none")  # (2, 3, 5)
    weights = weight[nearest[:, 0]].reshape(2, 3, 5)

    ours = classification_loss(logits, ab, bin_centers(), weight)
    expected = torch.stack([(weights * entropy).mean((1, 2)), entropy.mean((1, 2))], dim=1)
    torch.testing.assert_close(ours, expected)


def test_knowing_nothing_costs_the_logarithm_of_313() -> None:
    loss = classification_loss(
        torch.zeros(1, 313, 2, 2), torch.zeros(1, 2, 2, 2), bin_centers(), torch.ones(313)
    )
    torch.testing.assert_close(loss, torch.full((1, 2), math.log(313)))


def test_an_image_counts_from_an_ab_above_5() -> None:
    ab = torch.zeros(3, 2, 4, 4)
    ab[0, 1, 2, 2], ab[1, 0, 0, 0], ab[2, 0, 3, 3] = 5.0, 5.1, -5.1
    assert has_color(ab).tolist() == [0, 1, 1]
