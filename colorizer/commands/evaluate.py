"""`colorizer evaluate`: how far each method's colors are from the photographs'."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from torch import nn

from colorizer.commands.options import (
    EXISTING_FOLDER_TYPE,
    FILE_TYPE,
    FOLDER_TYPE,
    PRIOR_FILE,
    device_option,
    find_and_print_models,
    json_option,
    methods_option,
    models_option,
    quiet_option,
    seed_option,
)
from colorizer.commands.terminal import print_refused, print_summary, show_progress
from colorizer.errors import ColorizerError
from colorizer.evaluation.scores import (
    BinWeights,
    ImageMetrics,
    MetricValue,
    bin_weights,
    estimate_means,
    measure_methods,
)
from colorizer.evaluation.tables import render_table, write_metrics
from colorizer.networks.checkpoint import load_colorizer
from colorizer.networks.classifier import classify_images, load_classifier, read_labels
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.networks.models import Colorizer
from colorizer.photos.reading import Refusal, map_ahead
from colorizer.photos.selection import collect_photographs
from colorizer.photos.splits import SPLITS, Photograph
from colorizer.stimuli.batch import fastest_dtype
from colorizer.stimuli.methods import METHODS, MethodInput, read_method_inputs, render_methods
from colorizer.training.prior import read_prior


class EvaluationSetup(NamedTuple):
    """What every photograph is measured with."""

    methods: Sequence[str]
    models: Mapping[str, Colorizer]
    weights: BinWeights
    precision: torch.dtype
    device: torch.device
    classifier: nn.Module | None
    class_labels: Mapping[str, int]  # a photograph's class, where there is a classifier


@click.command()
@click.option(
    "--split", "split_name", type=click.Choice(SPLITS), help="Of data/split.csv. [default: test]"
)
@click.option("--photos", type=EXISTING_FOLDER_TYPE, help="Instead of a split: a folder.")
@click.option("--out", type=FOLDER_TYPE, default=Path("outputs/metrics"), show_default=True)
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Pixels.")
@methods_option(METHODS, default="gray,foil,l2,mcl,mcl-annealed,real")
@click.option(
    "--classifier",
    type=FILE_TYPE,
    help="torchvision's resnet50 file: adds class accuracy to the table.",
)
@click.option("--labels", type=FILE_TYPE, help="With it: a CSV of image,label.")
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
    classifier: Path | None,
    labels: Path | None,
    models: dict[str, Path],
    seed: int,
    device: torch.device,
    quiet: bool,
    as_json: bool,
) -> int:
    """Measure every method against the photographs: metrics.json, metrics.csv, a table.

    Means over photographs with bootstrap intervals, and images.csv with each photograph's.
    None of it tells whether people are fooled.
    """
    if split_name is not None and photos is not None:
        raise ColorizerError("give --split or --photos, not both")
    if (classifier is None) != (labels is None):
        raise ColorizerError("--classifier and --labels go together")
    files = find_and_print_models(methods, models, quiet)
    precision = fastest_dtype(device)
    loaded = {
        name: fuse_for_cpu(load_colorizer(path, device), precision) for name, path in files.items()
    }
    photographs, refused = collect_photographs(split_name or "test", photos)
    yardstick = EvaluationSetup(
        methods,
        loaded,
        read_bin_weights(quiet),
        precision,
        device,
        load_classifier(classifier, device) if classifier else None,
        read_class_labels(photographs, labels) if labels else {},
    )
    scores: dict[str, ImageMetrics] = {}
    sittings = read_method_inputs(photographs, size, seed, with_donors="foil" in methods)
    torch.set_num_threads(1)  # photographs side by side keep the cores busier than threads in each
    pairs = zip(photographs, sittings, strict=True)
    measured = map_ahead(partial(measure_photograph, yardstick), pairs)
    for (photograph, _), result in show_progress(measured, "measuring", len(photographs), quiet):
        if isinstance(result, Refusal):
            refused.update([result])
        else:
            scores[photograph.image] = result
    print_refused(refused)
    if not scores:
        raise ColorizerError("nothing to measure: none of the photographs could be used")
    estimates = estimate_means(list(scores.values()), np.random.default_rng(seed))
    write_metrics(out, estimates, scores)
    if not quiet and not as_json:
        click.echo(render_table(estimates, len(scores)))
    summary = {"images": len(scores), "methods": len(methods), "refused": len(refused)}
    print_summary(summary, str(out / "metrics.json"), quiet, as_json)
    return 1 if refused else 0


def measure_photograph(
    yardstick: EvaluationSetup, photograph_and_input: tuple[Photograph, MethodInput | Refusal]
) -> ImageMetrics | Refusal:
    """A photograph's scores under every method."""
    photograph, sitting = photograph_and_input
    if isinstance(sitting, Refusal):
        return sitting
    methods = yardstick.methods
    moved, methods_and_real = sitting.to(yardstick.device), [*methods, "real"]
    painted = render_methods(moved, methods_and_real, yardstick.models, yardstick.precision)
    metrics = measure_methods(painted, methods, yardstick.weights)
    if yardstick.classifier is not None:
        predicted_classes = classify_images(yardstick.classifier, painted)
        for method in methods:
            right = predicted_classes[method] == yardstick.class_labels[photograph.image]
            metrics[method]["class_accuracy"] = MetricValue(float(right))
    return metrics


def read_class_labels(photographs: Sequence[Photograph], labels: Path) -> dict[str, int]:
    """The class of every photograph. Raises ColorizerError where one has none."""
    classes = read_labels(labels)
    for photograph in photographs:
        if photograph.image not in classes:
            raise ColorizerError(f"--labels {labels}: no line for {photograph.image}; add one")
    return classes


def read_bin_weights(quiet: bool) -> BinWeights:
    """Of the AuCs; without a prior there is only the raw one."""
    if PRIOR_FILE.exists():
        return bin_weights(read_prior(PRIOR_FILE))
    if not quiet:
        click.echo(f"no {PRIOR_FILE}, so no weighted AuC; `colorizer prior` makes it", err=True)
    return bin_weights(None)
