"""Options that several commands share, and what their words mean."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from colorizer.networks.models import MODEL_NAMES
from colorizer.stimuli.model_files import describe_models, find_models

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])

PRIOR_FILE = Path("data/prior.npz")
RUNS_FOLDER = Path("runs")

FILE_TYPE = click.Path(path_type=Path, dir_okay=False)
FOLDER_TYPE = click.Path(path_type=Path, file_okay=False)
EXISTING_FOLDER_TYPE = click.Path(path_type=Path, file_okay=False, exists=True)

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
        if name not in MODEL_NAMES or not equals:
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


def methods_option(
    allowed: Sequence[str], default: str
) -> Callable[[CommandFunction], CommandFunction]:
    """--methods, a list of words of `allowed`."""

    def read(_: click.Context, __: click.Parameter, text: str) -> list[str]:
        methods = list(dict.fromkeys(text.split(",")))
        unknown = [method for method in methods if method not in allowed]
        if unknown:
            raise click.UsageError(f"--methods: {unknown[0]!r} is none of {','.join(allowed)}")
        return methods

    text = f"Of {','.join(allowed)}."
    return click.option("--methods", default=default, show_default=True, callback=read, help=text)


models_option = click.option(
    "--models",
    default="",
    callback=_read_models,
    help=f"As in l2=FILE,mcl=FILE; of {','.join(MODEL_NAMES)}. "
    "Without it the newest of ./runs, else those that come with the project.",
)


def find_and_print_models(
    methods: Sequence[str], model_files: dict[str, Path], quiet: bool
) -> dict[str, Path]:
    """The files that `find_models` finds, each told in a line."""
    files = find_models(methods, model_files, RUNS_FOLDER)
    for line in describe_models(files) if not quiet else ():
        click.echo(line, err=True)
    return files
