"""Write this folder's numbers and figures from a finished experiment.

Run `python docs/experiment/make.py` in the folder that contains data/, runs/ and outputs/metrics/;
README.md explains the rest.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch
from PIL import Image

from analysis.figures.canvas import render_figure
from analysis.figures.figures import draw_rates
from analysis.inference.intervals import wilson_interval
from analysis.inputs.published import read_published_rates
from colorizer.color.bins import bin_centers
from colorizer.color.prior import read_prior
from colorizer.figures.comparison_sheet import draw_comparison_sheet, make_panels
from colorizer.figures.curves import draw_bin_weights, draw_loss_curves, read_log, save_figure
from colorizer.figures.network import draw_network, trace_layers
from colorizer.networks.checkpoint import find_shipped_checkpoint, load_colorizer, read_header
from colorizer.networks.models import OBJECTIVES
from colorizer.stimuli.decoding import DECODINGS
from colorizer.stimuli.full_size import ConfiguredModel

HERE = Path(__file__).parent
PRIOR, RUNS, METRICS = Path("data/prior.npz"), Path("runs"), Path("outputs/metrics")
CPU = torch.device("cpu")
NORMAL_975 = 1.959964
PANEL_MAX_PX = 200  # longest side of a panel
SHEETS = {  # name of a sheet -> photographs of the demo
    "nearer": ("dog-0", "geese-0", "spoonbills-0", "china-3"),
    "plausible": ("chairs-0", "cottage-0", "leafhopper-0"),
    "failures": ("coffee-0", "strawberries-0", "astronaut-0"),
}
DECIMALS = {"psnr": 2, "ssim": 3, "ciede2000": 2}  # 1 for all other metrics


@click.command()
@click.option(
    "--photographs",
    default=".demo/photographs",
    type=click.Path(path_type=Path, exists=True),
    help="Folder with the photographs of the demo.",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, exists=True),
    help="A historical black-and-white photograph.",
)
@click.option(
    "--study", type=click.Path(path_type=Path, exists=True), help="The report.json of a study."
)
def main(photographs: Path, history: Path | None, study: Path | None) -> None:
    """Write numbers and figures; without --study, figure 5 has only published rates."""
    write_json("training", {name: describe_training(name) for name in OBJECTIVES})
    write_json("prior", describe_prior())
    metrics = json.loads((METRICS / "metrics.json").read_text())
    write_json("metrics", metrics)
    write_json("nearer", count_nearer(METRICS / "images.csv"))
    draw_models()
    models = {name.upper(): load_model(name) for name in OBJECTIVES}
    for name, images in SHEETS.items():
        draw_photographs([photographs / f"{image}.png" for image in images], models, name)
    if history is not None:
        draw_photographs([history], models, "history")
    rates = json.loads(study.read_text())["methods"] if study else list_published_rates()
    (HERE / "fooling.svg").write_bytes(render_figure(draw_rates(rates), "svg"))
    page = HERE / "README.md"
    page.write_text(fill_table(page.read_text(), metrics))


def list_published_rates() -> dict[str, Any]:
    """Return the data of figure 5 without a study: published rates, and gaps for these models."""
    by_model = {
        name: [x for x in read_published_rates() if name in x.compare_with] for name in OBJECTIVES
    }
    return {
        name: {"rate": None, "ci95": None, "vs_published": [asdict(x) for x in published]}
        for name, published in by_model.items()
    }


def describe_training(name: str) -> dict[str, Any]:
    """Return a run's settings and all epochs; the epoch that was kept is the shipped model."""
    header = read_header(RUNS / name / "best.safetensors")
    keys = ("objective", "backbone", "epoch", "val_loss", "config", "sources", "torch")
    config = name_weights(header["config"])
    log = read_log(RUNS / name / "log.csv")
    return {key: header[key] for key in keys} | {"config": config, "log": log}


def name_weights(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's settings, with only the file name of the initial weights."""
    weights = config["weights"]
    return {**config, "weights": weights and Path(weights).name}


def describe_prior() -> dict[str, Any]:
    """Return the probability of each bin and the loss weight of its pixels."""
    prior = read_prior(PRIOR)
    return {
        "photographs": prior.photograph_count,
        "bins": bin_centers().int().tolist(),
        "probability": [round(p, 9) for p in prior.probability.tolist()],
        "weight": [round(weight, 6) for weight in prior.weight.tolist()],
    }


def count_nearer(path: Path) -> dict[str, Any]:
    """Return the share of photographs on which mcl is closer to the original than l2."""
    with path.open(newline="") as file:
        differences = {
            (row["image"], row["method"]): float(row["ciede2000"]) for row in csv.DictReader(file)
        }
    images = sorted({image for image, _ in differences})
    return {
        method: share([differences[image, method] < differences[image, "l2"] for image in images])
        for method in ("mcl", "mcl-annealed")
    }


def share(nearer: list[bool]) -> dict[str, Any]:
    """Return the share with Wilson's interval; photographs are independent."""
    rate = sum(nearer) / len(nearer)
    return {
        "images": len(nearer),
        "share": rate,
        "ci95": wilson_interval(rate, len(nearer), NORMAL_975),
    }


def draw_models() -> None:
    """Draw figures 1 to 4 of the source report."""
    for name in OBJECTIVES:
        save_figure(
            draw_loss_curves(read_log(RUNS / name / "log.csv"), name), HERE / f"losses-{name}"
        )
    save_figure(draw_network(trace_layers(load_model("mcl").network)), HERE / "network")
    save_figure(draw_bin_weights(read_prior(PRIOR).weight), HERE / "weights")


def draw_photographs(files: list[Path], models: Mapping[str, ConfiguredModel], name: str) -> None:
    """Draw a comparison sheet, as a JPEG because it is smaller."""
    rows = [make_panels(Image.open(file).convert("RGB"), models, PANEL_MAX_PX) for file in files]
    draw_comparison_sheet(rows).save(HERE / f"{name}.jpg", quality=92)


def load_model(name: str) -> ConfiguredModel:
    """Return a shipped model, decoded as in the source report: T = 1."""
    path = find_shipped_checkpoint(name)
    if path is None:
        raise click.ClickException(f"no {name} shipped; run `python docs/experiment/ship.py` first")
    return ConfiguredModel(load_colorizer(path, CPU), DECODINGS[name], CPU)


def fill_table(page: str, metrics: Mapping[str, Any]) -> str:
    """Return the page with the table of metrics between its markers."""
    table = "\n".join(table_rows(metrics))
    return re.sub(
        r"(<!-- metrics -->\n).*?(\n<!-- end -->)", rf"\g<1>{table}\g<2>", page, flags=re.S
    )


def table_rows(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line per metric, one column per method, each value with its 95% interval."""
    names = [metric for metric in metrics["gray"] if metric != "images"]
    yield "| | " + " | ".join(metrics) + " |"
    yield "|---" * (1 + len(metrics)) + "|"
    for metric in names:
        cells = [format_cell(metric, by_metric[metric]) for by_metric in metrics.values()]
        yield f"| {metric} | " + " | ".join(cells) + " |"


def format_cell(metric: str, estimate: Mapping[str, Any]) -> str:
    """Format a mean and its interval; AuC is in percent, as in the literature."""
    if estimate["mean"] is None:
        return "-"
    scale, digits = 100 if metric.startswith("auc") else 1, DECIMALS.get(metric, 1)
    mean, *bounds = (
        f"{scale * x:.{digits}f}" for x in (estimate["mean"], *(estimate["ci95"] or ()))
    )
    return f"{mean} ({bounds[0]} to {bounds[1]})" if bounds else mean


def write_json(name: str, content: Mapping[str, Any]) -> None:
    """Write a JSON file to this folder."""
    (HERE / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
