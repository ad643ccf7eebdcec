import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.networks.checkpoint import (
    read_header,
)
from colorizer.training.photo_cache import random_crops
from colorizer.training.state import RESUME
from tests.colorizer import little_training

HOUSE = Path(__file__).parents[3]


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    little_training.main(tmp_path / "one", double=True)
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    module = ("--nproc-per-node", "2", "-m", "tests.colorizer.little_training")
    words = [*torchrun, *module, str(tmp_path / "two"), "double"]
    subprocess.run(words, cwd=HOUSE, check=True, stderr=subprocess.DEVNULL)
    one, two = (read_header(tmp_path / run / RESUME)["log"] for run in ("one", "two"))
    for ours, theirs in zip(one, two, strict=True):
        assert theirs["steps"] == ours["steps"]
        for name in ("train_loss", "val_loss", "train_mean", "val_mean"):
            assert theirs[name] == pytest.approx(ours[name], rel=1e-4), name


def test_the_shares_of_the_processes_are_the_batch() -> None:
    squares, rows = little_training.pictures(), np.array([4, 0, 7, 2, 2])
    whole, *shares = (
        random_crops(squares, rows, 32, np.random.default_rng(0), share)
        for share in (slice(None), slice(0, None, 2), slice(1, None, 2))
    )
    together = torch.empty_like(whole)
    together[0::2], together[1::2] = shares
    assert torch.equal(together, whole)
