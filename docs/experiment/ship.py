"""Copy the best models of runs/ to colorizer/pretrained, in half precision.

Run `python docs/experiment/ship.py` in the folder that contains runs/; README.md explains the rest.
"""

from pathlib import Path

import torch
from torch import Tensor

from colorizer.networks.checkpoint import (
    PRETRAINED_FOLDER,
    Header,
    read_header,
    read_tensors,
    write_tensors,
)
from colorizer.networks.models import OBJECTIVES

RUNS = Path("runs")


def main() -> None:
    """Write both models; existing files in colorizer/pretrained/ are replaced."""
    for name in OBJECTIVES:
        best, shipped = RUNS / name / "best.safetensors", PRETRAINED_FOLDER / f"{name}.safetensors"
        tensors = {key: halve(x) for key, x in read_tensors(best).items()}
        write_tensors(shipped, tensors, name_weights(read_header(best)))
        print(f"{shipped}: {shipped.stat().st_size / 1e6:.1f} MB")


def name_weights(header: Header) -> Header:
    """Return the header with only the file name of the initial weights."""
    config, weights = header["config"], header["config"]["weights"]
    return {**header, "config": {**config, "weights": weights and Path(weights).name}}


def halve(tensor: Tensor) -> Tensor:
    """Convert to float16; raises ValueError if a value is too large for it."""
    if not tensor.is_floating_point():
        return tensor
    half = tensor.to(torch.float16)
    if not torch.isfinite(half).all():
        raise ValueError(f"float16 cannot hold {tensor.abs().max():g}")
    return half


if __name__ == "__main__":
    main()
