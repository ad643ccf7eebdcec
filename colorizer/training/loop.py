"""The training loop: bfloat16, warm-up and cosine schedule, and averaged weights (EMA)."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from colorizer.color.bins import bin_centers, build_lookup_table
from colorizer.color.plainness import plainness
from colorizer.color.prior import ColorPrior
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
from colorizer.training.state import (
    LogRow,
    TrainConfig,
    TrainingState,
    finish_epoch,
    save_resume_file,
)
from colorizer.training.stopping import TrainingTimer

SECONDARY_LOSS = {"l2": "mean", "mcl": "unweighted"}  # names of the losses that are only logged
MAX_WARMUP_SHARE = 0.1  # share of a run, so that short runs do not consist of warm-up only
EXPLOSION_FACTOR = 100.0  # training stops if the loss exceeds this multiple of the first loss

PLAIN_WINDOW_PX = 9  # window of a training crop in which plainness is measured (--plain-weights)

# A loss maps raw predictions, ab and L to (N, 2): the loss to minimize and one that is only logged.
LossFunction = Callable[[Tensor, Tensor, Tensor], Tensor]


class StepReport(NamedTuple):
    """The report of a training step."""

    epoch: int
    global_step: int  # number of the step within the run, from 1
    losses: NDArray[np.float64]  # (2,)
    images_per_s: float  # in this epoch so far
    progress: float  # completed fraction of the run, in [0, 1]


class EpochReport(NamedTuple):
    """The report of an epoch: its row of log.csv; is_best: lowest validation loss so far."""

    row: LogRow
    is_best: bool


def build_loss(
    prior: ColorPrior | None, device: torch.device, plain_weights: bool = False
) -> LossFunction:
    """Return the loss of a run: rebalanced classification if there is a prior, else L2.

    plain_weights: a color weighs 1 where the ground is plain, instead of what its rarity asks.
    """
    if prior is None:
        return lambda scaled, ab, _: regression_loss(scaled, ab, AB_SCALE)
    table, weight = build_lookup_table(bin_centers().to(device)), prior.weight.to(device)

    def loss(logits: Tensor, ab: Tensor, lightness: Tensor) -> Tensor:
        plain = plainness(lightness, PLAIN_WINDOW_PX) if plain_weights else None
        return classification_loss(logits, ab, table, weight, plain)

    return loss


def train(
    run: TrainingState,
    train_photos: PhotoCache,
    val_photos: PhotoCache,
    loss: LossFunction,
    folder: Path | None,
    timer: TrainingTimer | None = None,
) -> Iterator[StepReport | EpochReport]:
    """Train until the last epoch or until `timer` stops; write checkpoints and log to `folder`.

    folder: None if another process writes the files. If the time limit ends an epoch early, the
    epoch is validated and kept. Batches depend only on the seed, epoch and step, so a run that was
    killed and resumed ends with the same model.
    Raises ColorizerError if the loss or its gradient is not finite or has exploded.
    """
    timer = timer or TrainingTimer()
    network, device = distributed.wrap_ddp(run.model), _device_of(run.model)
    while run.epochs_done < run.config.epochs and timer.time_share < 1:
        timer.start_epoch()
        batches = draw_batches(run.config, run.epochs_done, train_photos.readable_rows)
        for rows in batches[run.steps_done :]:
            number = run.epochs_done * len(batches) + run.steps_done + 1
            progress = max(number / (run.config.epochs * len(batches)), min(1.0, timer.time_share))
            losses = _compute_gradients(network, _rank_crops(run, train_photos, rows), loss)
            _optimizer_step(run, losses, len(batches), progress)
            timer.record_step(len(rows), device)
            yield StepReport(run.epochs_done + 1, number, losses, timer.images_per_s, progress)
            if timer.is_save_due() and folder is not None:
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
    """Draw the rows of each step of an epoch, for all processes together.

    Every photograph occurs once. If there are too few for the minimum number of steps, they are
    repeated.
    """
    order = np.random.default_rng([config.seed, epoch]).permutation(readable)
    rows = np.resize(order, max(len(order), config.min_epoch_steps * config.batch_size))
    return np.array_split(rows, math.ceil(len(rows) / config.batch_size))


def validate(run: TrainingState, photos: PhotoCache, loss: LossFunction) -> NDArray[np.float64]:
    """Return the losses (2,) of the averaged model, as means over the color photographs.

    Raises ColorizerError if all photographs are gray.
    """
    device, size = _device_of(run.ema_model), run.config.batch_size
    total, color_photo_count = torch.zeros(2, device=device), torch.zeros((), device=device)
    for start in range(
        distributed.rank() * size, len(photos.readable_rows), distributed.world_size() * size
    ):
        crops = center_crops(photos, photos.readable_rows[start : start + size], run.config.crop)
        lightness, ab = to_input_and_target(crops.to(device))
        with torch.inference_mode(), autocast_bfloat16(device):
            values = loss(run.ema_model(lightness), ab, lightness)
        total += (values * color_mask(ab)[:, None]).sum(dim=0)
        color_photo_count += color_mask(ab).sum()
    total, color_photo_count = (
        distributed.all_reduce_sum(total),
        distributed.all_reduce_sum(color_photo_count),
    )
    if not color_photo_count:
        raise ColorizerError(
            "all validation photographs are gray, so the best epoch cannot be chosen; "
            "add color photographs"
        )
    means: NDArray[np.float64] = (total / color_photo_count).double().cpu().numpy()
    return means


def learning_rate(progress: float, warmup: float) -> float:
    """Return the learning rate as a fraction of its peak: linear warm-up, then a cosine.

    progress: completed fraction of the run. warmup: fraction of the run, at most MAX_WARMUP_SHARE.
    """
    warmup = min(warmup, MAX_WARMUP_SHARE)
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def autocast_bfloat16(device: torch.device) -> torch.autocast:
    """Return an autocast to bfloat16, enabled if the device supports it in hardware.

    Without hardware support it would be slower.
    """
    native = device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=native)


def _rank_crops(run: TrainingState, training: PhotoCache, rows: NDArray[np.int64]) -> Tensor:
    """Cut the crops of this process's share of the next batch.

    All processes use the same random numbers, so that together they have the whole batch.
    """
    rng = np.random.default_rng([run.config.seed, run.epochs_done, run.steps_done + 1])
    rank_slice = slice(distributed.rank(), None, distributed.world_size())
    return random_crops(training, rows, run.config.crop, rng, rank_slice, run.config.smallest_view)


def _compute_gradients(
    network: nn.Module, crops: Tensor, loss: LossFunction
) -> NDArray[np.float64]:
    """Compute the gradients; return the losses (2,), as means over all processes' color crops."""
    lightness, ab = to_input_and_target(crops.to(next(network.parameters()).device))
    network.train()
    network.zero_grad(set_to_none=True)
    with autocast_bfloat16(lightness.device):
        values = loss(network(lightness), ab, lightness)
    color = color_mask(ab)[:, None]
    means = (values * color).sum(dim=0) / distributed.all_reduce_sum(color.sum()).clamp(min=1)
    # DDP averages the gradients over the processes, so the loss is scaled up to obtain their sum.
    torch.autograd.backward(means[0] * distributed.world_size())
    mean_losses: NDArray[np.float64] = distributed.all_reduce_sum(means).double().cpu().numpy()
    return mean_losses


def _optimizer_step(
    run: TrainingState, losses: NDArray[np.float64], steps: int, progress: float
) -> None:
    """Take one optimizer step and update the averaged weights.

    Raises ColorizerError, before any weight changes, if the loss or its gradient is not finite or
    has exploded.
    """
    _check_loss(run, losses)
    done, warmup = run.epochs_done * steps + run.steps_done, run.config.warmup_steps / steps
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(progress, warmup / run.config.epochs) * group["peak"]
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
        f"training diverged: the loss is {losses[0]:.4g} (gradient norm {gradient_norm:.4g}) "
        f"at step {run.steps_done + 1} of epoch {run.epochs_done + 1}; the last save is kept: "
        "use --resume to continue from it, or start again with another --seed"
    )


@torch.no_grad()
def _update_ema(averaged: Colorizer, model: Colorizer, decay: float) -> None:
    """Update the moving averages of the weights and of the batch-norm statistics.

    The statistics are averaged too, so that they fit the averaged weights.
    """
    pairs = zip(averaged.state_dict().values(), model.state_dict().values(), strict=True)
    for average, current in pairs:
        if average.is_floating_point():
            average.lerp_(current, 1 - decay)
        else:
            average.copy_(current)


def _build_log_row(
    run: TrainingState, val_losses: NDArray[np.float64], images_per_s: float
) -> LogRow:
    second = SECONDARY_LOSS[run.config.objective]
    return {
        "epoch": run.epochs_done + 1,
        "steps": run.steps_done,
        "train_loss": run.loss_sums[0] / run.steps_done,
        "val_loss": float(val_losses[0]),
        f"train_{second}": run.loss_sums[1] / run.steps_done,
        f"val_{second}": float(val_losses[1]),
        "images_per_s": round(images_per_s, 1),
    }


def _device_of(model: Colorizer) -> torch.device:
    return next(model.parameters()).device
