import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from colorizer.color.bins import bin_centers, build_lookup_table, soft_encode
from colorizer.training.losses import (
    classification_loss,
    color_mask,
    regression_loss,
    sparse_cross_entropy,
)
from tests.colorizer.colors import targets

TABLE = build_lookup_table(bin_centers())


def example(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits (2, 313, 15, 20), ab and weights; the pixels do not fill whole chunks."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 313, 15, 20, generator=generator) * 3
    ab = targets(2 * 15 * 20, seed).T.reshape(2, 2, 15, 20).movedim(0, 1)
    return logits, ab, torch.rand(313, generator=generator) + 0.5


def dense_loss(logits: Tensor, ab: Tensor, weight: Tensor) -> Tensor:
    """Compute the classification loss in float64 with targets of 313 values per pixel."""
    nearest, share = soft_encode(ab.movedim(1, -1).reshape(-1, 2).double(), TABLE)
    target = torch.zeros(len(share), 313, dtype=torch.float64).scatter(1, nearest, share)
    target = target.reshape(*logits[:, 0].shape, 313).movedim(-1, 1)
    entropy = functional.cross_entropy(logits.double(), target, reduction="none")  # (N, H, W)
    weights = weight[nearest[:, 0]].reshape(entropy.shape)
    return torch.stack([(weights * entropy).mean((1, 2)), entropy.mean((1, 2))], dim=1)


def test_l2_is_the_sum_of_squared_differences() -> None:
    scaled = torch.zeros(1, 2, 2, 2)
    ab = torch.tensor([[[[110.0, 0], [0, 0]], [[0, 55], [0, 0]]]])  # 1 and 1/2 of full scale
    total, mean = regression_loss(scaled, ab, full_scale=110.0)[0].tolist()
    assert (total, mean) == (1.25, 1.25 / 8)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_classification_loss_and_its_gradient_equal_the_dense_ones(
    layout: torch.memory_format,
) -> None:
    logits, ab, weight = example(seed=0)
    ours = logits.to(memory_format=layout).requires_grad_()
    theirs = logits.detach().double().requires_grad_()
    loss, reference = classification_loss(ours, ab, TABLE, weight), dense_loss(theirs, ab, weight)
    torch.testing.assert_close(loss.double(), reference, rtol=1e-5, atol=0)

    mixture = torch.tensor([[1.0, 0.3], [0.7, -2.0]])  # of both losses of both images
    torch.autograd.backward((loss * mixture).sum())
    torch.autograd.backward((reference * mixture).sum())
    assert ours.grad is not None
    assert theirs.grad is not None
    error = (ours.grad.double() - theirs.grad).abs().max() / theirs.grad.abs().max()
    assert error < 1e-5


def test_the_gradient_agrees_with_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    nearest = torch.rand(20, 7, generator=generator).argsort(dim=1)[:, :3]
    share = torch.rand(20, 3, generator=generator, dtype=torch.float64).softmax(dim=1)
    assert torch.autograd.gradcheck(lambda x: sparse_cross_entropy(x, nearest, share), logits)


def test_a_second_derivative_is_refused() -> None:
    logits = torch.zeros(2, 313, requires_grad=True)
    loss = sparse_cross_entropy(logits, *soft_encode(torch.ones(2, 2), TABLE)).square().sum()
    (gradient,) = torch.autograd.grad(loss, logits, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(gradient.sum())


def test_the_loss_of_bfloat16_logits_is_computed_in_float32() -> None:
    logits, ab, weight = example(seed=1)
    half = logits.bfloat16().requires_grad_()
    same = logits.bfloat16().double().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = classification_loss(half, ab, TABLE, weight)
    reference = dense_loss(same, ab, weight)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss.double(), reference, rtol=1e-5, atol=0)

    torch.autograd.backward(loss[:, 0].sum())
    torch.autograd.backward(reference[:, 0].sum())
    assert half.grad is not None
    assert same.grad is not None
    assert half.grad.dtype == torch.bfloat16
    torch.testing.assert_close(half.grad.double(), same.grad, rtol=2**-8, atol=1e-8)


def test_logits_far_apart_give_a_finite_loss() -> None:
    logits = torch.zeros(1, 313, 1, 1)
    logits[0, 0] = 1e4
    loss = classification_loss(logits, torch.zeros(1, 2, 1, 1), TABLE, torch.ones(313))
    torch.testing.assert_close(loss, torch.full((1, 2), 1e4))


def test_the_loss_of_a_uniform_prediction_is_the_logarithm_of_313() -> None:
    loss = classification_loss(
        torch.zeros(1, 313, 2, 2), torch.zeros(1, 2, 2, 2), TABLE, torch.ones(313)
    )
    torch.testing.assert_close(loss, torch.full((1, 2), math.log(313)))


def test_an_image_has_color_if_an_ab_is_above_5() -> None:
    ab = torch.zeros(3, 2, 4, 4)
    ab[0, 1, 2, 2], ab[1, 0, 0, 0], ab[2, 0, 3, 3] = 5.0, 5.1, -5.1
    assert color_mask(ab).tolist() == [0, 1, 1]


def test_on_a_plain_ground_a_color_weighs_1() -> None:
    logits, ab, weight = example(seed=2)
    loss = classification_loss(logits, ab, TABLE, weight, plain=torch.ones(2, 1, 15, 20))
    torch.testing.assert_close(loss[:, 0], loss[:, 1])


def test_on_texture_a_color_has_the_weight_of_its_rarity() -> None:
    logits, ab, weight = example(seed=2)
    loss = classification_loss(logits, ab, TABLE, weight, plain=torch.zeros(2, 1, 15, 20))
    torch.testing.assert_close(loss, classification_loss(logits, ab, TABLE, weight))


def test_the_weight_approaches_1_pixel_by_pixel() -> None:
    logits, ab, weight = example(seed=2)
    plain = torch.rand(2, 1, 15, 20, generator=torch.Generator().manual_seed(3))
    nearest, share = soft_encode(ab.movedim(1, -1).reshape(-1, 2), TABLE)
    entropy = sparse_cross_entropy(logits.movedim(1, -1).reshape(-1, 313), nearest, share)
    powers = weight[nearest[:, 0]].double() ** (1 - plain.flatten().double())
    expected = (powers * entropy).reshape(2, -1).mean(dim=1)
    loss = classification_loss(logits, ab, TABLE, weight, plain)
    torch.testing.assert_close(loss[:, 0].double(), expected)
