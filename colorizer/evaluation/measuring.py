"""Measure the methods of an evaluation on one photograph."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from colorizer.evaluation.perceptual import Judges, judge_methods
from colorizer.evaluation.scores import BinWeights, ImageMetrics, error_curves, measure_methods
from colorizer.networks.models import Colorizer
from colorizer.photos.reading import Refusal
from colorizer.splits.split_file import Photograph
from colorizer.stimuli.methods import MethodInput, render_methods


class EvaluationSetup(NamedTuple):
    """The methods, models and settings of an evaluation."""

    methods: Sequence[str]
    models: Mapping[str, Colorizer]
    weights: BinWeights
    precision: torch.dtype
    device: torch.device
    judges: Judges | None
    draws_curves: bool


class Measured(NamedTuple):
    """The metrics of a photograph for every method, and its error curves if they are drawn."""

    metrics: ImageMetrics
    curves: Mapping[str, Tensor]


def draw_sample(photographs: Sequence[Photograph], size: int, seed: int) -> list[Photograph]:
    """Draw photographs at random, all of them if there are no more than `size`, in their order."""
    drawn = np.random.default_rng(seed).permutation(len(photographs))[:size]
    return [photographs[place] for place in sorted(drawn)]


def measure_photograph(
    setup: EvaluationSetup, photograph_and_input: tuple[Photograph, MethodInput | Refusal]
) -> Measured | Refusal:
    """Compute the metrics of a photograph for every method."""
    photograph, method_input = photograph_and_input
    if isinstance(method_input, Refusal):
        return method_input
    methods = setup.methods
    images = render_methods(
        method_input.to(setup.device), [*methods, "real"], setup.models, setup.precision
    )
    metrics = measure_methods(images, methods, setup.weights)
    if setup.judges is not None:
        judged = judge_methods(images, methods, setup.judges, photograph.image)
        for method in methods:
            metrics[method].update(judged[method])
    return Measured(metrics, error_curves(images, methods) if setup.draws_curves else {})
