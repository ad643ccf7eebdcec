"""The command `colorizer train`, which trains one model."""

import math
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click
import torch
from click.core import ParameterSource

from colorizer.commands.options import (
    FOLDER_TYPE,
    RUNS_FOLDER,
    device_option,
    quiet_option,
    seed_option,
)
from colorizer.commands.terminal import print_refused, run_with_progress
from colorizer.commands.training_run import cache_photographs, read_photographs, start_or_resume
from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import model_name
from colorizer.networks.models import ARCHITECTURES, OBJECTIVES
from colorizer.splits.split_file import SPLIT_FILE
from colorizer.training import distributed
from colorizer.training.fine_tuning import (
    FINE_TUNING_EPOCHS,
    read_model_settings,
    require_backbone_weights,
)
from colorizer.training.loop import build_loss, train
from colorizer.training.state import TrainConfig
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
    help="For mcl: do not raise rare colors on plain areas, where lightness says nothing about "
    "the color.",
)
@click.option(
    "--decoder-lr",
    type=click.FloatRange(0, min_open=True),
    default=TrainConfig.decoder_lr,
    show_default=True,
    help="Peak learning rate of the decoder, and of the backbone if it is not pre-trained.",
)
@click.option(
    "--encoder-lr",
    type=click.FloatRange(0, min_open=True),
    default=TrainConfig.encoder_lr,
    show_default=True,
    help="Peak learning rate of a pre-trained backbone. Lower rates keep more of what it has "
    "learned.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="Stop after about this many minutes.",
)
@click.option("--out", type=FOLDER_TYPE, help="Folder of the run. [default: runs/OBJECTIVE]")
@click.option(
    "--resume",
    is_flag=True,
    help="Continue the run in --out from its newest save; if there is none, start a new run.",
)
@click.option(
    "--shards",
    multiple=True,
    metavar="PATH|URL",
    help="Read the photographs of data/split.csv from tar files that `colorizer shard` wrote, such "
    "as 's3://bucket/{000000..000255}.tar'; a folder means all shards in it.",
)
@click.option(
    "--cache",
    type=FOLDER_TYPE,
    help="Folder for the decoded photographs, if possible on each node's own disk. "
    "[default: data/cache]",
)
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
    shards: tuple[str, ...],
    cache: Path | None,
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
    synchronized on GPUs; on CPUs each process normalizes its own share of the batch. With several
    machines, each keeps a copy of the run (see Training on a cluster in the documentation).
    """
    config = TrainConfig(**complete_settings(context, settings))
    folder = out or RUNS_FOLDER / model_name(asdict(config))
    with distributed.process_group(device) as rank_device:
        is_first = distributed.rank() == 0
        quiet = quiet or not is_first
        resume = resume or distributed.elastic_restarts() > 0
        given = {name: value for name, value in settings.items() if is_given(context, name)}
        run = start_or_resume(config, given, folder, rank_device, resume=resume, quiet=quiet)
        if run.is_finished:
            return 0
        if compiled:
            run.model.compile()
        photographs = cache_photographs(
            read_photographs(),
            shards,
            cache or SPLIT_FILE.parent / "cache",
            run.config.crop,
            rank_device,
            quiet=quiet,
        )
        refused = photographs["train"].refused | photographs["val"].refused
        print_refused(refused if is_first else {})
        run.photographs = {name: len(part.readable_rows) for name, part in photographs.items()}
        prior = run.prior if run.config.objective == "mcl" else None
        loss = build_loss(prior, rank_device, run.config.plain_weights)
        own_folder = folder if distributed.is_writer(folder) else None
        with defer_stop_signals() as signals:
            timer = TrainingTimer(minutes or math.inf, save_minutes, lambda: bool(signals))
            reports = train(run, photographs["train"], photographs["val"], loss, own_folder, timer)
            run_with_progress(
                record_to_tensorboard(reports, folder) if tensorboard and is_first else reports,
                quiet,
            )
    if signals and not run.is_finished:
        exit_on_signal(signals[0], folder, quiet)
    return 1 if refused else 0


def is_given(context: click.Context, name: str) -> bool:
    """Return True if an option is on the command line."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def complete_settings(context: click.Context, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a run, with those that follow from --from.

    Raises ColorizerError if options contradict each other.
    """
    model = settings["from_model"]
    if model is None:
        if settings["objective"] is None:
            raise click.UsageError("Missing option '--objective' (or '--from').")
        require_backbone_weights(settings["weights"])
        refuse_plain_weights_of_l2(settings)
        return settings
    if settings["weights"] is not None:
        raise ColorizerError("use either --from or --weights, not both")
    decided = read_model_settings(model)
    for name in ("objective", "backbone"):
        if is_given(context, name) and settings[name] != decided[name]:
            raise ColorizerError(
                f"--from {model}: its {name} is {decided[name]}; omit --{name} {settings[name]}"
            )
    epochs = settings["epochs"] if is_given(context, "epochs") else FINE_TUNING_EPOCHS
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


def exit_on_signal(number: int, folder: Path, quiet: bool) -> NoReturn:
    """Exit as the signal would have done, after the run has been saved."""
    if not quiet:
        click.echo(f"stopped; the run is saved in {folder}; continue with --resume", err=True)
    if number == signal.SIGTERM:
        sys.exit(SIGTERM_EXIT_CODE)
    raise KeyboardInterrupt
