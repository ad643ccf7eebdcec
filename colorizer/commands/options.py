"""Options that several commands share, and functions that parse their values."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from colorizer.networks.models import MODEL_NAMES
from colorizer.object_storage import is_url
from colorizer.splits.split_file import SPLITS
from colorizer.stimuli.model_files import describe_models, find_models

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])

PRIOR_FILE = Path("data/prior.npz")
RUNS_FOLDER = Path("runs")

FILE_TYPE = click.Path(path_type=Path, dir_okay=False)
FOLDER_TYPE = click.Path(path_type=Path, file_okay=False)
EXISTING_FOLDER_TYPE = click.Path(path_type=Path, file_okay=False, exists=True)


class FolderOrUrl(click.Path):
    """A folder as a Path, or a URL such as s3://bucket/prefix as text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check a folder; return a URL as it is."""
        is_text_of_url = isinstance(value, str) and is_url(value)
        return value if is_text_of_url else super().convert(value, param, ctx)


quiet_option = click.option("--quiet", is_flag=True, help="Only report refused inputs.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
seed_option = click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed."
)
split_option = click.option(
    "--split",
    "split_name",
    type=click.Choice(SPLITS),
    help="Photographs of this split in data/split.csv. [default: test]",
)
photos_option = click.option(
    "--photos", type=EXISTING_FOLDER_TYPE, help="Photographs in this folder, instead of a split."
)
size_option = click.option(
    "--size",
    type=click.IntRange(16),
    default=256,
    show_default=True,
    help="Width and height in pixels.",
)


def _read_device(_: click.Context, __: click.Parameter, name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise click.UsageError("--device cuda: PyTorch finds no CUDA device; use --device cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":  # under torchrun, each process has its own device
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    return torch.device(name)


def _read_models(_: click.Context, __: click.Parameter, text: str) -> dict[str, Path]:
    models = {}
    for part in filter(None, text.split(",")):
        name, equals, file = part.partition("=")
        if name not in MODEL_NAMES or not equals:
            raise click.UsageError(f"--models: {part!r} is not NAME=FILE, such as l2=FILE")
        models[name] = Path(file)
    return models


device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    callback=_read_device,
    help="Device for the networks; auto: cuda if available.",
)


def methods_option(
    allowed: Sequence[str], default: str
) -> Callable[[CommandFunction], CommandFunction]:
    """Return the option --methods, a comma-separated selection of `allowed`."""

    def read(_: click.Context, __: click.Parameter, text: str) -> list[str]:
        methods = list(dict.fromkeys(text.split(",")))
        unknown = [method for method in methods if method not in allowed]
        if unknown:
            raise click.UsageError(
                f"--methods: unknown method {unknown[0]!r}; choose from {','.join(allowed)}"
            )
        return methods

    text = f"Comma-separated list of {','.join(allowed)}."
    return click.option("--methods", default=default, show_default=True, callback=read, help=text)


OWN_METHOD_NAME = re.compile("[a-z0-9_-]{1,32}")


def methods_and_files_option(
    allowed: Sequence[str], default: str
) -> Callable[[CommandFunction], CommandFunction]:
    """Return the option --methods, which also takes models of the user's own as NAME=FILE.onnx.

    Its value is method -> ONNX file, or None for a method in `allowed`.
    """

    def read(_: click.Context, __: click.Parameter, text: str) -> dict[str, Path | None]:
        return dict(_read_method(part, allowed) for part in text.split(","))

    text = (
        f"Comma-separated list of {','.join(allowed)}, or NAME=FILE.onnx for an ONNX model of your "
        "own."
    )
    return click.option("--methods", default=default, show_default=True, callback=read, help=text)


def _read_method(part: str, allowed: Sequence[str]) -> tuple[str, Path | None]:
    name, equals, file = part.partition("=")
    if not equals and name not in allowed:
        raise click.UsageError(
            f"--methods: unknown method {name!r}; choose from {','.join(allowed)}, or use "
            "NAME=FILE.onnx"
        )
    if equals and (name in allowed or not OWN_METHOD_NAME.fullmatch(name)):
        raise click.UsageError(
            f"--methods: {part!r}: a model of your own needs a name of its own, of 1 to 32 "
            "characters a-z, 0-9, _ and -"
        )
    return name, Path(file) if equals else None


models_option = click.option(
    "--models",
    default="",
    callback=_read_models,
    help=f"Model files, such as l2=FILE,mcl=FILE (names: {','.join(MODEL_NAMES)}). "
    "[default: the newest in ./runs, else the included models]",
)


def find_and_print_models(
    methods: Sequence[str], model_files: dict[str, Path], quiet: bool
) -> dict[str, Path]:
    """Return the files that `find_models` finds, and print one line for each unless quiet."""
    files = find_models(methods, model_files, RUNS_FOLDER)
    for line in describe_models(files) if not quiet else ():
        click.echo(line, err=True)
    return files
