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
    FOLDER,
    PRIOR_FILE,
    RUNS,
    device_option,
    quiet_option,
    seed_option,
)
from colorizer.commands.terminal import follow, tell_refused, tracked
from colorizer.errors import ColorizerError
from colorizer.networks.backbone import RANDOM_WEIGHTS
from colorizer.networks.checkpoint import file_sha256, model_name
from colorizer.networks.models import ARCHITECTURES, OBJECTIVES
from colorizer.photos.splits import SPLIT_FILE, read_split, select_split
from colorizer.training import distributed
from colorizer.training.loop import objective_loss, train
from colorizer.training.photo_cache import Squares, fill_cache, open_cache, square_size
from colorizer.training.prior import Prior, read_prior
from colorizer.training.state import RESUME, Run, TrainConfig, begin_run, resume_run
from colorizer.training.stopping import Pace, deferred_stop
from colorizer.training.tensorboard import recorded

TERMINATED = 143  # what a shell says of a program that SIGTERM ended


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
@click.option("--out", type=FOLDER, help="Default: runs/ and the objective.")
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
    folder = out or RUNS / model_name(asdict(config))
    with distributed.joined(device) as own:
        quiet = quiet or distributed.rank() > 0
        run = go_on(config, context, folder, own) if resume else begin(config, folder, own)
        if compiled:
            run.model.compile()
        training, validation = decode(run, "train", quiet), decode(run, "val", quiet)
        refused = training.refused | validation.refused
        tell_refused(refused if distributed.rank() == 0 else {})
        loss = objective_loss(prior_of(run.config), own)
        with deferred_stop() as signals:
            pace = Pace(minutes or math.inf, save_minutes, lambda: bool(signals))
            told = train(run, training, validation, loss, folder, pace)
            follow(
                recorded(told, folder) if tensorboard and distributed.rank() == 0 else told, quiet
            )
    if signals and run.epoch < run.config.epochs:
        end(signals[0], folder, quiet)
    return 1 if refused else 0


def begin(config: TrainConfig, folder: Path, device: torch.device) -> Run:
    """A new run; refuses to write over one."""
    if (folder / RESUME).exists():
        raise ColorizerError(
            f"{folder}: holds a run already; --resume goes on with it, --out names another"
        )
    if config.batch_size < 2 * distributed.count():
        raise ColorizerError(
            f"--batch-size {config.batch_size}: {distributed.count()} processes share it"
        )
    if config.weights == RANDOM_WEIGHTS and distributed.rank() == 0:
        click.echo("the trunk starts untrained (--weights random): expect poor colors", err=True)
    run = begin_run(config, prior_of(config), device)
    run.sources = hash_sources(config)
    return run


def go_on(config: TrainConfig, context: click.Context, folder: Path, device: torch.device) -> Run:
    """The run in a folder; of its settings only the number of epochs may be given anew."""
    run = resume_run(folder, device)
    for name, value in asdict(run.config).items():
        source = context.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE and context.params[name] != value:
            if name != "epochs":
                raise ColorizerError(
                    f"{folder}: was begun with {name} {value}; --resume cannot change it"
                )
            run.config = replace(run.config, epochs=config.epochs)
    if run.epoch >= run.config.epochs:
        raise ColorizerError(
            f"{folder}: all {run.epoch} epochs are done; --epochs can ask for more"
        )
    for file, digest in hash_sources(run.config).items():
        if digest != run.sources.get(file):
            raise ColorizerError(
                f"{file}: changed since {folder} was begun; begin again in another --out"
            )
    return run


def prior_of(config: TrainConfig) -> Prior | None:
    """What a classification needs to know of the photographs."""
    return read_prior(PRIOR_FILE) if config.objective == "mcl" else None


def hash_sources(config: TrainConfig) -> dict[str, str]:
    """SHA-256 of the files that a run learns from, by their names."""
    read_split(SPLIT_FILE)  # refuses what is no split
    files = [SPLIT_FILE, PRIOR_FILE] if config.objective == "mcl" else [SPLIT_FILE]
    return {str(file): file_sha256(file) for file in files}


def decode(run: Run, side: str, quiet: bool) -> Squares:
    """The photographs of one side as an array beside the split file, made if need be."""
    photographs, size = select_split(read_split(SPLIT_FILE), side), square_size(run.config.crop)
    path = SPLIT_FILE.parent / "cache" / f"{side}-{size}.npy"
    if distributed.rank() == 0:
        decoding = fill_cache(path, photographs, size)
        for _ in tracked(decoding, f"decoding {side}", len(photographs), quiet):
            pass
    distributed.wait()
    return open_cache(path, photographs, next(run.model.parameters()).device)


def end(number: int, folder: Path, quiet: bool) -> NoReturn:
    """As the signal asked, once the run is saved."""
    if not quiet:
        click.echo(f"stopped; {folder} is saved and --resume goes on with it", err=True)
    if number == signal.SIGTERM:
        sys.exit(TERMINATED)
    raise KeyboardInterrupt
