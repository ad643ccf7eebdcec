"""One loop for both objectives: bf16, warm-up and cosine, averaged weights."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from colorizer.color.bins import bin_centers, build_lookup_table
from colorizer.errors import ColorizerError
from colorizer.networks.models import AB_SCALE, Colorizer
from colorizer.training import distributed
from colorizer.training.losses import classification_loss, has_color, regression_loss
from colorizer.training.photo_cache import Squares, center_crops, random_crops, to_example
from colorizer.training.prior import Prior
from colorizer.training.state import LogRow, Run, TrainConfig, keep_epoch, keep_step
from colorizer.training.stopping import Pace

SECOND = {"l2": "mean", "mcl": "unweighted"}  # what a loss tells beside what it minimizes
LONGEST_WARMUP = 0.1  # of a run, so that a short one trains as well
EXPLODED = 100.0  # times the first loss: nothing is learned from there

Loss = Callable[[Tensor, Tensor], Tensor]  # raw, ab -> (N, 2): minimized, told beside it


class Step(NamedTuple):
    """Told after every step; `share` of the run is behind it, in [0, 1]."""

    epoch: int
    number: int  # of the step within the run, from 1 on
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
        return partial(regression_loss, full_scale=AB_SCALE)
    table = build_lookup_table(bin_centers().to(device))
    return partial(classification_loss, table=table, weight=prior.weight.to(device))


def train(
    run: Run,
    training: Squares,
    validation: Squares,
    loss: Loss,
    folder: Path,
    pace: Pace | None = None,
) -> Iterator[Step | Epoch]:
    """Train to the last epoch, or as long as `pace` says; writes the run's folder.

    An epoch that time cuts short is validated and kept as it is. A run that was killed and
    resumed ends where it would have ended: seed, epoch and step draw its batches.
    Raises ColorizerError where the loss or its gradient is no longer a number, or has exploded.
    """
    pace = pace or Pace()
    network, device = distributed.share_gradients(run.model), _device(run.model)
    while run.epoch < run.config.epochs and pace.spent < 1:
        pace.start_epoch()
        batches = draw_batches(run.config, run.epoch, training.readable)
        for rows in batches[run.step :]:
            number = run.epoch * len(batches) + run.step + 1
            share = max(number / (run.config.epochs * len(batches)), min(1.0, pace.spent))
            losses = _slope(network, _own_crops(run, training, rows), loss)
            _take_step(run, losses, len(batches), share)
            pace.tick(len(rows), device)
            yield Step(run.epoch + 1, number, losses, pace.images_per_s, share)
            if pace.save_is_due():
                keep_step(run, folder)
            if pace.stop or pace.spent >= 1:
                break
        if pace.stop:
            return
        row = _log_row(run, validate(run, validation, loss), pace.images_per_s)
        yield Epoch(row, keep_epoch(run, row, folder))


def draw_batches(
    config: TrainConfig, epoch: int, readable: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The rows of every step of an epoch, over all processes.

    Each photograph once; as often as it takes where they are fewer than the shortest epoch needs.
    """
    order = np.random.default_rng([config.seed, epoch]).permutation(readable)
    rows = np.resize(order, max(len(order), config.shortest_epoch * config.batch_size))
    return np.array_split(rows, math.ceil(len(rows) / config.batch_size))


def validate(run: Run, squares: Squares, loss: Loss) -> NDArray[np.float64]:
    """The averaged model's losses (2,), mean over the photographs with color."""
    device, size = _device(run.averaged), run.config.batch_size
    total, counted = torch.zeros(2, device=device), torch.zeros((), device=device)
    for start in range(
        distributed.rank() * size, len(squares.readable), distributed.count() * size
    ):
        crops = center_crops(squares, squares.readable[start : start + size], run.config.crop)
        lightness, ab = to_example(crops.to(device))
        with torch.inference_mode(), reduced_precision(device):
            values = loss(run.averaged(lightness), ab)
        total += (values * has_color(ab)[:, None]).sum(dim=0)
        counted += has_color(ab).sum()
    total, counted = distributed.total(total), distributed.total(counted)
    if not counted:
        raise ColorizerError(
            "the validation photographs are all gray and cannot tell the best epoch"
        )
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


def _own_crops(run: Run, training: Squares, rows: NDArray[np.int64]) -> Tensor:
    """This process's share of the next batch; all draw the same, so that together they hold it."""
    rng = np.random.default_rng([run.config.seed, run.epoch, run.step + 1])
    mine = slice(distributed.rank(), None, distributed.count())
    return random_crops(training, rows, run.config.crop, rng, mine, run.config.smallest_view)


def _slope(network: nn.Module, crops: Tensor, loss: Loss) -> NDArray[np.float64]:
    """Set the gradients; the losses (2,), mean over all processes' crops with color."""
    lightness, ab = to_example(crops.to(next(network.parameters()).device))
    network.train()
    network.zero_grad(set_to_none=True)
    with reduced_precision(lightness.device):
        values = loss(network(lightness), ab)
    color = has_color(ab)[:, None]
    means = (values * color).sum(dim=0) / distributed.total(color.sum()).clamp(min=1)
    torch.autograd.backward(means[0] * distributed.count())  # gradients become means over processes
    told: NDArray[np.float64] = distributed.total(means).double().cpu().numpy()
    return told


def _take_step(run: Run, losses: NDArray[np.float64], steps: int, share: float) -> None:
    """Down the slope, unless it leads nowhere: nothing is changed then."""
    _check(run, losses)
    done, warmup = run.epoch * steps + run.step, run.config.warmup_steps / steps
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(share, warmup / run.config.epochs) * group["peak"]
    run.optimizer.step()
    distributed.average_norm_statistics(run.model)
    _average(run.averaged, run.model, min(run.config.ema, (1 + done) / (10 + done)))
    run.step += 1
    run.first = run.first or float(losses[0])
    run.sums = (run.sums[0] + float(losses[0]), run.sums[1] + float(losses[1]))


def _check(run: Run, losses: NDArray[np.float64]) -> None:
    gradients = [x.grad for x in run.model.parameters() if x.grad is not None]
    slope = torch.nn.utils.get_total_norm(gradients).item()
    if math.isfinite(slope) and losses[0] <= EXPLODED * (run.first or math.inf):
        return
    raise ColorizerError(
        f"the loss is {losses[0]:.4g} (its gradient {slope:.4g}) at step {run.step + 1} of epoch "
        f"{run.epoch + 1}; what was saved before is kept, and --resume goes on from there; "
        "where it comes to this again, begin with another --seed"
    )


@torch.no_grad()
def _average(averaged: Colorizer, model: Colorizer, decay: float) -> None:
    """Norm statistics too: averaged weights need statistics of their own age."""
    for mean, now in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - decay)
        else:
            mean.copy_(now)


def _log_row(run: Run, validated: NDArray[np.float64], images_per_s: float) -> LogRow:
    second = SECOND[run.config.objective]
    return {
        "epoch": run.epoch + 1,
        "steps": run.step,
        "train_loss": run.sums[0] / run.step,
        "val_loss": float(validated[0]),
        f"train_{second}": run.sums[1] / run.step,
        f"val_{second}": float(validated[1]),
        "images_per_s": round(images_per_s, 1),
    }


def _device(model: Colorizer) -> torch.device:
    return next(model.parameters()).device
