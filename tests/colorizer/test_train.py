import csv
import math
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.cache import Squares, random_crops
from colorizer.checkpoint import load_colorizer, read_header, read_tensors, write_tensors
from colorizer.errors import Mistake
from colorizer.models import PyramidColorizer, pretrained_part
from colorizer.pace import Pace
from colorizer.prior import Prior, count_photographs, estimate_prior
from colorizer.run import RESUME, Run, TrainConfig, begin_run, resume_run
from colorizer.splits import Photograph
from colorizer.train import (
    Epoch,
    Step,
    draw_batches,
    learning_rate,
    objective_loss,
    train,
    validate,
)
from tests.colorizer import little_training
from tests.colorizer.conftest import CPU
from tests.colorizer.little_training import LITTLE

HOUSE = Path(__file__).parents[2]

TINY = TrainConfig(
    "l2", "resnet50v2", weights="random", epochs=1, crop=32, batch_size=4, shortest_epoch=4
)


@pytest.fixture(scope="module")
def prior(photographs: list[Photograph]) -> Prior:
    counts = torch.stack([c for c in count_photographs(photographs, CPU) if torch.is_tensor(c)])
    return estimate_prior(counts.sum(dim=0), len(photographs))


@pytest.mark.parametrize(("objective", "left"), [("l2", 0.8), ("mcl", 0.93)])
def test_a_few_pictures_are_learned(
    objective: str, left: float, squares: Squares, prior: Prior, tmp_path: Path
) -> None:
    given = prior if objective == "mcl" else None
    config = replace(TINY, objective=objective, crop=48, epochs=2, shortest_epoch=16)
    run, loss = begin_run(config, given, CPU), objective_loss(given, CPU)
    before = validate(run, squares, loss)
    told = list(train(run, squares, squares, loss, tmp_path))
    assert sum(isinstance(step, Step) for step in told) == 32
    assert run.best < left * before[0]  # of gray, or of the prior

    with (tmp_path / "log.csv").open() as file:
        log = list(csv.DictReader(file))
    assert [row["epoch"] for row in log] == ["1", "2"]
    second = "mean" if objective == "l2" else "unweighted"
    assert {f"train_{second}", f"val_{second}", "train_loss", "val_loss"} < set(log[0])
    best = read_header(tmp_path / "best.safetensors")
    assert best["val_loss"] == min(float(row["val_loss"]) for row in log)
    assert best["config"]["objective"] == objective
    load_colorizer(tmp_path / "best.safetensors", CPU)


def same_tensors(one: Path, other: Path) -> bool:
    ours, theirs = read_tensors(one), read_tensors(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def start_training(folder: Path) -> subprocess.Popen[bytes]:
    module = "tests.colorizer.little_training"
    return subprocess.Popen([sys.executable, "-m", module, str(folder)], cwd=HOUSE)


def test_a_run_that_was_killed_ends_where_it_would_have_ended(tmp_path: Path) -> None:
    little_training.main(tmp_path / "whole")

    process = start_training(tmp_path / "killed")
    saved = tmp_path / "killed" / RESUME
    while not (saved.exists() and read_header(saved)["step"] == 1):
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    again = resume_run(tmp_path / "killed", CPU)
    assert (again.epoch, again.step) in {(0, 1), (0, 2), (0, 3)}
    pictures, loss = little_training.pictures(), objective_loss(None, CPU)
    list(train(again, pictures, pictures, loss, tmp_path / "killed"))

    for name in ("last.safetensors", RESUME):
        assert same_tensors(tmp_path / "whole" / name, tmp_path / "killed" / name)
    whole, killed = (read_header(tmp_path / run / RESUME) for run in ("whole", "killed"))
    for ours, theirs in zip(whole["log"], killed["log"], strict=True):
        assert {**ours, "images_per_s": 0} == {**theirs, "images_per_s": 0}


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


@pytest.mark.parametrize("photographs", [1, 9, 30, 47, 400])
def test_an_epoch_shows_every_photograph(photographs: int) -> None:
    batches = draw_batches(LITTLE, 0, np.arange(photographs))
    assert max(len(rows) for rows in batches) <= LITTLE.batch_size
    times = Counter(np.concatenate(batches).tolist())
    assert times.keys() == set(range(photographs))
    assert max(times.values()) - min(times.values()) <= 1
    if photographs >= LITTLE.batch_size * LITTLE.shortest_epoch:
        assert set(times.values()) == {1}


def test_the_shares_of_the_processes_are_the_batch() -> None:
    squares, rows = little_training.pictures(), np.array([4, 0, 7, 2, 2])
    whole, *shares = (
        random_crops(squares, rows, 32, np.random.default_rng(0), share)
        for share in (slice(None), slice(0, None, 2), slice(1, None, 2))
    )
    together = torch.empty_like(whole)
    together[0::2], together[1::2] = shares
    assert torch.equal(together, whole)


def test_time_ends_a_run_in_good_order(squares: Squares, tmp_path: Path) -> None:
    run = begin_run(replace(TINY, shortest_epoch=4000), None, CPU)
    told = list(
        train(run, squares, squares, objective_loss(None, CPU), tmp_path, Pace(minutes=0.02))
    )
    assert isinstance(told[-1], Epoch)
    assert told[-1].row["steps"] < 4000
    assert isinstance(told[-2], Step)
    assert told[-2].share > 10 * told[-1].row["steps"] / 4000  # the schedule goes by the time
    load_colorizer(tmp_path / "best.safetensors", CPU)


def projection(run: Run) -> torch.nn.Conv2d:
    """The last layer."""
    assert isinstance(run.model, PyramidColorizer)
    return run.model.head.project


def test_a_loss_that_is_no_number_stops_the_run(squares: Squares, tmp_path: Path) -> None:
    run = begin_run(TINY, None, CPU)
    torch.nn.init.constant_(projection(run).weight, math.nan)
    with pytest.raises(Mistake, match=r"the loss is nan .* at step 1 of epoch 1"):
        list(train(run, squares, squares, objective_loss(None, CPU), tmp_path))
    assert not list(tmp_path.iterdir())


def test_gray_validation_photographs_cannot_choose_an_epoch(
    squares: Squares, tmp_path: Path
) -> None:
    gray = squares._replace(pixels=np.full_like(squares.pixels, 128))
    with pytest.raises(Mistake, match="all gray"):
        list(train(begin_run(TINY, None, CPU), squares, gray, objective_loss(None, CPU), tmp_path))


def test_gray_crops_teach_nothing(squares: Squares, tmp_path: Path) -> None:
    gray = squares._replace(pixels=np.full_like(squares.pixels, 128))
    run = begin_run(replace(TINY, weight_decay=0.0), None, CPU)
    before = projection(run).weight.clone()
    next(iter(train(run, gray, squares, objective_loss(None, CPU), tmp_path)))
    assert torch.equal(projection(run).weight, before)


def test_the_rate_warms_up_then_falls_to_nothing() -> None:
    shares = np.linspace(0, 1, 101)
    rates = np.array([learning_rate(share, warmup=0.05) for share in shares])
    assert rates[0] == 0
    assert rates.argmax() == 5
    assert rates.max() == 1
    assert (np.diff(rates[5:]) < 0).all()
    assert rates[-1] == pytest.approx(0)
    assert learning_rate(0.1, warmup=25) == 1  # a run shorter than its warm-up still trains


def encoder_and_decoder_peaks(run: Run) -> list[float]:
    return [group["peak"] for group in run.optimizer.param_groups]


def test_a_pretrained_trunk_learns_slower_than_an_untrained_one(tmp_path: Path) -> None:
    untrained = begin_run(TINY, None, CPU)
    assert encoder_and_decoder_peaks(untrained) == [1e-3, 1e-3]
    write_tensors(tmp_path / "trunk.safetensors", pretrained_part(untrained.model).state_dict(), {})
    pretrained = replace(TINY, weights=str(tmp_path / "trunk.safetensors"))
    assert encoder_and_decoder_peaks(begin_run(pretrained, None, CPU)) == [1e-4, 1e-3]
