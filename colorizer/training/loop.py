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
from colorizer.training.losses import classification_loss, color_mask, regression_loss
from colorizer.training.photo_cache import (
    PhotoCache,
    center_crops,
    random_crops,
    to_input_and_target,
)
from colorizer.training.prior import ColorPrior
from colorizer.training.state import (
    LogRow,
    TrainConfig,
    TrainingState,
    finish_epoch,
    save_resume_file,
)
from colorizer.training.stopping import TrainingTimer

SECONDARY_LOSS = {"l2": "mean", "mcl": "unweighted"}  # what a loss tells beside what it minimizes
MAX_WARMUP_SHARE = 0.1  # of a run, so that a short one trains as well
EXPLOSION_FACTOR = 100.0  # times the first loss: nothing is learned from there

LossFunction = Callable[[Tensor, Tensor], Tensor]  # raw, ab -> (N, 2): minimized, told beside it


class StepReport(NamedTuple):
    """Told after every step; `progress` of the run is behind it, in [0, 1]."""

    epoch: int
    global_step: int  # of the step within the run, from 1 on
    losses: NDArray[np.float64]  # (2,)
    images_per_s: float  # in this epoch so far
    progress: float


class EpochReport(NamedTuple):
    """Told after every epoch: its row of log.csv, and whether it is the best so far."""

    row: LogRow
    is_best: bool


def build_loss(prior: ColorPrior | None, device: torch.device) -> LossFunction:
    """What a run minimizes: rebalanced classification where there is a prior, else L2."""
    if prior is None:
        return partial(regression_loss, full_scale=AB_SCALE)
    table = build_lookup_table(bin_centers().to(device))
    return partial(classification_loss, table=table, weight=prior.weight.to(device))


def train(
    run: TrainingState,
    train_photos: PhotoCache,
    val_photos: PhotoCache,
    loss: LossFunction,
    folder: Path,
    timer: TrainingTimer | None = None,
) -> Iterator[StepReport | EpochReport]:
    """Train to the last epoch, or as long as `timer` says; writes the run's folder.

    An epoch that time cuts short is validated and kept as it is. A run that was killed and
    resumed ends where it would have ended: seed, epoch and step draw its batches.
    Raises ColorizerError where the loss or its gradient is no longer a number, or has exploded.
    """
    timer = timer or TrainingTimer()
    network, device = distributed.wrap_ddp(run.model), _device_of(run.model)
    while run.epochs_done < run.config.epochs and timer.time_share < 1:
        timer.start_epoch()
        batches = draw_batches(run.config, run.epochs_done, train_photos.readable_rows)
        for rows in batches[run.steps_done :]:
            number = run.epochs_done * len(batches) + run.steps_done + 1
            share = max(number / (run.config.epochs * len(batches)), min(1.0, timer.time_share))
            losses = _compute_gradients(network, _rank_crops(run, train_photos, rows), loss)
            _optimizer_step(run, losses, len(batches), share)
            timer.record_step(len(rows), device)
            yield StepReport(run.epochs_done + 1, number, losses, timer.images_per_s, share)
            if timer.is_save_due():
                save_resume_file(run, folder)
            if timer.should_stop or timer.time_share >= 1:
                break
        if timer.should_stop:
            return
        row = _build_log_row(run, validate(run, val_photos, loss), timer.images_per_s)
        yield EpochReport(row, finish_epoch(run, row, folder))


def draw_batches(
    config: TrainConfig, epoch: int, readable: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The rows of every step of an epoch, over all processes.

    Each photograph once; as often as it takes where they are fewer than the shortest epoch needs.
    """
    order = np.random.default_rng([config.seed, epoch]).permutation(readable)
    rows = np.resize(order, max(len(order), config.min_epoch_steps * config.batch_size))
    return np.array_split(rows, math.ceil(len(rows) / config.batch_size))


def validate(run: TrainingState, squares: PhotoCache, loss: LossFunction) -> NDArray[np.float64]:
    """The averaged model's losses (2,), mean over the photographs with color."""
    device, size = _device_of(run.ema_model), run.config.batch_size
    total, color_photo_count = torch.zeros(2, device=device), torch.zeros((), device=device)
    for start in range(
        distributed.rank() * size, len(squares.readable_rows), distributed.world_size() * size
    ):
        crops = center_crops(squares, squares.readable_rows[start : start + size], run.config.crop)
        lightness, ab = to_input_and_target(crops.to(device))
        with torch.inference_mode(), autocast_bfloat16(device):
            values = loss(run.ema_model(lightness), ab)
        total += (values * color_mask(ab)[:, None]).sum(dim=0)
        color_photo_count += color_mask(ab).sum()
    total, color_photo_count = (
        distributed.all_reduce_sum(total),
        distributed.all_reduce_sum(color_photo_count),
    )
    if not color_photo_count:
        raise ColorizerError(
            "the validation photographs are all gray and cannot tell the best epoch"
        )
    means: NDArray[np.float64] = (total / color_photo_count).double().cpu().numpy()
    return means


def learning_rate(share: float, warmup: float) -> float:
    """Of its peak, when `progress` of the run is behind: linear up to `warmup`, then a cosine."""
    warmup = min(warmup, MAX_WARMUP_SHARE)
    if share < warmup:
        return share / warmup
    return 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))


def autocast_bfloat16(device: torch.device) -> torch.autocast:
    """bf16 where the device multiplies it natively; elsewhere it would be slower, not faster."""
    native = device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


def _rank_crops(run: TrainingState, training: PhotoCache, rows: NDArray[np.int64]) -> Tensor:
    """This process's share of the next batch; all draw the same, so that together they hold it."""
    rng = np.random.default_rng([run.config.seed, run.epochs_done, run.steps_done + 1])
    rank_slice = slice(distributed.rank(), None, distributed.world_size())
    return random_crops(training, rows, run.config.crop, rng, rank_slice, run.config.smallest_view)


def _compute_gradients(
    network: nn.Module, crops: Tensor, loss: LossFunction
) -> NDArray[np.float64]:
    """Set the gradients; the losses (2,), mean over all processes' crops with color."""
    lightness, ab = to_input_and_target(crops.to(next(network.parameters()).device))
    network.train()
    network.zero_grad(set_to_none=True)
    with autocast_bfloat16(lightness.device):
        values = loss(network(lightness), ab)
    color = color_mask(ab)[:, None]
    means = (values * color).sum(dim=0) / distributed.all_reduce_sum(color.sum()).clamp(min=1)
    # gradients become means over processes
    torch.autograd.backward(means[0] * distributed.world_size())
    mean_losses: NDArray[np.float64] = distributed.all_reduce_sum(means).double().cpu().numpy()
    return mean_losses


def _optimizer_step(
    run: TrainingState, losses: NDArray[np.float64], steps: int, share: float
) -> None:
    """Down the slope, unless it leads nowhere: nothing is changed then."""
    _check_loss(run, losses)
    done, warmup = run.epochs_done * steps + run.steps_done, run.config.warmup_steps / steps
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(share, warmup / run.config.epochs) * group["peak"]
    run.optimizer.step()
    distributed.average_norm_statistics(run.model)
    _update_ema(run.ema_model, run.model, min(run.config.ema_decay, (1 + done) / (10 + done)))
    run.steps_done += 1
    run.first_loss = run.first_loss or float(losses[0])
    run.loss_sums = (run.loss_sums[0] + float(losses[0]), run.loss_sums[1] + float(losses[1]))


def _check_loss(run: TrainingState, losses: NDArray[np.float64]) -> None:
    gradients = [x.grad for x in run.model.parameters() if x.grad is not None]
    gradient_norm = torch.nn.utils.get_total_norm(gradients).item()
    if math.isfinite(gradient_norm) and losses[0] <= EXPLOSION_FACTOR * (
        run.first_loss or math.inf
    ):
        return
    raise ColorizerError(
        f"the loss is {losses[0]:.4g} (its gradient {gradient_norm:.4g}) at step "
        f"{run.steps_done + 1} of epoch {run.epochs_done + 1}; "
        "what was saved before is kept, and --resume goes on from there; "
        "where it comes to this again, begin with another --seed"
    )


@torch.no_grad()
def _update_ema(averaged: Colorizer, model: Colorizer, decay: float) -> None:
    """Norm statistics too: averaged weights need statistics of their own age."""
    for mean, now in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - decay)
        else:
            mean.copy_(now)


def _build_log_row(
    run: TrainingState, validated: NDArray[np.float64], images_per_s: float
) -> LogRow:
    second = SECONDARY_LOSS[run.config.objective]
    return {
        "epoch": run.epochs_done + 1,
        "steps": run.steps_done,
        "train_loss": run.loss_sums[0] / run.steps_done,
        "val_loss": float(validated[0]),
        f"train_{second}": run.loss_sums[1] / run.steps_done,
        f"val_{second}": float(validated[1]),
        "images_per_s": round(images_per_s, 1),
    }


def _device_of(model: Colorizer) -> torch.device:
    return next(model.parameters()).device
