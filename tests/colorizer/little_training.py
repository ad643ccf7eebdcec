"""A small training run that tests start as a process; the second argument selects float64."""

import math
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from colorizer.training import distributed
from colorizer.training.loop import build_loss, train
from colorizer.training.photo_cache import PhotoCache
from colorizer.training.state import TrainConfig, create_training_state
from colorizer.training.stopping import TrainingTimer
from tests.colorizer.little_networks import little_networks
from tests.colorizer.pictures import draw

CPU = torch.device("cpu")
LITTLE = TrainConfig(
    "l2", "resnet50v2", weights="random", epochs=1, crop=32, batch_size=4, min_epoch_steps=3
)


def pictures() -> PhotoCache:
    """Return a cache of nine pictures, which is not a multiple of the batch size."""
    pixels = np.stack([draw(number, side=48) for number in range(9)])
    return PhotoCache(torch.from_numpy(pixels), np.arange(9), {})


def main(folder: Path, *, double: bool = False) -> None:
    """Train the small model, saving after every step so that the process can be killed.

    double: train in float64 without saves in between. In so small a network, float32 rounding
    changes gradients by up to a percent, more than the differences that the tests look for. The
    network is little; without `double` it is not, because each step must last until it was seen.
    """
    little = little_networks() if double else nullcontext()
    with little, distributed.process_group(CPU):
        run = create_training_state(replace(LITTLE, epochs=1 if double else 2), None, CPU)
        for network in (run.model, run.ema_model) if double else ():
            network.double().register_forward_pre_hook(lambda _, inputs: (inputs[0].double(),))
        loss, timer = build_loss(None, CPU), TrainingTimer(save_minutes=math.inf if double else 0)
        full = mock.patch("colorizer.training.loop.autocast_bfloat16", return_value=nullcontext())
        with full if double else nullcontext():
            writes = folder if distributed.rank() == 0 else None
            list(train(run, pictures(), pictures(), loss, writes, timer))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), double=len(sys.argv) > 2)
