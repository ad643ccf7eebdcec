import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from colorizer.networks.checkpoint import read_header, read_tensors
from colorizer.training import distributed
from colorizer.training.photo_cache import random_crops
from colorizer.training.state import RESUME_FILE
from tests.colorizer import little_training

PROJECT = Path(__file__).parents[3]


class TwoHalves(nn.Module):
    """A wrapper that imitates two processes: each half of a batch passes the model separately.

    The gradient of the whole batch's loss is then the mean of the two processes' gradients.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, lightness: Tensor) -> Tensor:
        order = torch.arange(len(lightness))
        halves = [order[0::2], order[1::2]]
        buffers = [{n: x.clone() for n, x in self.model.named_buffers()} for _ in halves]
        outputs = [
            functional_call(self.model, own, (lightness[half],))
            for own, half in zip(buffers, halves, strict=True)
        ]
        with torch.no_grad():
            for name, statistic in self.model.named_buffers():
                statistic.copy_((buffers[0][name] + buffers[1][name]) / 2)
        return torch.cat(outputs)[torch.cat(halves).argsort()]


@pytest.mark.slow(15)
def test_two_processes_train_like_one_that_runs_both_halves(tmp_path: Path) -> None:
    with mock.patch("colorizer.training.distributed.wrap_ddp", TwoHalves):
        little_training.main(tmp_path / "one", double=True)
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    module = ("--nproc-per-node", "2", "-m", "tests.colorizer.little_training")
    command = [*torchrun, *module, str(tmp_path / "two"), "double"]
    subprocess.run(command, cwd=PROJECT, check=True, stderr=subprocess.DEVNULL)
    one, two = (read_header(tmp_path / run / RESUME_FILE)["log_rows"] for run in ("one", "two"))
    for ours, theirs in zip(one, two, strict=True):
        assert theirs["steps"] == ours["steps"]
        for name in ("train_loss", "val_loss", "train_mean", "val_mean"):
            assert theirs[name] == pytest.approx(ours[name], rel=1e-6), name
    one, two = (read_tensors(tmp_path / run / RESUME_FILE, "model.") for run in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-6, atol=1e-9, msg=name)


@pytest.mark.parametrize(
    ("processes", "device", "synchronized"),
    [(1, "cuda", False), (2, "cpu", False), (2, "cuda", True)],
)
def test_batch_norms_are_synchronized_only_on_several_gpus(
    processes: int, device: str, synchronized: bool
) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Sequential(nn.BatchNorm2d(2)))
    weights = list(model.parameters())
    with mock.patch("colorizer.training.distributed.world_size", return_value=processes):
        distributed.convert_sync_batchnorm(model, torch.device(device))
    assert any(isinstance(x, nn.SyncBatchNorm) for x in model.modules()) == synchronized
    assert all(x is y for x, y in zip(model.parameters(), weights, strict=True))


def test_the_shares_of_all_processes_form_the_batch() -> None:
    squares, rows = little_training.pictures(), np.array([4, 0, 7, 2, 2])
    whole, *shares = (
        random_crops(squares, rows, 32, np.random.default_rng(0), share)
        for share in (slice(None), slice(0, None, 2), slice(1, None, 2))
    )
    together = torch.empty_like(whole)
    together[0::2], together[1::2] = shares
    assert torch.equal(together, whole)
