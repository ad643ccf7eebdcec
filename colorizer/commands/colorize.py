"""`colorizer colorize`: any photograph, at its full resolution."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image

from colorizer.commands.options import (
    FOLDER_TYPE,
    device_option,
    find_and_print_models,
    json_option,
    models_option,
    quiet_option,
)
from colorizer.commands.terminal import print_refused, print_summary, show_progress
from colorizer.errors import ColorizerError
from colorizer.figures.comparison_sheet import draw_comparison_sheet, make_panels, save_png
from colorizer.networks.checkpoint import load_colorizer
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.photos.output_names import OutputPaths, name_outputs
from colorizer.photos.reading import UnreadablePhotographError, read_photograph
from colorizer.stimuli.full_size import ConfiguredModel, colorize_image
from colorizer.stimuli.methods import METHOD_MODELS

SHEET_MODELS = ("l2", "mcl")  # on a sheet
PANEL_MAX_PX = 512  # px, of a panel


@click.command()
@click.argument(
    "inputs", metavar="IN...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@click.option("--out", type=FOLDER_TYPE, default=Path("colorized"), show_default=True)
@click.option("--model", type=click.Choice(list(METHOD_MODELS)), default="mcl", show_default=True)
@click.option(
    "--temperature",
    type=click.FloatRange(0, min_open=True),
    help="Of mcl: 1 is its mean; lower is more vivid, and patchy near 0.",
)
@click.option(
    "--saturation",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Scales the colors; 0 is gray.",
)
@click.option("--sheet", is_flag=True, help="Also BW, L2, MCL and ORG side by side.")
@models_option
@device_option
@quiet_option
@json_option
def colorize(
    inputs: Sequence[Path],
    out: Path,
    model: str,
    temperature: float | None,
    saturation: float,
    sheet: bool,
    models: dict[str, Path],
    device: torch.device,
    quiet: bool,
    as_json: bool,
) -> int:
    """Color photographs at their full resolution: files, or folders with all that is in them.

    Each becomes a PNG in --out, with the lightness it had; what is there is replaced.
    """
    if temperature is not None and METHOD_MODELS[model][0] == "l2":
        raise ColorizerError("--temperature: a regression has none; give --model mcl")
    jobs = name_outputs(inputs, out)
    if not jobs:
        raise ColorizerError(f"{inputs[0]}: no photographs in this folder; give one that has some")
    needed_methods = [*SHEET_MODELS, model] if sheet else [model]
    files = find_and_print_models(needed_methods, models, quiet)
    networks = {
        objective: fuse_for_cpu(load_colorizer(path, device)) for objective, path in files.items()
    }
    models_by_method = {}
    for method in needed_methods:
        objective, usual = METHOD_MODELS[method]
        models_by_method[method] = ConfiguredModel(
            networks[objective], temperature or usual, saturation, device
        )
    refused = {}
    for job in show_progress(jobs, "coloring", len(jobs), quiet):
        try:
            colorize_file(job, models_by_method[model], models_by_method if sheet else {})
        except UnreadablePhotographError as refusal:
            refused[str(job.source)] = str(refusal)
    print_refused(refused)
    if len(refused) == len(jobs):
        raise ColorizerError("nothing colored: none of the photographs could be read")
    summary = {"images": len(jobs) - len(refused), "refused": len(refused)}
    print_summary(summary, str(out), quiet, as_json)
    return 1 if refused else 0


def colorize_file(
    job: OutputPaths, painter: ConfiguredModel, compared: Mapping[str, ConfiguredModel]
) -> None:
    """One photograph, and its sheet where there are painters to compare."""
    photograph = read_photograph(job.source)
    colored = colorize_image(np.asarray(photograph), painter)
    save_png(Image.fromarray(colored), job.colorized)
    if compared:
        columns = {name.upper(): painter for name, painter in compared.items()}
        save_png(draw_comparison_sheet([make_panels(photograph, columns, PANEL_MAX_PX)]), job.sheet)
