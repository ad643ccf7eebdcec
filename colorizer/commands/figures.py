"""The command `colorizer figures`, which draws the figures of the models for a paper."""

from itertools import islice
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image

from colorizer.color.prior import read_prior
from colorizer.commands.options import (
    EXISTING_FOLDER_TYPE,
    FOLDER_TYPE,
    PRIOR_FILE,
    RUNS_FOLDER,
    device_option,
    json_option,
    models_option,
    quiet_option,
    seed_option,
)
from colorizer.commands.terminal import print_refused, print_summary
from colorizer.errors import ColorizerError
from colorizer.figures.comparison_sheet import draw_comparison_sheet, save_png
from colorizer.networks.checkpoint import load_colorizer, read_header
from colorizer.splits.split_file import SPLIT_FILE, read_split, select_split
from colorizer.stimuli.methods import MethodInput, read_method_inputs, render_methods
from colorizer.stimuli.model_files import find_models

SHEET_COLUMNS = {  # method -> column name
    "gray": "BW",
    "l2": "L2",
    "l2-vivid": "L2-VIVID",
    "mcl": "MCL",
    "mcl-calm": "MCL-CALM",
    "real": "ORG",
}
SHEET_PX = 256
CPU = torch.device("cpu")


@click.command()
@click.option(
    "--run",
    type=EXISTING_FOLDER_TYPE,
    help="Folder of a training run. [default: all in ./runs]",
)
@click.option(
    "--out", type=FOLDER_TYPE, default=Path("figures"), show_default=True, help="Output folder."
)
@click.option(
    "--rows",
    type=click.IntRange(1),
    default=6,
    show_default=True,
    help="Number of photographs in the comparison, sampled from the test split.",
)
@models_option
@seed_option
@device_option
@quiet_option
@json_option
def figures(
    run: Path | None,
    out: Path,
    rows: int,
    models: dict[str, Path],
    seed: int,
    device: torch.device,
    quiet: bool,
    as_json: bool,
) -> int:
    """Draw loss curves, network diagrams, color weights and a comparison sheet.

    Figures are written as SVG and PNG, the sheet as PNG. Figures that cannot be drawn yet are
    reported as refused.
    """
    runs = [run] if run else sorted(path.parent for path in RUNS_FOLDER.glob("*/best.safetensors"))
    if not runs:
        raise ColorizerError(
            f"no run in {RUNS_FOLDER}; run `colorizer train` first, or use --run FOLDER"
        )
    from colorizer.figures.curves import draw_bin_weights, save_figure  # matplotlib is slow

    for folder in runs:
        save_run_figures(folder, out)
    refused = {}
    try:
        save_figure(draw_bin_weights(read_prior(PRIOR_FILE).weight), out / "weights")
    except ColorizerError as error:
        refused["weights"] = str(error)
    try:
        save_png(draw_comparison(models, rows, seed, device), out / "comparison.png")
    except ColorizerError as error:
        refused["comparison"] = str(error)
    print_refused(refused)
    print_summary({"figures": 2 * len(runs) + 2 - len(refused)}, str(out), quiet, as_json)
    return 1 if refused else 0


def save_run_figures(folder: Path, out: Path) -> None:
    """Save the loss curves and the network diagram of a run."""
    from colorizer.figures.curves import draw_loss_curves, read_log, save_figure
    from colorizer.figures.network import draw_network, trace_layers

    checkpoint = folder / "best.safetensors"
    objective = read_header(checkpoint)["objective"]
    losses = draw_loss_curves(read_log(folder / "log.csv"), objective)
    network = draw_network(trace_layers(load_colorizer(checkpoint, CPU)))
    save_figure(losses, out / f"losses-{folder.resolve().name}")
    save_figure(network, out / f"network-{folder.resolve().name}")


def draw_comparison(
    models: dict[str, Path], rows: int, seed: int, device: torch.device
) -> Image.Image:
    """Draw the comparison sheet of a random sample of the test split.

    Photographs that cannot be read are replaced by others.
    """
    files = find_models(list(SHEET_COLUMNS), models, RUNS_FOLDER)
    loaded = {objective: load_colorizer(path, device) for objective, path in files.items()}
    photographs = select_split(read_split(SPLIT_FILE), "test")
    order = np.random.default_rng(seed).permutation(len(photographs))
    results = read_method_inputs(
        [photographs[index] for index in order], SHEET_PX, seed, with_donors=False
    )
    inputs = islice((result for result in results if isinstance(result, MethodInput)), rows)
    rendered = [render_methods(each.to(device), list(SHEET_COLUMNS), loaded) for each in inputs]
    if not rendered:
        raise ColorizerError(f"{SPLIT_FILE}: none of the test photographs can be read")
    return draw_comparison_sheet(
        [{SHEET_COLUMNS[name]: x[0].cpu().numpy() for name, x in row.items()} for row in rendered]
    )
