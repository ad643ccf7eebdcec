"""Write the included models, colorizer/pretrained/*.safetensors, in half precision.

Run `python docs/experiment/ship.py` in the folder that contains data/ and runs/; README.md explains
the rest. With --again, neither is needed: the weights are those of the included models, and the
prior is that of prior.json; only the header, the card and the prior are written again.
"""

import json
import re
from collections import Counter
from pathlib import Path

import click
import torch
from torch import Tensor

from colorizer.color.prior import ColorPrior, read_prior
from colorizer.networks.checkpoint import (
    PRETRAINED_FOLDER,
    PRIOR_PREFIX,
    Header,
    read_header,
    read_tensors,
    write_model,
)
from colorizer.networks.models import OBJECTIVES
from colorizer.splits.split_file import SPLIT_FILE, read_split

HERE = Path(__file__).parent
# Two bins are so rare that prior.json rounds them to 0; with 0, all weights would change by 0.4%.
RAREST_BINS = {49: 4.8e-10, 312: 4.6e-10}  # index of a bin -> probability
VAL_PHOTOGRAPHS = 633  # of the included models
RUNS, PRIOR = Path("runs"), Path("data/prior.npz")
# Settings whose names have changed since the included models were trained.
RENAMED_SETTINGS = {"ema": "ema_decay", "shortest_epoch": "min_epoch_steps"}


@click.command()
@click.option("--again", is_flag=True, help="Keep the weights of the included models.")
def main(again: bool) -> None:
    """Write both models; existing files in colorizer/pretrained/ are replaced."""
    prior = read_recorded_prior() if again else read_prior(PRIOR)
    photographs = {"train": prior.photograph_count, "val": VAL_PHOTOGRAPHS}
    if not again:
        splits = Counter(photograph.split for photograph in read_split(SPLIT_FILE))
        photographs = {split: splits[split] for split in photographs}
    for name in OBJECTIVES:
        shipped = PRETRAINED_FOLDER / f"{name}.safetensors"
        source = shipped if again else RUNS / name / "best.safetensors"
        stored = read_tensors(source).items()
        tensors = {key: halve(x) for key, x in stored if not key.startswith(PRIOR_PREFIX)}
        header = complete_header(read_header(source))
        write_model(shipped, tensors, prior, {**header, "photographs": photographs})
        print(f"{shipped}: {shipped.stat().st_size / 1e6:.1f} MB")


def read_recorded_prior() -> ColorPrior:
    """Read the prior of the included models from prior.json, where it is rounded.

    Probabilities have 9 decimals and weights 6, which is more exact than to estimate them again:
    other versions of libjpeg decode a few pixels differently.
    """
    recorded = json.loads((HERE / "prior.json").read_text(encoding="utf-8"))
    probability, weight = (torch.tensor(recorded[key]) for key in ("probability", "weight"))
    for index, share in RAREST_BINS.items():
        probability[index] = share
    return ColorPrior(probability, weight, recorded["photographs"])


def complete_header(header: Header) -> Header:
    """Return the header with the model card, and with only the file name of the initial weights."""
    config, weights = header["config"], header["config"]["weights"]
    renamed = {RENAMED_SETTINGS.get(key, key): value for key, value in config.items()}
    config = {**renamed, "weights": weights and Path(weights).name}
    return {**header, "config": config, "card": read_card()}


def read_card() -> str:
    """Return the card of both models, without the targets of its links."""
    text = (PRETRAINED_FOLDER / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)


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
