from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.color.prior import (
    ColorPrior,
    from_tensors,
    read_prior,
    rebalancing_weights,
    to_tensors,
    write_prior,
)
from colorizer.errors import ColorizerError


def some_prior() -> ColorPrior:
    probability = torch.rand(313, generator=torch.Generator().manual_seed(0)).softmax(dim=0)
    return ColorPrior(probability, rebalancing_weights(probability), photograph_count=7)


def test_the_weights_of_three_bins_agree_with_a_calculation_by_hand() -> None:
    # p = (3/4, 1/4, 0), u = (1/2, 1/2, 0): mixed 5/8 and 3/8, inverse 8/5 and 8/3;
    # E_p = 6/5 + 2/3 = 28/15; so 6/7 and 10/7, and the bin that never occurs gets 10/7 too.
    weight = rebalancing_weights(torch.tensor([0.75, 0.25, 0.0]))
    torch.testing.assert_close(weight, torch.tensor([6 / 7, 10 / 7, 10 / 7]))


@pytest.mark.parametrize(
    ("mixing", "weight"),
    # p = (3/4, 1/4, 0). At 0: 1/p = 4/3 and 4, mean 2. At 1: all equal.
    [(0.0, [2 / 3, 2.0, 2.0]), (1.0, [1.0, 1.0, 1.0])],
)
def test_weights_are_inverse_to_the_prior_at_lambda_0_and_equal_at_1(
    mixing: float, weight: list[float]
) -> None:
    probability = torch.tensor([0.75, 0.25, 0.0])
    torch.testing.assert_close(rebalancing_weights(probability, mixing), torch.tensor(weight))


def test_a_written_prior_is_read_back_unchanged(tmp_path: Path) -> None:
    prior = some_prior()
    write_prior(tmp_path / "prior.npz", prior)
    for ours, stored in zip(prior, read_prior(tmp_path / "prior.npz"), strict=True):
        assert torch.equal(torch.as_tensor(ours), torch.as_tensor(stored))


def test_the_error_for_a_missing_prior_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ColorizerError, match="run `colorizer prior` first"):
        read_prior(tmp_path / "prior.npz")


def test_a_prior_with_different_bins_or_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prior.npz"
    write_prior(path, some_prior())
    with np.load(path) as stored:
        np.savez(path, **{**stored, "bins": stored["bins"] + 1})
    with pytest.raises(ColorizerError, match="different bins"):
        read_prior(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ColorizerError, match="not a prior"):
        read_prior(path)


def test_a_prior_survives_the_way_through_tensors() -> None:
    prior = some_prior()
    for ours, stored in zip(prior, from_tensors(to_tensors(prior), "m"), strict=True):
        assert torch.equal(torch.as_tensor(ours), torch.as_tensor(stored))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("weight", torch.ones(312), "not one finite number per bin"),
        ("probability", torch.full((313,), torch.nan), "not one finite number per bin"),
        ("unknown", torch.ones(313), "incomplete"),
    ],
)
def test_a_damaged_prior_in_a_model_file_is_refused(
    name: str, value: torch.Tensor, reason: str
) -> None:
    with pytest.raises(ColorizerError, match=reason):
        from_tensors({**to_tensors(some_prior()), name: value}, "m")
