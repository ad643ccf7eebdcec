"""Perceptual metrics: what networks that were trained for other tasks see in a colorization.

docs/colorization.md gives the definitions.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import torch
from torch import Tensor

from colorizer.color.spaces import from_bytes
from colorizer.errors import ColorizerError
from colorizer.evaluation.scores import MetricValue
from colorizer.networks import classifier, st_lpips
from colorizer.networks.classifier import Classifier, load_classifiers, log_probabilities
from colorizer.networks.st_lpips import ShiftTolerantLpips

PACKAGES = (
    st_lpips.PACKAGE,
    classifier.PACKAGE,
    *(name for name, _ in classifier.MODEL_PACKAGES.values()),
)


class Judges(NamedTuple):
    """The networks of the perceptual metrics, and the class of each photograph that has a label."""

    st_lpips: ShiftTolerantLpips
    classifiers: Sequence[Classifier]
    labels: Mapping[str, int]


def load_judges(device: torch.device, labels: Mapping[str, int]) -> Judges:
    """Load the networks; raises ColorizerError if the packages with their weights are missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ColorizerError(
            f"--perceptual needs {', '.join(missing)}; run `pip install 'hue-and-eye[perceptual]'`"
        )
    return Judges(ShiftTolerantLpips().eval().to(device), load_classifiers(device), labels)


@torch.inference_mode()
def judge_methods(
    images: Mapping[str, Tensor], methods: Sequence[str], judges: Judges, photograph: str
) -> dict[str, dict[str, MetricValue]]:
    """Compare each method with `real`; images: method -> uint8 (1, H, W, 3).

    photograph: its ID. There is `top1` only if there are labels; it has no weight where this
    photograph has none.
    """
    shown = from_bytes(torch.cat([images[method] for method in methods]))
    original = from_bytes(images["real"])
    both = torch.cat([original, shown])
    log_p = torch.stack([log_probabilities(each, both) for each in judges.classifiers])
    metrics = {
        "st_lpips": judges.st_lpips(shown, original),
        "kl": kl_divergence(log_p[:, :1], log_p[:, 1:]),
        "same_class": (log_p[:, 1:].argmax(2) == log_p[:, :1].argmax(2)).double().mean(dim=0),
    }
    judged = {
        method: {metric: MetricValue(float(values[row])) for metric, values in metrics.items()}
        for row, method in enumerate(methods)
    }
    if judges.labels:
        label = judges.labels.get(photograph)
        is_right = (log_p[:, 1:].argmax(2) == (-1 if label is None else label)).double()
        for method, share in zip(methods, is_right.mean(dim=0).tolist(), strict=True):
            judged[method]["top1"] = MetricValue(share, 0.0 if label is None else 1.0)
    return judged


def kl_divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return sum p log(p / q) over classes in nats, averaged over networks.

    log_p (networks, 1, classes): log probabilities for the photograph; log_q (networks, N,
    classes): for its colorizations; the result is (N,).
    """
    return (log_p.exp() * (log_p - log_q)).sum(dim=2).mean(dim=0)
