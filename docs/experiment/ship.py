"""Put the best models of runs/ where the project ships them, in half precision.

`python docs/experiment/ship.py`, in the folder that holds runs/; the README beside tells the rest.
"""

from pathlib import Path

import torch
from torch import Tensor

from colorizer.networks.checkpoint import SHIPPED, Header, read_header, read_tensors, write_tensors
from colorizer.networks.models import OBJECTIVES

RUNS = Path("runs")


def main() -> None:
    """Both models; a file in colorizer/pretrained/ is replaced."""
    for name in OBJECTIVES:
        best, shipped = RUNS / name / "best.safetensors", SHIPPED / f"{name}.safetensors"
        tensors = {key: halve(x) for key, x in read_tensors(best).items()}
        write_tensors(shipped, tensors, name_weights(read_header(best)))
        print(f"{shipped}: {shipped.stat().st_size / 1e6:.1f} MB")


def name_weights(header: Header) -> Header:
    """With the initial weights by their file's name: the folder is nobody's."""
    config, weights = header["config"], header["config"]["weights"]
    return {**header, "config": {**config, "weights": weights and Path(weights).name}}


def halve(tensor: Tensor) -> Tensor:
    """Float16. Raises ValueError where a number is too large for it."""
    if not tensor.is_floating_point():
        return tensor
    half = tensor.to(torch.float16)
    if not torch.isfinite(half).all():
        raise ValueError(f"float16 cannot hold {tensor.abs().max():g}")
    return half


if __name__ == "__main__":
    main()
