"""The command `colorizer colorize`, which colorizes photographs at full resolution."""

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
from colorizer.commands.terminal import (
    print_other_files,
    print_refused,
    print_summary,
    show_progress,
)
from colorizer.errors import ColorizerError, UnreadablePhotographError
from colorizer.figures.comparison_sheet import draw_comparison_sheet, make_panels, save_png
from colorizer.networks.checkpoint import load_colorizer
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.photos.folders import (
    find_photographs,
    no_photographs_error,
    require_not_above,
)
from colorizer.photos.output_names import OutputPaths, name_outputs
from colorizer.photos.reading import read_photograph
from colorizer.stimuli.decoding import DECODINGS
from colorizer.stimuli.full_size import ConfiguredModel, colorize_image

SHEET_METHODS = ("l2", "l2-vivid", "mcl", "mcl-calm")
PANEL_MAX_PX = 512  # longest side of a panel


@click.command()
@click.argument(
    "inputs", metavar="IN...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@click.option(
    "--out", type=FOLDER_TYPE, default=Path("colorized"), show_default=True, help="Output folder."
)
@click.option(
    "--model",
    type=click.Choice(list(DECODINGS)),
    default="mcl",
    show_default=True,
    help="Method that colorizes the photographs.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, min_open=True),
    help="Temperature for mcl: 1 gives the mean color; lower values are more vivid, but patchy "
    "near 0.",
)
@click.option(
    "--saturation",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Saturation factor; 0 is gray.",
)
@click.option(
    "--sheet", is_flag=True, help="Also write a comparison sheet of all methods of the two models."
)
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
    """Colorize photographs (files or whole folders) at full resolution.

    Each photograph becomes a PNG in --out with its original lightness. Existing files are replaced.
    """
    if temperature is not None and DECODINGS[model].model == "l2":
        raise ColorizerError("--temperature: regression models have none; use --model mcl")
    folders = [path for path in inputs if path.is_dir()]
    for folder in folders:
        require_not_above(out, folder)
    jobs = name_outputs(inputs, out)
    if not jobs:
        raise _nothing_to_colorize(folders[0], out)
    for folder in folders if not quiet else ():
        print_other_files(folder, without=out)
    needed_methods = [*SHEET_METHODS, model] if sheet else [model]
    files = find_and_print_models(needed_methods, models, quiet)
    networks = {
        objective: fuse_for_cpu(load_colorizer(path, device)) for objective, path in files.items()
    }
    models_by_method = {}
    for method in needed_methods:
        decoding = DECODINGS[method]
        decoding = decoding._replace(
            temperature=temperature or decoding.temperature, gain=saturation * decoding.gain
        )
        models_by_method[method] = ConfiguredModel(networks[decoding.model], decoding, device)
    refused = {}
    for job in show_progress(jobs, "colorizing", len(jobs), quiet):
        try:
            colorize_file(job, models_by_method[model], models_by_method if sheet else {})
        except UnreadablePhotographError as error:
            refused[str(job.source)] = str(error)
    print_refused(refused)
    if len(refused) == len(jobs):
        raise ColorizerError("nothing colorized: none of the photographs can be read")
    summary = {"images": len(jobs) - len(refused), "refused": len(refused)}
    print_summary(summary, str(out), quiet, as_json)
    return 1 if refused else 0


def _nothing_to_colorize(folder: Path, out: Path) -> ColorizerError:
    """Return the error for a folder that has no photographs, or none outside `out`."""
    if find_photographs(folder):
        return ColorizerError(
            f"{folder}: all photographs are in --out {out}, where only outputs are expected; use "
            "another folder for the outputs"
        )
    return no_photographs_error(folder, without=out)


def colorize_file(
    job: OutputPaths, model: ConfiguredModel, sheet_models: Mapping[str, ConfiguredModel]
) -> None:
    """Colorize one photograph; draw its comparison sheet if there are models to compare."""
    photograph = read_photograph(job.source)
    colorized = colorize_image(np.asarray(photograph), model)
    save_png(Image.fromarray(colorized), job.colorized)
    if sheet_models:
        columns = {name.upper(): model for name, model in sheet_models.items()}
        save_png(draw_comparison_sheet([make_panels(photograph, columns, PANEL_MAX_PX)]), job.sheet)
