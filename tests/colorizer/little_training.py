"""A training small enough to be killed, as a process; `double` as second word: in float64."""

import math
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from colorizer.training import distributed
from colorizer.training.loop import objective_loss, train
from colorizer.training.photo_cache import Squares
from colorizer.training.state import TrainConfig, begin_run
from colorizer.training.stopping import Pace
from tests.colorizer.pictures import draw

CPU = torch.device("cpu")
LITTLE = TrainConfig(
    "l2", "resnet50v2", weights="random", epochs=1, crop=32, batch_size=4, shortest_epoch=3
)


def pictures() -> Squares:
    """Nine, which no batch of four divides."""
    pixels = np.stack([draw(number, side=48) for number in range(9)])
    return Squares(torch.from_numpy(pixels), np.arange(9), {})


def main(folder: Path, *, double: bool = False) -> None:
    """Saves after every step, where it is to be killed.

    double: rounding in a network so small is as much as its gradients' first percent, and would
    drown what is to be compared.
    """
    with distributed.joined(CPU):
        run = begin_run(replace(LITTLE, epochs=1 if double else 2), None, CPU)
        for network in (run.model, run.averaged) if double else ():
            network.double().register_forward_pre_hook(lambda _, given: (given[0].double(),))
        loss, pace = objective_loss(None, CPU), Pace(save_minutes=math.inf if double else 0)
        full = mock.patch("colorizer.training.loop.reduced_precision", return_value=nullcontext())
        with full if double else nullcontext():
            list(train(run, pictures(), pictures(), loss, folder, pace))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), double=len(sys.argv) > 2)
