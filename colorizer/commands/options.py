"""Options that several commands share, and what their words mean."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from colorizer.errors import Mistake
from colorizer.networks.checkpoint import (
    RELEASED,
    model_name,
    newest_checkpoints,
    read_header,
    shipped_checkpoint,
)
from colorizer.networks.models import MODELS
from colorizer.networks.zhang2016 import ZHANG2016
from colorizer.stimuli.methods import DECODINGS

F = TypeVar("F", bound=Callable[..., Any])

SPLIT_FILE = Path("data/split.csv")  # the defaults of every command, in the working folder
PRIOR_FILE = Path("data/prior.npz")
RUNS = Path("runs")

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
EXISTING_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)

quiet_option = click.option("--quiet", is_flag=True, help="Say nothing but what is refused.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
seed_option = click.option("--seed", type=click.IntRange(0), default=0, show_default=True)


def _read_device(_: click.Context, __: click.Parameter, name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise click.UsageError("--device cuda: torch finds none here; use --device cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":  # under torchrun each process has one of its own
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return torch.device(name)


def _read_models(_: click.Context, __: click.Parameter, text: str) -> dict[str, Path]:
    models = {}
    for part in filter(None, text.split(",")):
        name, equals, file = part.partition("=")
        if name not in MODELS or not equals:
            raise click.UsageError(f"--models: {part!r} should be as in l2=FILE,mcl=FILE")
        models[name] = Path(file)
    return models


device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    callback=_read_device,
)


def methods_option(known: Sequence[str], default: str) -> Callable[[F], F]:
    """--methods, a list of words of `known`."""

    def read(_: click.Context, __: click.Parameter, text: str) -> list[str]:
        methods = list(dict.fromkeys(text.split(",")))
        unknown = [method for method in methods if method not in known]
        if unknown:
            raise click.UsageError(f"--methods: {unknown[0]!r} is none of {','.join(known)}")
        return methods

    text = f"Of {','.join(known)}."
    return click.option("--methods", default=default, show_default=True, callback=read, help=text)


models_option = click.option(
    "--models",
    default="",
    callback=_read_models,
    help=f"As in l2=FILE,mcl=FILE; of {','.join(MODELS)}. "
    "Without it the newest of ./runs, else those that come with the project.",
)


def choose_models(methods: Sequence[str], given: dict[str, Path], quiet: bool) -> dict[str, Path]:
    """The files that `find_models` finds, each told in a line."""
    files = find_models(methods, given, RUNS)
    for line in describe_models(files) if not quiet else ():
        click.echo(line, err=True)
    return files


def find_models(methods: Sequence[str], given: dict[str, Path], runs: Path) -> dict[str, Path]:
    """The file of every model that the methods need: given, else the newest run's, else shipped.

    Raises Mistake where there is none, or where it is another model.
    """
    needed = list(dict.fromkeys(DECODINGS[m][0] for m in methods if m in DECODINGS))
    trained = newest_checkpoints(runs) if set(needed) - set(given) else {}
    found = {}
    for name in needed:
        path = given.get(name) or trained.get(name) or shipped_checkpoint(name)
        if path is None:
            options = f"mcl --backbone {name}" if name == ZHANG2016 else name
            raise Mistake(f"no {name} model in {runs}; `colorizer train --objective {options}`")
        if model_name(read_header(path)) != name:
            raise Mistake(f"{path}: a model of {model_name(read_header(path))}, not {name}")
        found[name] = path
    return found


def describe_models(models: dict[str, Path]) -> Iterable[str]:
    """A line for each model: which file, how far it was trained."""
    for name, path in models.items():
        header, said = read_header(path), "as released"
        if path.suffix not in RELEASED:
            said = f"epoch {header['epoch']}, val_loss {header['val_loss']:.5g}"
        yield f"{name}: {path} ({said})"
