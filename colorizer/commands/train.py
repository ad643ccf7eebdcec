"""The command `colorizer train`, which trains one model."""

import math
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

import click
import torch
from click.core import ParameterSource

from colorizer.color.prior import ColorPrior, read_prior
from colorizer.commands.options import (
    FOLDER_TYPE,
    PRIOR_FILE,
    RUNS_FOLDER,
    device_option,
    quiet_option,
    seed_option,
)
from colorizer.commands.terminal import print_refused, run_with_progress, show_progress
from colorizer.errors import ColorizerError
from colorizer.networks.backbone import RANDOM_WEIGHTS
from colorizer.networks.checkpoint import file_sha256, model_name
from colorizer.networks.models import ARCHITECTURES, OBJECTIVES
from colorizer.photos.splits import SPLIT_FILE, read_split, select_split
from colorizer.training import distributed
from colorizer.training.fine_tuning import (
    FINE_TUNING_EPOCHS,
    read_model_settings,
    require_backbone_weights,
)
from colorizer.training.loop import build_loss, train
from colorizer.training.photo_cache import (
    PhotoCache,
    build_photo_cache,
    cached_side,
    open_photo_cache,
)
from colorizer.training.state import (
    RESUME_FILE,
    TrainConfig,
    TrainingState,
    create_training_state,
    load_training_state,
)
from colorizer.training.stopping import TrainingTimer, defer_stop_signals
from colorizer.training.tensorboard import record_to_tensorboard

SIGTERM_EXIT_CODE = 143  # the exit status of a program ended by SIGTERM: 128 + 15


@click.command("train")
@click.option(
    "--objective",
    type=click.Choice(OBJECTIVES),
    help="Regression (l2) or rebalanced classification (mcl); required without --from.",
)
@click.option(
    "--backbone",
    type=click.Choice(ARCHITECTURES),
    default="resnet50",
    show_default=True,
    help="Architecture of the backbone.",
)
@click.option(
    "--from",
    "from_model",
    metavar="NAME|FILE",
    help="Continue from a colorizer, with its objective and network: a model file, or the name of "
    "an included model (l2 or mcl).",
)
@click.option("--weights", help="Initial weights: a file, or `random`. [default: download]")
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=15,
    help=f"Number of epochs. [default: 15; with --from {FINE_TUNING_EPOCHS}]",
)
@click.option(
    "--crop",
    type=click.IntRange(16),
    default=176,
    show_default=True,
    help="Width and height of the training crops in pixels.",
)
@click.option(
    "--smallest-view",
    type=click.FloatRange(0, 1, min_open=True),
    help="Train on random crops of different sizes, from this fraction of the photograph up to all "
    "of it, resized to --crop. [default: crops at one scale]",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    help="Batch size over all processes.",
)
@click.option(
    "--frozen-stages",
    type=click.IntRange(0, 4),
    default=0,
    show_default=True,
    help="Number of backbone stages to freeze (with the stem).",
)
@click.option(
    "--plain-weights",
    is_flag=True,
    help="For mcl: do not raise rare colors on plain grounds, where lightness says nothing about "
    "the color.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="Stop after about this many minutes.",
)
@click.option("--out", type=FOLDER_TYPE, help="Folder of the run. [default: runs/OBJECTIVE]")
@click.option("--resume", is_flag=True, help="Resume the run from its last save.")
@click.option(
    "--save-minutes",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    help="Save at this interval within an epoch.",
)
@click.option(
    "--tensorboard", is_flag=True, help="Also write TensorBoard logs to the run's folder."
)
@click.option("--compile", "compiled", is_flag=True, help="Use torch.compile.")
@seed_option
@device_option
@quiet_option
@click.pass_context
def train_command(
    context: click.Context,
    /,
    out: Path | None,
    resume: bool,
    minutes: float | None,
    save_minutes: float,
    tensorboard: bool,
    compiled: bool,
    device: torch.device,
    quiet: bool,
    **settings: Any,  # the fields of TrainConfig, which click has checked
) -> int:
    """Train one model; keep the checkpoint with the lowest validation loss.

    To use several processes: `torchrun --nproc-per-node N -m colorizer train ...`. Batch norms are
    synchronized on GPUs; on CPUs each process normalizes its own share of the batch.
    """
    config = TrainConfig(**complete_settings(context, settings, resume))
    folder = out or RUNS_FOLDER / model_name(asdict(config))
    with distributed.process_group(device) as rank_device:
        quiet = quiet or distributed.rank() > 0
        run = (
            continue_run(config, context, folder, rank_device)
            if resume
            else start_run(config, folder, rank_device)
        )
        if compiled:
            run.model.compile()
        training, validation = cache_split(run, "train", quiet), cache_split(run, "val", quiet)
        refused = training.refused | validation.refused
        print_refused(refused if distributed.rank() == 0 else {})
        counts = (len(cache.readable_rows) for cache in (training, validation))
        run.photographs = dict(zip(("train", "val"), counts, strict=True))
        prior = run.prior if run.config.objective == "mcl" else None
        loss = build_loss(prior, rank_device, run.config.plain_weights)
        with defer_stop_signals() as signals:
            timer = TrainingTimer(minutes or math.inf, save_minutes, lambda: bool(signals))
            reports = train(run, training, validation, loss, folder, timer)
            run_with_progress(
                record_to_tensorboard(reports, folder)
                if tensorboard and distributed.rank() == 0
                else reports,
                quiet,
            )
    if signals and run.epochs_done < run.config.epochs:
        exit_on_signal(signals[0], folder, quiet)
    return 1 if refused else 0


def complete_settings(
    context: click.Context, settings: dict[str, Any], resume: bool
) -> dict[str, Any]:
    """Return the settings of a run, with those that follow from --from.

    Raises ColorizerError if options contradict each other.
    """
    model, given = settings["from_model"], ParameterSource.COMMANDLINE
    if model is None:
        if settings["objective"] is None:
            raise click.UsageError("Missing option '--objective' (or '--from').")
        require_backbone_weights(settings["weights"])
        refuse_plain_weights_of_l2(settings)
        return settings
    if resume or settings["weights"] is not None:
        other = "--resume" if resume else "--weights"
        raise ColorizerError(f"use either --from or {other}, not both")
    decided = read_model_settings(model)
    for name in ("objective", "backbone"):
        if context.get_parameter_source(name) is given and settings[name] != decided[name]:
            raise ColorizerError(
                f"--from {model}: its {name} is {decided[name]}; omit --{name} {settings[name]}"
            )
    epochs_given = context.get_parameter_source("epochs") is given
    epochs = settings["epochs"] if epochs_given else FINE_TUNING_EPOCHS
    settings = {**settings, **decided, "epochs": epochs}
    refuse_plain_weights_of_l2(settings)
    return settings


def refuse_plain_weights_of_l2(settings: dict[str, Any]) -> None:
    """Raise ColorizerError if --plain-weights is given for a regression, which has no weights."""
    if settings["plain_weights"] and settings["objective"] != "mcl":
        raise ColorizerError(
            f"--plain-weights: needs --objective mcl, because {settings['objective']} does not "
            "weight colors"
        )


def start_run(config: TrainConfig, folder: Path, device: torch.device) -> TrainingState:
    """Start a new run.

    Raises ColorizerError if the folder already contains one, or if the batch is too small for the
    number of processes.
    """
    if (folder / RESUME_FILE).exists():
        raise ColorizerError(
            f"{folder}: already contains a run; use --resume to continue it, or --out for "
            "another folder"
        )
    if config.batch_size < 2 * distributed.world_size():
        raise ColorizerError(
            f"--batch-size {config.batch_size}: too small for {distributed.world_size()} "
            "processes; use at least 2 per process"
        )
    if config.weights == RANDOM_WEIGHTS and distributed.rank() == 0:
        click.echo("the backbone starts untrained (--weights random); expect poor colors", err=True)
    run = create_training_state(config, read_prior_for(config), device)
    run.source_digests = hash_sources(config)
    return run


def continue_run(
    config: TrainConfig, context: click.Context, folder: Path, device: torch.device
) -> TrainingState:
    """Load the run in a folder to continue it.

    Raises ColorizerError if a setting other than the number of epochs is changed, if all epochs are
    done, or if the split or the prior has changed.
    """
    run = load_training_state(folder, device)
    for name, value in asdict(run.config).items():
        source = context.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE and context.params[name] != value:
            if name != "epochs":
                raise ColorizerError(
                    f"{folder}: this run was started with {name} {value}, which --resume "
                    "cannot change"
                )
            run.config = replace(run.config, epochs=config.epochs)
    if run.epochs_done >= run.config.epochs:
        raise ColorizerError(
            f"{folder}: all {run.epochs_done} epochs are done; for more, use --epochs"
        )
    for file, digest in hash_sources(run.config).items():
        if digest != run.source_digests.get(file):
            raise ColorizerError(
                f"{file}: has changed since the run in {folder} was started; start again with "
                "another --out"
            )
    return run


def read_prior_for(config: TrainConfig) -> ColorPrior | None:
    """Read the color prior; for a regression, which does not need it, return None without one."""
    is_needed = config.objective == "mcl" or PRIOR_FILE.exists()
    return read_prior(PRIOR_FILE) if is_needed else None


def hash_sources(config: TrainConfig) -> dict[str, str]:
    """Return the SHA-256 of the split and, for a classification, of the prior, by file name."""
    read_split(SPLIT_FILE)  # raises ColorizerError if the file is invalid
    files = [SPLIT_FILE, PRIOR_FILE] if config.objective == "mcl" else [SPLIT_FILE]
    return {str(file): file_sha256(file) for file in files}


def cache_split(run: TrainingState, split_name: str, quiet: bool) -> PhotoCache:
    """Open the cache of a split's photographs, next to the split file; rank 0 builds it first."""
    photographs, size = (
        select_split(read_split(SPLIT_FILE), split_name),
        cached_side(run.config.crop),
    )
    path = SPLIT_FILE.parent / "cache" / f"{split_name}-{size}.npy"
    if distributed.rank() == 0:
        decoding = build_photo_cache(path, photographs, size, min_side=run.config.crop)
        for _ in show_progress(decoding, f"decoding {split_name}", len(photographs), quiet):
            pass
    distributed.barrier()
    return open_photo_cache(path, photographs, next(run.model.parameters()).device)


def exit_on_signal(number: int, folder: Path, quiet: bool) -> NoReturn:
    """Exit as the signal would have done, after the run has been saved."""
    if not quiet:
        click.echo(f"stopped; the run is saved in {folder}; continue with --resume", err=True)
    if number == signal.SIGTERM:
        sys.exit(SIGTERM_EXIT_CODE)
    raise KeyboardInterrupt
