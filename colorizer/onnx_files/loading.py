"""Load the networks of methods: our own, and ONNX colorizers of the user's own."""

from collections.abc import Mapping
from pathlib import Path

import torch

from colorizer.networks.checkpoint import load_colorizer
from colorizer.networks.cpu_inference import fuse_for_cpu
from colorizer.networks.models import MODEL_NAMES
from colorizer.onnx_files.foreign import ForeignColorizer
from colorizer.stimuli.rendering import Networks


def load_networks(
    files: Mapping[str, Path], device: torch.device, precision: torch.dtype
) -> Networks:
    """Load the file of each model, by name; a name that is not ours is that of an ONNX colorizer.

    Raises ColorizerError if a file is not such a model.
    """
    return {
        name: fuse_for_cpu(load_colorizer(path, device), precision)
        if name in MODEL_NAMES
        else ForeignColorizer(path)
        for name, path in files.items()
    }
