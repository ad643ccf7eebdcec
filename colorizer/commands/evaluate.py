"""The command `colorizer evaluate`, which compares the methods with the original photographs."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch

from colorizer.color.prior import ColorPrior
from colorizer.commands.options import (
    FILE_TYPE,
    FOLDER_TYPE,
    PRIOR_FILE,
    device_option,
    find_and_print_models,
    json_option,
    methods_option,
    models_option,
    photos_option,
    quiet_option,
    seed_option,
    size_option,
    split_option,
)
from colorizer.commands.terminal import (
    print_other_files,
    print_refused,
    print_summary,
    show_progress,
)
from colorizer.errors import ColorizerError
from colorizer.evaluation.measuring import (
    EvaluationSetup,
    Measured,
    draw_sample,
    measure_photograph,
)
from colorizer.evaluation.perceptual import load_judges
from colorizer.evaluation.scores import bin_weights, estimate_means
from colorizer.evaluation.tables import render_table, write_metrics
from colorizer.networks.checkpoint import load_colorizer
from colorizer.networks.classifier import read_labels
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.photos.reading import Refusal, map_ahead
from colorizer.splits.selection import collect_photographs
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.methods import METHODS, read_method_inputs
from colorizer.stimuli.model_files import find_prior_file, read_prior_of
from colorizer.stimuli.rendering import fastest_dtype


@click.command()
@split_option
@photos_option
@click.option(
    "--out",
    type=FOLDER_TYPE,
    default=Path("outputs/metrics"),
    show_default=True,
    help="Output folder.",
)
@size_option
@methods_option(METHODS, default="gray,foil,l2,l2-vivid,mcl,mcl-calm,mcl-annealed,real")
@click.option(
    "--sample",
    type=click.IntRange(1),
    help="Evaluate this many photographs, drawn at random.  [default: all]",
)
@click.option(
    "--perceptual",
    is_flag=True,
    help="Add ST-LPIPS and how much an image classifier's predictions change; takes several times "
    "as long.",
)
@click.option(
    "--labels",
    type=FILE_TYPE,
    help="CSV with columns image,label, the photographs' ImageNet classes: adds the classifier's "
    "accuracy (requires --perceptual).",
)
@click.option(
    "--figures",
    "draws_figures",
    is_flag=True,
    help="Draw AuC curves, colorfulness, and the photographs that are colorized best and worst.",
)
@click.option(
    "--prior",
    "prior_file",
    type=FILE_TYPE,
    help="Color prior that weights the AuCs: a file of `colorizer prior`, or a model file. "
    f"[default: {PRIOR_FILE}, else that of an evaluated or included model]",
)
@models_option
@seed_option
@device_option
@quiet_option
@json_option
def evaluate(
    split_name: str | None,
    photos: Path | None,
    out: Path,
    size: int,
    methods: Sequence[str],
    sample: int | None,
    perceptual: bool,
    labels: Path | None,
    draws_figures: bool,
    prior_file: Path | None,
    models: dict[str, Path],
    seed: int,
    device: torch.device,
    quiet: bool,
    as_json: bool,
) -> int:
    """Compare every method with the original photographs; write metrics.json and metrics.csv.

    Means over photographs with confidence intervals are printed; images.csv has the
    values for each photograph. None of these metrics shows whether people are fooled.
    """
    if split_name is not None and photos is not None:
        raise ColorizerError("use either --split or --photos, not both")
    if labels is not None and not perceptual:
        raise ColorizerError("--labels requires --perceptual")
    files = find_and_print_models(methods, models, quiet)
    prior = find_and_print_prior(prior_file, list(files.values()), quiet)
    precision = fastest_dtype(device)
    loaded = {
        name: fuse_for_cpu(load_colorizer(path, device), precision) for name, path in files.items()
    }
    photographs, refused = collect_photographs(split_name or "test", photos)
    if sample is not None:
        photographs = draw_sample(photographs, sample, seed)
    setup = EvaluationSetup(
        methods,
        loaded,
        bin_weights(prior),
        precision,
        device,
        load_judges(device, read_labels_of(photographs, labels)) if perceptual else None,
        draws_figures,
    )
    measured: dict[str, Measured] = {}
    inputs = read_method_inputs(photographs, size, seed, with_donors="foil" in methods)
    torch.set_num_threads(1)  # photographs in parallel use the cores better than threads in torch
    pairs = zip(photographs, inputs, strict=True)
    results = map_ahead(partial(measure_photograph, setup), pairs)
    for (photograph, _), result in show_progress(results, "evaluating", len(photographs), quiet):
        if isinstance(result, Refusal):
            refused.update([result])
        else:
            measured[photograph.image] = result
    if photos is not None and not quiet:
        print_other_files(photos)
    print_refused(refused)
    if not measured:
        raise ColorizerError("nothing to evaluate: none of the photographs can be used")
    scores = {image: each.metrics for image, each in measured.items()}
    estimates = estimate_means(list(scores.values()), np.random.default_rng(seed))
    write_metrics(out, estimates, scores)
    if draws_figures:
        from colorizer.figures.evaluation import save_figures, save_sheets  # matplotlib is slow

        save_figures(out, measured)
        save_sheets(out, setup, photographs, scores, size)
    if not quiet and not as_json:
        click.echo(render_table(estimates, len(scores)))
    summary = {"images": len(scores), "methods": len(methods), "refused": len(refused)}
    print_summary(summary, str(out / "metrics.json"), quiet, as_json)
    return 1 if refused else 0


def read_labels_of(photographs: Sequence[Photograph], labels: Path | None) -> dict[str, int]:
    """Read the classes of photographs, none without a file.

    Raises ColorizerError if the file has a label for none of them.
    """
    classes = {} if labels is None else read_labels(labels)
    if labels is not None and not any(photograph.image in classes for photograph in photographs):
        raise ColorizerError(
            f"--labels {labels}: no label for any of the photographs; column image needs their IDs"
        )
    return classes


def find_and_print_prior(
    prior_file: Path | None, model_files: Sequence[Path], quiet: bool
) -> ColorPrior | None:
    """Return the color prior that weights the AuCs, and print where it is from unless quiet.

    Raises ColorizerError if `prior_file` has none.
    """
    path = prior_file or find_prior_file(PRIOR_FILE, model_files)
    prior = None if path is None else read_prior_of(path)
    if not quiet:
        click.echo(
            "no color prior, so weighted AuC is skipped; create one with `colorizer prior`"
            if prior is None
            else f"weighted AuC: prior of {prior.photograph_count} photographs from {path}",
            err=True,
        )
    return prior
