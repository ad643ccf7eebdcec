"""Classify colorized photographs, as in Zhang, Isola & Efros (2016), sec. 3.1.

Uses torchvision's ResNet-50 with ImageNet weights; the paper uses VGG-16.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from colorizer.color.spaces import from_bytes
from colorizer.errors import ColorizerError
from colorizer.networks.backbone import IMAGENET_MEAN_STD, load_state_dict_strictly, read_state_dict
from colorizer.networks.torchvision_ops import import_torchvision

RESIZE_PX, CROP_PX = 256, 224  # the evaluation sizes of torchvision's weights


def load_classifier(path: Path, device: torch.device) -> nn.Module:
    """Load the weights of torchvision's `resnet50`.

    Raises ColorizerError if the file has other weights.
    """
    network: nn.Module = import_torchvision().models.resnet50()
    load_state_dict_strictly(network, read_state_dict(path), f"--classifier {path}")
    return network.eval().to(device)


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
            if not (row["label"] or "").isdecimal():
                raise ColorizerError(
                    f"--labels {path}:{rows.line_num}: the label must be a class number"
                )
            labels[row["image"]] = int(row["label"])
    return labels


@torch.inference_mode()
def classify_images(network: nn.Module, images: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the predicted class of each image; images: name -> uint8 (1, H, W, 3)."""
    rgb = from_bytes(torch.cat(list(images.values())))
    scale = RESIZE_PX / min(rgb.shape[-2:])
    if scale != 1:
        rgb = functional.interpolate(rgb, scale_factor=scale, mode="bilinear", antialias=True)
    top, left = ((side - CROP_PX) // 2 for side in rgb.shape[-2:])
    mean, std = (values.to(rgb) for values in IMAGENET_MEAN_STD)
    crops = (rgb[..., top : top + CROP_PX, left : left + CROP_PX] - mean) / std
    return dict(zip(images, network(crops).argmax(dim=1).tolist(), strict=True))
