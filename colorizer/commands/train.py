"""`colorizer train`: one model."""

import math
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

import click
import torch
from click.core import ParameterSource

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
from colorizer.training.loop import build_loss, train
from colorizer.training.photo_cache import (
    PhotoCache,
    build_photo_cache,
    cached_side,
    open_photo_cache,
)
from colorizer.training.prior import ColorPrior, read_prior
from colorizer.training.state import (
    RESUME_FILE,
    TrainConfig,
    TrainingState,
    create_training_state,
    load_training_state,
)
from colorizer.training.stopping import TrainingTimer, defer_stop_signals
from colorizer.training.tensorboard import record_to_tensorboard

SIGTERM_EXIT_CODE = 143  # what a shell says of a program that SIGTERM ended


@click.command("train")
@click.option("--objective", type=click.Choice(OBJECTIVES), required=True)
@click.option("--backbone", type=click.Choice(ARCHITECTURES), default="resnet50", show_default=True)
@click.option("--weights", help="To start from: a file, or `random`. Without: a download.")
@click.option("--epochs", type=click.IntRange(1), default=15, show_default=True)
@click.option("--crop", type=click.IntRange(16), default=176, show_default=True, help="Pixels.")
@click.option(
    "--smallest-view",
    type=click.FloatRange(0, 1, min_open=True),
    help="Train on views from this share of a photograph's side to the whole, resized to --crop. "
    "Without it they are cut out at one scale.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    help="Over all processes.",
)
@click.option(
    "--frozen-stages",
    type=click.IntRange(0, 4),
    default=0,
    show_default=True,
    help="Of the trunk: held as they came, and its stem with them.",
)
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Stop after about these.")
@click.option("--out", type=FOLDER_TYPE, help="Default: runs/ and the objective.")
@click.option("--resume", is_flag=True, help="Go on where the run was last saved.")
@click.option(
    "--save-minutes",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    help="How often to save within an epoch.",
)
@click.option("--tensorboard", is_flag=True, help="Curves in the run's folder too.")
@click.option("--compile", "compiled", is_flag=True, help="With torch.compile.")
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
    """Fit one model to the train split; the least validation loss is kept.

    Over several processes: `torchrun --nproc-per-node N -m colorizer train ...`. Batch norms are
    synchronized on GPUs; on CPU each process normalizes its own share of the batch.
    """
    config = TrainConfig(**settings)
    folder = out or RUNS_FOLDER / model_name(asdict(config))
    with distributed.process_group(device) as own:
        quiet = quiet or distributed.rank() > 0
        run = (
            continue_run(config, context, folder, own) if resume else start_run(config, folder, own)
        )
        if compiled:
            run.model.compile()
        training, validation = cache_split(run, "train", quiet), cache_split(run, "val", quiet)
        refused = training.refused | validation.refused
        print_refused(refused if distributed.rank() == 0 else {})
        loss = build_loss(read_prior_for(run.config), own)
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


def start_run(config: TrainConfig, folder: Path, device: torch.device) -> TrainingState:
    """A new run; refuses to write over one."""
    if (folder / RESUME_FILE).exists():
        raise ColorizerError(
            f"{folder}: holds a run already; --resume goes on with it, --out names another"
        )
    if config.batch_size < 2 * distributed.world_size():
        raise ColorizerError(
            f"--batch-size {config.batch_size}: {distributed.world_size()} processes share it"
        )
    if config.weights == RANDOM_WEIGHTS and distributed.rank() == 0:
        click.echo("the trunk starts untrained (--weights random): expect poor colors", err=True)
    run = create_training_state(config, read_prior_for(config), device)
    run.source_digests = hash_sources(config)
    return run


def continue_run(
    config: TrainConfig, context: click.Context, folder: Path, device: torch.device
) -> TrainingState:
    """The run in a folder; of its settings only the number of epochs may be given anew."""
    run = load_training_state(folder, device)
    for name, value in asdict(run.config).items():
        source = context.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE and context.params[name] != value:
            if name != "epochs":
                raise ColorizerError(
                    f"{folder}: was begun with {name} {value}; --resume cannot change it"
                )
            run.config = replace(run.config, epochs=config.epochs)
    if run.epochs_done >= run.config.epochs:
        raise ColorizerError(
            f"{folder}: all {run.epochs_done} epochs are done; --epochs can ask for more"
        )
    for file, digest in hash_sources(run.config).items():
        if digest != run.source_digests.get(file):
            raise ColorizerError(
                f"{file}: changed since {folder} was begun; begin again in another --out"
            )
    return run


def read_prior_for(config: TrainConfig) -> ColorPrior | None:
    """What a classification needs to know of the photographs."""
    return read_prior(PRIOR_FILE) if config.objective == "mcl" else None


def hash_sources(config: TrainConfig) -> dict[str, str]:
    """SHA-256 of the files that a run learns from, by their names."""
    read_split(SPLIT_FILE)  # refuses what is no split
    files = [SPLIT_FILE, PRIOR_FILE] if config.objective == "mcl" else [SPLIT_FILE]
    return {str(file): file_sha256(file) for file in files}


def cache_split(run: TrainingState, split_name: str, quiet: bool) -> PhotoCache:
    """The photographs of one side as an array beside the split file, made if need be."""
    photographs, size = (
        select_split(read_split(SPLIT_FILE), split_name),
        cached_side(run.config.crop),
    )
    path = SPLIT_FILE.parent / "cache" / f"{split_name}-{size}.npy"
    if distributed.rank() == 0:
        decoding = build_photo_cache(path, photographs, size)
        for _ in show_progress(decoding, f"decoding {split_name}", len(photographs), quiet):
            pass
    distributed.barrier()
    return open_photo_cache(path, photographs, next(run.model.parameters()).device)


def exit_on_signal(number: int, folder: Path, quiet: bool) -> NoReturn:
    """As the signal asked, once the run is saved."""
    if not quiet:
        click.echo(f"stopped; {folder} is saved and --resume goes on with it", err=True)
    if number == signal.SIGTERM:
        sys.exit(SIGTERM_EXIT_CODE)
    raise KeyboardInterrupt
