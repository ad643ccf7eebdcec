import json
import os
import shutil
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
from colorizer.splits.split_file import write_split
from colorizer.training import distributed
from colorizer.training.photo_cache import random_crops
from colorizer.training.state import RESUME_FILE
from tests.colorizer import little_training
from tests.colorizer.conftest import split_pictures
from tests.colorizer.pictures import write_pictures
from tests.ports import free_port

PROJECT = Path(__file__).parents[3]
LITTLE_CLI = "tests.colorizer.little_networks"


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


def run_nodes(folders: list[Path], module: str, *arguments: str) -> list[tuple[int, str, str]]:
    """Run a module in one process on each of several nodes, which `torchrun` would start.

    Each node has a working folder of its own. Returns the exit status, stdout and stderr of each.
    """
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    group |= {"WORLD_SIZE": str(len(folders)), "LOCAL_RANK": "0", "PYTHONPATH": str(PROJECT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env={**os.environ, **group, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, folder in enumerate(folders)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    return [
        (process.returncode, *output) for process, output in zip(processes, outputs, strict=True)
    ]


@pytest.mark.slow(30)
def test_nodes_without_a_shared_disk_resume_from_whichever_has_the_newest_save(
    tmp_path: Path,
) -> None:
    nodes = [tmp_path / "a", tmp_path / "b"]
    write_pictures(tmp_path / "photos", 12)
    for node in nodes:
        write_split(node / "data" / "split.csv", split_pictures(tmp_path / "photos"))
    options = ["--backbone", "resnet50v2", "--weights", "random", "--crop", "32", "--batch-size"]
    command = [*options, "4", "--objective", "l2", "--resume", "--cache", "cache", "--minutes"]

    (code, _, said), other = run_nodes(nodes, LITTLE_CLI, "train", *command, "0.002")
    assert (code, other) == (0, (0, "", "")), said
    assert "runs/l2: no run to resume; starting a new one" in said
    saves = [node / "runs" / "l2" / RESUME_FILE for node in nodes]
    one, two = (read_tensors(save) for save in saves)
    assert all(torch.equal(two[name], tensor) for name, tensor in one.items())
    caches = [np.load(node / "cache" / "photographs-47.npy") for node in nodes]
    assert np.array_equal(*caches)

    shutil.rmtree(nodes[0] / "runs")
    (code, _, said), other = run_nodes(nodes, LITTLE_CLI, "train", *command, "0.002")
    assert (code, other) == (0, (0, "", "")), said
    assert "runs/l2: continuing after epoch 1" in said
    assert [read_header(save)["epoch"] for save in saves] == [2, 2]


@pytest.mark.slow(20)
def test_processes_agree_and_notice_errors_and_hanging(tmp_path: Path) -> None:
    outputs = run_nodes(
        [tmp_path] * 2, "tests.colorizer.little_group", str(tmp_path / "shared"), str(tmp_path)
    )
    first, second = (json.loads(out) for _, out, _ in outputs)
    assert first == {
        "error on rank 1": "exit 2",
        "error on no rank": "done",
        "writes to the shared folder": True,
        "writes to its own folder": True,
        "readable rows": [2, 3],
        "finished": True,
        "noticed the hanging process": True,
    }
    assert second == {
        **first,
        "error on rank 1": "the disk is full",
        "writes to the shared folder": False,
        "noticed the hanging process": False,
    }
    assert not list((tmp_path / "shared").iterdir())


def test_the_shares_of_all_processes_form_the_batch() -> None:
    squares, rows = little_training.pictures(), np.array([4, 0, 7, 2, 2])
    whole, *shares = (
        random_crops(squares, rows, 32, np.random.default_rng(0), share)
        for share in (slice(None), slice(0, None, 2), slice(1, None, 2))
    )
    together = torch.empty_like(whole)
    together[0::2], together[1::2] = shares
    assert torch.equal(together, whole)
