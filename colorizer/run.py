"""A training run between two epochs: its settings, its state, its files."""

import copy
import csv
import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor

from colorizer.atomic import replacing
from colorizer.backbone import RANDOM, load_pretrained
from colorizer.bins import bin_centers
from colorizer.checkpoint import read_header, read_tensors, write_tensors
from colorizer.errors import Mistake
from colorizer.models import Colorizer, build_colorizer
from colorizer.prior import Prior

LogRow = dict[str, float]


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run; saved in its checkpoints."""

    objective: str
    backbone: str = "resnet50"
    weights: str | None = None  # a file, `random`, or None for torchvision's download
    epochs: int = 15  # the source report's
    crop: int = 176  # px; Zhang et al.'s released training network
    batch_size: int = 40  # likewise
    seed: int = 0
    decoder_lr: float = 1e-3
    encoder_lr: float = 1e-4  # a pre-trained trunk has something to lose
    weight_decay: float = 1e-3  # likewise the release's
    warmup_steps: int = 500
    ema: float = 0.999
    shortest_epoch: int = 30  # steps: few photographs are gone over again, not validated again


@dataclass
class Run:
    """What a run carries from epoch to epoch."""

    config: TrainConfig
    model: Colorizer
    averaged: Colorizer  # exponential moving average of the model: validated and kept
    optimizer: torch.optim.AdamW
    epoch: int = 0  # the last one done
    best: float = math.inf  # the least validation loss so far
    log: tuple[LogRow, ...] = ()


def begin_run(config: TrainConfig, prior: Prior | None, device: torch.device) -> Run:
    """A run at its start. prior: what an `mcl` head starts from."""
    probability = prior.probability if prior else None
    with torch.random.fork_rng(devices=[]):  # torch's layers draw from the global generator
        torch.manual_seed(config.seed)
        model = build_colorizer(config.backbone, config.objective, bin_centers(), probability)
    load_pretrained(model.backbone, config.weights)
    return _set_up(config, model, device)


def resume_run(folder: Path, device: torch.device) -> Run:
    """A run as its last epoch left it. Raises Mistake where there is none."""
    path = folder / "resume.safetensors"
    if not path.exists():
        raise Mistake(f"{folder}: no run to resume here; leave --resume out to begin one")
    header = read_header(path)
    config = TrainConfig(**header["config"])
    model = build_colorizer(config.backbone, config.objective, bin_centers())
    run = _set_up(config, model, device)
    run.model.load_state_dict(read_tensors(path, "model."))
    run.averaged.load_state_dict(read_tensors(path, "averaged."))
    _restore_optimizer(run.optimizer, read_tensors(path, "optimizer."))
    run.epoch, run.best, run.log = header["epoch"], header["best"], tuple(header["log"])
    return run


def keep_epoch(run: Run, row: LogRow, folder: Path) -> bool:
    """Record an epoch and write the run's files; whether it is the best so far.

    resume.safetensors comes last and alone suffices to go on, so a kill between two files only
    repeats the epoch.
    """
    best = row["val_loss"] < run.best
    run.epoch, run.best = int(row["epoch"]), min(run.best, row["val_loss"])
    run.log = (*run.log, row)
    header = {
        "objective": run.config.objective,
        "backbone": run.config.backbone,
        "epoch": run.epoch,
        "val_loss": row["val_loss"],
        "trained_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "config": asdict(run.config),
    }
    names = ("best", "last") if best else ("last",)
    for name in names:
        write_tensors(folder / f"{name}.safetensors", run.averaged.state_dict(), header)
    _write_log(folder / "log.csv", run.log)
    state = {"best": run.best, "log": run.log}
    write_tensors(folder / "resume.safetensors", _state(run), {**header, **state})
    return best


def _set_up(config: TrainConfig, model: Colorizer, device: torch.device) -> Run:
    model = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stub
    averaged = copy.deepcopy(model).eval().requires_grad_(False)
    return Run(config, model, averaged, _optimizer(config, model))


def _optimizer(config: TrainConfig, model: Colorizer) -> torch.optim.AdamW:
    """Trunk and decoder at their own rates; `peak` is what the schedule scales."""
    trained = config.weights != RANDOM
    encoder_lr = config.encoder_lr if trained else config.decoder_lr
    trunk = list(model.backbone.parameters())
    rest = [*model.decoder.parameters(), *model.head.parameters()]
    return torch.optim.AdamW(
        [{"params": trunk, "peak": encoder_lr}, {"params": rest, "peak": config.decoder_lr}],
        weight_decay=config.weight_decay,
    )


def _state(run: Run) -> dict[str, Tensor]:
    parts = {"model": run.model.state_dict(), "averaged": run.averaged.state_dict()}
    parts["optimizer"] = {
        f"{index}.{name}": tensor
        for index, moments in run.optimizer.state_dict()["state"].items()
        for name, tensor in moments.items()
    }
    return {f"{part}.{name}": x for part, tensors in parts.items() for name, x in tensors.items()}


def _restore_optimizer(optimizer: torch.optim.AdamW, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _write_log(path: Path, rows: tuple[LogRow, ...]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
