"""`colorizer train`: one model."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click
import torch
from click.core import ParameterSource

from colorizer.backbone import BACKBONES, RANDOM
from colorizer.cache import Squares, fill_cache, open_cache, square_size
from colorizer.errors import Mistake
from colorizer.models import OBJECTIVES
from colorizer.options import (
    FOLDER,
    PRIOR_FILE,
    RUNS,
    SPLIT_FILE,
    device_option,
    quiet_option,
    seed_option,
)
from colorizer.prior import read_prior
from colorizer.run import Run, TrainConfig, begin_run, resume_run
from colorizer.screen import follow, tell_refused, tracked
from colorizer.splits import (
    Photograph,
    members,
    read_split,
)
from colorizer.train import objective_loss, train


@click.command("train")
@click.option("--objective", type=click.Choice(OBJECTIVES), required=True)
@click.option("--backbone", type=click.Choice(BACKBONES), default="resnet50", show_default=True)
@click.option("--weights", help="Of the trunk: a file, or `random`. Without: a download.")
@click.option("--epochs", type=click.IntRange(1), default=15, show_default=True)
@click.option("--crop", type=click.IntRange(16), default=176, show_default=True, help="Pixels.")
@click.option("--batch-size", type=click.IntRange(1), default=40, show_default=True)
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Stop after about these.")
@click.option("--out", type=FOLDER, help="Default: runs/ and the objective.")
@click.option("--resume", is_flag=True, help="Go on after the last finished epoch.")
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
    device: torch.device,
    quiet: bool,
    **settings: str | int | None,
) -> int:
    """Fit one model to the train split; the least validation loss is kept."""
    config = TrainConfig(**settings)  # type: ignore[arg-type]  # click has checked each of them
    folder = out or RUNS / config.objective
    run = begin(config, folder, device) if not resume else go_on(config, context, folder, device)
    rows, size = read_split(SPLIT_FILE), square_size(run.config.crop)
    training = decode(members(rows, "train"), "train", size, quiet)
    validation = decode(members(rows, "val"), "val", size, quiet)
    refused = training.refused | validation.refused
    tell_refused(refused)
    prior = read_prior(PRIOR_FILE) if config.objective == "mcl" else None
    loss = objective_loss(prior, device)
    follow(train(run, training, validation, loss, folder, minutes or math.inf), quiet)
    return 1 if refused else 0


def begin(config: TrainConfig, folder: Path, device: torch.device) -> Run:
    """A new run; refuses to write over one."""
    if (folder / "resume.safetensors").exists():
        raise Mistake(
            f"{folder}: holds a run already; --resume goes on with it, --out names another"
        )
    if config.weights == RANDOM:
        click.echo("the trunk starts untrained (--weights random): expect poor colors", err=True)
    prior = read_prior(PRIOR_FILE) if config.objective == "mcl" else None
    return begin_run(config, prior, device)


def go_on(config: TrainConfig, context: click.Context, folder: Path, device: torch.device) -> Run:
    """The run in a folder; of its settings only the number of epochs may be given anew."""
    run = resume_run(folder, device)
    for name, value in asdict(run.config).items():
        source = context.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE and context.params[name] != value:
            if name != "epochs":
                raise Mistake(f"{folder}: was begun with {name} {value}; --resume cannot change it")
            run.config = replace(run.config, epochs=config.epochs)
    if run.epoch >= run.config.epochs:
        raise Mistake(f"{folder}: all {run.epoch} epochs are done; --epochs can ask for more")
    return run


def decode(photographs: Sequence[Photograph], side: str, size: int, quiet: bool) -> Squares:
    """The photographs of one side as an array beside the split file, made if need be."""
    path = SPLIT_FILE.parent / "cache" / f"{side}-{size}.npy"
    for _ in tracked(
        fill_cache(path, photographs, size), f"decoding {side}", len(photographs), quiet
    ):
        pass
    return open_cache(path, photographs)
