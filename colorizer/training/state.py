"""The settings, the state and the files of a training run."""

import copy
import csv
import math
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import convert_conv2d_weight_memory_format

from colorizer.color.bins import bin_centers
from colorizer.color.prior import ColorPrior, from_tensors, to_tensors
from colorizer.errors import ColorizerError
from colorizer.files import atomic_write
from colorizer.networks.backbone import RANDOM_WEIGHTS, load_pretrained
from colorizer.networks.checkpoint import (
    PRIOR_PREFIX,
    Header,
    find_model_file,
    load_colorizer,
    read_header,
    read_tensors,
    write_model,
    write_tensors,
)
from colorizer.networks.model_card import render_model_card
from colorizer.networks.models import (
    Colorizer,
    PyramidColorizer,
    build_colorizer,
    pretrained_module,
)
from colorizer.networks.zhang2016 import ZHANG2016
from colorizer.training import distributed

RESUME_FILE = "resume.safetensors"
CPU = torch.device("cpu")

LogRow = dict[str, float]


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a run; saved in its checkpoints."""

    objective: str
    backbone: str = "resnet50"
    weights: str | None = None  # a file, `random`, or None for torchvision's download
    epochs: int = 15  # as in the source report
    crop: int = 176  # px; as in the training network released by Zhang et al.
    batch_size: int = 40  # over all processes; as in the release
    seed: int = 0
    decoder_lr: float = 1e-3
    encoder_lr: float = 1e-4  # lower than the decoder's, to preserve the pre-trained features
    weight_decay: float = 1e-3  # as in the release
    warmup_steps: int = 500
    ema_decay: float = 0.999
    smallest_view: float | None = None  # fraction of a square's side; None: crops are not resized
    from_model: str | None = None  # a colorizer from which training continues (fine-tuning)
    from_sha256: str | None = None  # of its file
    plain_weights: bool = False  # for mcl: no rebalancing where the ground is plain
    frozen_stages: int = 0  # number of frozen stages of the backbone; its stem is frozen with them
    # Minimum steps per epoch. A small training set is repeated until an epoch is this long, so that
    # validation does not take most of the time.
    min_epoch_steps: int = 30

    @property
    def is_untrained(self) -> bool:
        """True if no part starts from pre-trained weights; there is no download for zhang2016."""
        return self.from_model is None and (
            self.weights == RANDOM_WEIGHTS or (self.weights is None and self.backbone == ZHANG2016)
        )


@dataclass
class TrainingState:
    """The state of a training run between two steps: everything a resumed run needs."""

    config: TrainConfig
    model: Colorizer
    ema_model: Colorizer  # exponential moving average of the model, which is validated and saved
    optimizer: torch.optim.AdamW
    prior: ColorPrior | None = None  # of the training photographs, to be stored with the model
    source_digests: dict[str, str] = field(default_factory=dict)  # split and prior: file -> SHA-256
    photographs: dict[str, int] = field(default_factory=dict)  # split -> number of readable ones
    epochs_done: int = 0
    best_val_loss: float = math.inf  # lowest validation loss so far
    log_rows: tuple[LogRow, ...] = ()
    steps_done: int = 0  # in the current epoch
    loss_sums: tuple[float, float] = (0.0, 0.0)  # sums of both losses over these steps
    first_loss: float = 0.0  # loss of the first step, with which an exploded loss is detected

    @property
    def is_finished(self) -> bool:
        """True if all epochs are done."""
        return self.epochs_done >= self.config.epochs


def create_training_state(
    config: TrainConfig, prior: ColorPrior | None, device: torch.device
) -> TrainingState:
    """Create the state of a new run.

    prior: of the training photographs; a new `mcl` head starts from it, and the checkpoints contain
    it. Raises ColorizerError if the initial weights do not fit.
    """
    probability = prior.probability if prior else None
    with torch.random.fork_rng(devices=[]):  # torch's layers use the global generator
        torch.manual_seed(config.seed)
        model = build_colorizer(config.backbone, config.objective, bin_centers(), probability)
    if config.from_model is not None:
        model.load_state_dict(load_colorizer(find_model_file(config.from_model), CPU).state_dict())
    elif not config.is_untrained:
        load_pretrained(pretrained_module(model), config.weights)
    return replace(_assemble_state(config, model, device), prior=prior)


def load_training_state(folder: Path, device: torch.device) -> TrainingState:
    """Load the last save of a run, which may be in the middle of an epoch.

    Raises ColorizerError if there is none, or if another version of the program saved it.
    """
    path = folder / RESUME_FILE
    if not path.exists():
        raise ColorizerError(f"{folder}: no run to resume")
    header, tensors = read_header(path), read_tensors(path)
    try:
        return restore_state(header, tensors, device, str(path))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        detail = " ".join(str(error).split())[:200]
        raise ColorizerError(
            f"{path}: saved by an incompatible version ({type(error).__name__}: {detail}); "
            "start again in another folder"
        ) from error


def finish_epoch(run: TrainingState, row: LogRow, folder: Path | None) -> bool:
    """Record an epoch and write the run's files; return True if it is the best so far.

    folder: None if another process writes the files. The resume file is written last and is
    sufficient to resume. If the process is killed between two files, only the end of the epoch is
    repeated.
    """
    is_best = row["val_loss"] < run.best_val_loss
    run.epochs_done, run.best_val_loss = int(row["epoch"]), min(run.best_val_loss, row["val_loss"])
    run.log_rows = (*run.log_rows, row)
    run.steps_done, run.loss_sums = 0, (0.0, 0.0)
    header = {**_checkpoint_header(run), "val_loss": row["val_loss"], "metrics": row}
    header["card"] = render_model_card(header)
    if folder is not None:
        for name in ("best", "last") if is_best else ("last",):
            path = folder / f"{name}.safetensors"
            write_model(path, run.ema_model.state_dict(), run.prior, header)
        _write_log(folder / "log.csv", run.log_rows)
        save_resume_file(run, folder)
    return is_best


def save_resume_file(run: TrainingState, folder: Path) -> None:
    """Write the resume file."""
    write_tensors(folder / RESUME_FILE, state_tensors(run), state_header(run))


def state_header(run: TrainingState) -> Header:
    """Return everything of a state that is not in `state_tensors`."""
    names = ("best_val_loss", "log_rows", "steps_done", "loss_sums", "first_loss")
    return {**_checkpoint_header(run), **{name: getattr(run, name) for name in names}}


def state_tensors(run: TrainingState) -> dict[str, Tensor]:
    """Return the tensors of a state: weights, averaged weights, moments, and the prior."""
    parts = {"model": run.model.state_dict(), "averaged": run.ema_model.state_dict()}
    parts["optimizer"] = {
        f"{index}.{name}": tensor
        for index, moments in run.optimizer.state_dict()["state"].items()
        for name, tensor in moments.items()
    }
    named = {f"{part}.{name}": x for part, tensors in parts.items() for name, x in tensors.items()}
    prior = {} if run.prior is None else to_tensors(run.prior)
    return named | {PRIOR_PREFIX + name: x for name, x in prior.items()}


def restore_state(
    header: Header, tensors: dict[str, Tensor], device: torch.device, source: str
) -> TrainingState:
    """Return the state with this header and these tensors; source: for errors in the prior."""
    config = TrainConfig(**header["config"])
    model = build_colorizer(config.backbone, config.objective, bin_centers())
    run = _assemble_state(config, model, device)
    run.model.load_state_dict(_select(tensors, "model."))
    run.ema_model.load_state_dict(_select(tensors, "averaged."))
    _restore_optimizer(run.optimizer, _select(tensors, "optimizer."))
    prior = _select(tensors, PRIOR_PREFIX)
    run.prior = from_tensors(prior, source) if prior else None
    run.epochs_done, run.source_digests = header["epoch"], header["sources"]
    run.photographs = header["photographs"]
    run.best_val_loss, run.log_rows = header["best_val_loss"], tuple(header["log_rows"])
    run.steps_done, run.first_loss = header["steps_done"], header["first_loss"]
    total, second = header["loss_sums"]
    run.loss_sums = (total, second)
    return run


def _select(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    chosen = {name: x for name, x in tensors.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): x for name, x in chosen.items()}


def _checkpoint_header(run: TrainingState) -> Header:
    return {
        "objective": run.config.objective,
        "backbone": run.config.backbone,
        "epoch": run.epochs_done,
        "trained_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "config": asdict(run.config),
        "sources": run.source_digests,
        "photographs": run.photographs,
        "torch": str(torch.__version__),
    }


def _assemble_state(config: TrainConfig, model: Colorizer, device: torch.device) -> TrainingState:
    if isinstance(model, PyramidColorizer):
        model.backbone.freeze(config.frozen_stages)
    elif config.frozen_stages:
        raise ColorizerError(f"{config.backbone} has no stages to freeze; omit --frozen-stages")
    convert_conv2d_weight_memory_format(model.to(device), torch.channels_last)
    averaged = copy.deepcopy(model).eval().requires_grad_(False)
    distributed.convert_sync_batchnorm(model, device)
    return TrainingState(config, model, averaged, _optimizer(config, model))


def _optimizer(config: TrainConfig, model: Colorizer) -> torch.optim.AdamW:
    """Create the optimizer, with separate learning rates for pre-trained and new parameters.

    The schedule scales each group's `peak`.
    """
    pretrained_ids = {id(x) for x in pretrained_module(model).parameters()}
    trainable = [x for x in model.parameters() if x.requires_grad]
    encoder = [x for x in trainable if id(x) in pretrained_ids]
    rest = [x for x in trainable if id(x) not in pretrained_ids]
    encoder_lr = config.decoder_lr if config.is_untrained else config.encoder_lr
    return torch.optim.AdamW(
        [{"params": encoder, "peak": encoder_lr}, {"params": rest, "peak": config.decoder_lr}],
        weight_decay=config.weight_decay,
    )


def _restore_optimizer(optimizer: torch.optim.AdamW, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _write_log(path: Path, rows: tuple[LogRow, ...]) -> None:
    with atomic_write(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
