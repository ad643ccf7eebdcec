"""The command `colorizer`: arguments in, one call, errors out."""

import math
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import click
import torch
from click.core import ParameterSource

from colorizer.backbone import BACKBONES, RANDOM
from colorizer.batch import Model, Recipe, Refusal, Stimulus, write_manifest, write_stimuli
from colorizer.bins import bin_centers
from colorizer.cache import Squares, fill_cache, open_cache, square_size
from colorizer.checkpoint import load_colorizer, short_sha256
from colorizer.errors import Mistake
from colorizer.models import OBJECTIVES
from colorizer.options import (
    EXISTING_FOLDER,
    FILE,
    FOLDER,
    describe_models,
    device_option,
    find_models,
    json_option,
    methods_option,
    models_option,
    quiet_option,
    seed_option,
)
from colorizer.photos import UnreadablePhotograph
from colorizer.prior import count_photographs, estimate_prior, read_prior, write_prior
from colorizer.run import Run, TrainConfig, begin_run, resume_run
from colorizer.screen import follow, tell, tell_refused, tracked
from colorizer.splits import (
    SPLITS,
    Photograph,
    assign,
    look_at,
    members,
    new_files,
    read_split,
    write_split,
)
from colorizer.train import objective_loss, train

SPLIT_FILE = Path("data/split.csv")
PRIOR_FILE = Path("data/prior.npz")
RUNS = Path("runs")


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit 0: done; 1: done but some inputs were refused; 2: a mistake; 130: interrupted."""
    warnings.filterwarnings("ignore", module="PIL")  # damaged metadata of readable photographs
    try:
        code = commands.main(arguments, standalone_mode=False)
    except click.Abort:
        code = 130
    except (Mistake, OSError, click.ClickException) as error:  # OSError: no room, no permission
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"colorizer: {' '.join(message.split())}", err=True)
        code = 2
    sys.exit(code)


@click.group(no_args_is_help=False)
def commands() -> None:
    """Train colorizers on your photographs and make the stimuli that people will judge."""


@commands.command()
@click.argument("photos", type=EXISTING_FOLDER)
@click.option("--out", type=FILE, default=SPLIT_FILE, show_default=True)
@click.option("--val", type=click.FloatRange(0), default=0.05, show_default=True)
@click.option("--test", type=click.FloatRange(0), default=1600, show_default=True)
@seed_option
@quiet_option
@json_option
def split(
    photos: Path, out: Path, val: float, test: float, seed: int, quiet: bool, as_json: bool
) -> int:
    """Write or extend split.csv: which photographs train, validate, and are shown to people.

    --val and --test: from 1 on a count, below a fraction. Rows that are there never change.
    """
    known = read_split(out) if out.exists() else []
    fresh, refused = look_through(photos, known, quiet)
    tell_refused(refused)
    if not known and not fresh:
        raise Mistake(f"{photos}: none of its {len(refused)} photographs can be used")
    rows = assign(fresh, known, val, test, seed)
    write_split(out, rows)
    counts = Counter("gray" if row.gray else row.split for row in rows)
    counted = {name: counts[name] for name in (*SPLITS, "gray")}
    tell({**counted, "new": len(fresh), "refused": len(refused)}, str(out), quiet, as_json)
    return 1 if refused else 0


@commands.command()
@click.option("--split", "split_file", type=FILE, default=SPLIT_FILE, show_default=True)
@click.option("--out", type=FILE, default=PRIOR_FILE, show_default=True)
@device_option
@quiet_option
@json_option
def prior(split_file: Path, out: Path, device: torch.device, quiet: bool, as_json: bool) -> int:
    """Measure how common each color is in the train split, and what it shall weigh."""
    photographs = members(read_split(split_file), "train")
    counting = tracked(count_photographs(photographs, device), "counting", len(photographs), quiet)
    counts, refused = torch.zeros((), dtype=torch.int64, device=device), {}
    for photograph, counted in zip(photographs, counting, strict=True):
        if isinstance(counted, UnreadablePhotograph):
            refused[photograph.file] = str(counted)
        else:
            counts = counts + counted
    tell_refused(refused)
    if len(refused) == len(photographs):
        raise Mistake(f"{split_file}: none of its train photographs could be read")
    estimated = estimate_prior(counts.cpu(), len(photographs) - len(refused))
    write_prior(out, estimated)
    gray = (bin_centers() == 0).all(dim=1)
    told = {
        "photographs": estimated.photographs,
        "p_gray": float(estimated.probability[gray]),
        "weight_min": float(estimated.weight.min()),
        "weight_median": float(estimated.weight.median()),
        "weight_max": float(estimated.weight.max()),
    }
    tell({**told, "refused": len(refused)}, str(out), quiet, as_json)
    return 1 if refused else 0


@commands.command("train")
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


@commands.command()
@click.option("--split", "side", type=click.Choice(SPLITS), help="Photographs of split.csv.")
@click.option("--photos", type=EXISTING_FOLDER, help="Instead of a split: a folder.")
@click.option("--out", type=FOLDER, default=Path("outputs"), show_default=True)
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Pixels.")
@methods_option
@models_option
@seed_option
@device_option
@quiet_option
@json_option
def batch(
    side: str | None,
    photos: Path | None,
    out: Path,
    size: int,
    methods: Sequence[str],
    models: dict[str, Path],
    seed: int,
    device: torch.device,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make stimuli of every photograph, and manifest.csv for `study import`."""
    if (side is None) == (photos is None):
        raise Mistake("give either --split test or --photos FOLDER")
    files = find_models(methods, models, RUNS)
    for line in describe_models(files) if not quiet else ():
        click.echo(line, err=True)
    loaded = {
        objective: Model(load_colorizer(path, device), short_sha256(path))
        for objective, path in files.items()
    }
    photographs, refused = gather(side, photos, quiet)
    made = write_stimuli(photographs, Recipe(methods, loaded, size, seed), out, device)
    stimuli: list[Stimulus] = []
    for result in tracked(made, "coloring", len(photographs), quiet):
        if isinstance(result, Refusal):
            refused.update([result])
        else:
            stimuli.extend(result)
    tell_refused(refused)
    if not stimuli:
        raise Mistake("no stimuli: none of the photographs could be used")
    write_manifest(out / "manifest.csv", stimuli)
    told = {"images": len(stimuli) // len(methods), "stimuli": len(stimuli)}
    tell({**told, "refused": len(refused)}, str(out / "manifest.csv"), quiet, as_json)
    return 1 if refused else 0


def look_through(
    photos: Path, known: Sequence[Photograph], quiet: bool
) -> tuple[list[Photograph], dict[str, str]]:
    """Rows of a folder's photographs that are not known yet, and the refused with their reasons."""
    folder = photos.resolve()
    files, refused = new_files(folder, known)
    fresh = []
    for seen in tracked(look_at(folder, files), "looking", len(files), quiet):
        if isinstance(seen, Photograph):
            fresh.append(seen)
        else:
            refused.update([seen])
    return fresh, refused


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


def gather(
    side: str | None, photos: Path | None, quiet: bool
) -> tuple[Sequence[Photograph], dict[str, str]]:
    """The photographs to color, and the refused with their reasons."""
    if photos is None:
        return members(read_split(SPLIT_FILE), str(side)), {}
    seen, refused = look_through(photos, [], quiet)
    refused |= {row.file: "gray; there are no colors to fake" for row in seen if row.gray}
    known = {row.path: row.split for row in read_split(SPLIT_FILE)} if SPLIT_FILE.exists() else {}
    colored = (row for row in seen if not row.gray)
    return [replace(row, split=known.get(row.path, "test")) for row in colored], refused
