"""One loop for both objectives: bf16, warm-up and cosine, averaged weights."""

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from colorizer.bins import bin_centers, tabulate_candidates
from colorizer.cache import Squares, center_crops, random_crops, to_example
from colorizer.errors import Mistake
from colorizer.losses import classification_loss, has_color, regression_loss
from colorizer.models import AB_RANGE, Colorizer
from colorizer.prior import Prior
from colorizer.run import LogRow, Run, keep_epoch

SECOND = {"l2": "mean", "mcl": "unweighted"}  # what a loss tells beside what it minimizes
LONGEST_WARMUP = 0.1  # of a run, so that a short one trains as well

Loss = Callable[[Tensor, Tensor], Tensor]  # raw, ab -> (N, 2): minimized, told beside it


class Step(NamedTuple):
    """Told after every step; `share` of the run is behind it, in [0, 1]."""

    epoch: int
    losses: NDArray[np.float64]  # (2,)
    images_per_s: float  # in this epoch so far
    share: float


class Epoch(NamedTuple):
    """Told after every epoch: its row of log.csv, and whether it is the best so far."""

    row: LogRow
    best: bool


def objective_loss(prior: Prior | None, device: torch.device) -> Loss:
    """What a run minimizes: rebalanced classification where there is a prior, else L2."""
    if prior is None:
        return partial(regression_loss, full_scale=AB_RANGE)
    table = tabulate_candidates(bin_centers().to(device))
    return partial(classification_loss, table=table, weight=prior.weight.to(device))


def train(
    run: Run,
    training: Squares,
    validation: Squares,
    loss: Loss,
    folder: Path,
    minutes: float = math.inf,
) -> Iterator[Step | Epoch]:
    """Train to the last epoch or for about so many minutes; writes the run's folder each epoch.

    An epoch that time cuts short is validated and kept as it is. A run that was killed and
    resumed ends where it would have ended: the seed and the epoch's number draw its batches.
    Raises Mistake where the loss is no longer a number.
    """
    began = time.monotonic()

    def spent() -> float:
        return (time.monotonic() - began) / (60 * minutes)

    while run.epoch < run.config.epochs and spent() < 1:
        steps = []
        for step in _epoch(run, training, loss, spent):
            steps.append(step)
            yield step
        row = _log_row(run, steps, validate(run, validation, loss))
        yield Epoch(row, keep_epoch(run, row, folder))


def validate(run: Run, squares: Squares, loss: Loss) -> NDArray[np.float64]:
    """The averaged model's losses (2,), mean over the photographs with color."""
    device, size = _device(run.averaged), run.config.batch_size
    total, counted = torch.zeros(2, device=device), torch.zeros((), device=device)
    for start in range(0, len(squares.readable), size):
        crops = center_crops(squares, squares.readable[start : start + size], run.config.crop)
        lightness, ab = to_example(crops.to(device))
        with torch.inference_mode(), reduced_precision(device):
            values = loss(run.averaged(lightness), ab)
        total += (values * has_color(ab)[:, None]).sum(dim=0)
        counted += has_color(ab).sum()
    if not counted:
        raise Mistake("the validation photographs are all gray and cannot tell the best epoch")
    means: NDArray[np.float64] = (total / counted).double().cpu().numpy()
    return means


def learning_rate(share: float, warmup: float) -> float:
    """Of its peak, when `share` of the run is behind: linear up to `warmup`, then a cosine."""
    warmup = min(warmup, LONGEST_WARMUP)
    if share < warmup:
        return share / warmup
    return 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))


def reduced_precision(device: torch.device) -> torch.autocast:
    """bf16 where the device multiplies it natively; elsewhere it would be slower, not faster."""
    native = device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


def _epoch(run: Run, training: Squares, loss: Loss, spent: Callable[[], float]) -> Iterator[Step]:
    """The steps of one epoch, until they or the time are used up; at least one."""
    config = run.config
    rng = np.random.default_rng([config.seed, run.epoch])
    order = rng.permutation(training.readable)
    steps = max(config.shortest_epoch, len(order) // config.batch_size)
    began, images = time.monotonic(), 0
    for index in range(steps):
        done = run.epoch * steps + index
        share = max((done + 1) / (config.epochs * steps), min(1.0, spent()))
        rate = learning_rate(share, config.warmup_steps / (config.epochs * steps))
        batch = np.arange(index * config.batch_size, (index + 1) * config.batch_size)
        rows = order.take(batch, mode="wrap")
        losses = _descend(run, random_crops(training, rows, config.crop, rng), loss, rate)
        _average(run.averaged, run.model, min(config.ema, (1 + done) / (10 + done)))
        if not np.isfinite(losses).all():
            raise Mistake(
                f"the loss is {losses[0]} at step {index + 1} of epoch {run.epoch + 1}; "
                "--resume goes on from the epoch before, another --seed takes another way"
            )
        images += len(rows)
        yield Step(run.epoch + 1, losses, images / (time.monotonic() - began), share)
        if spent() >= 1:
            return


def _descend(run: Run, crops: Tensor, loss: Loss, rate: float) -> NDArray[np.float64]:
    """One optimizer step; the losses (2,) before it, mean over the crops with color."""
    for group in run.optimizer.param_groups:
        group["lr"] = rate * group["peak"]
    device = _device(run.model)
    lightness, ab = to_example(crops.to(device))
    run.model.train()
    with reduced_precision(device):
        values = loss(run.model(lightness), ab)
    color = has_color(ab)[:, None]
    means = (values * color).sum(dim=0) / color.sum().clamp(min=1)
    run.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(means[0])
    run.optimizer.step()
    told: NDArray[np.float64] = means.detach().double().cpu().numpy()
    return told


@torch.no_grad()
def _average(averaged: Colorizer, model: Colorizer, decay: float) -> None:
    """Norm statistics too: averaged weights need statistics of their own age."""
    for mean, now in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - decay)
        else:
            mean.copy_(now)


def _log_row(run: Run, steps: list[Step], validated: NDArray[np.float64]) -> LogRow:
    second = SECOND[run.config.objective]
    trained = np.mean([step.losses for step in steps], axis=0)
    return {
        "epoch": run.epoch + 1,
        "steps": len(steps),
        "train_loss": float(trained[0]),
        "val_loss": float(validated[0]),
        f"train_{second}": float(trained[1]),
        f"val_{second}": float(validated[1]),
        "images_per_s": round(steps[-1].images_per_s, 1),
    }


def _device(model: Colorizer) -> torch.device:
    return next(model.parameters()).device
