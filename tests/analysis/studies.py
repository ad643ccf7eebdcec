"""Studies to test on: the reference set of 1,600 trials, and simulated ones."""

import csv
from pathlib import Path

import numpy as np

from analysis.sample_size import simulated_studies
from analysis.sample_size.formulas import Effects
from analysis.trials import Trials

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "stats"
CROSSED = Path(__file__).with_name("crossed.csv")
METHODS = ("l2", "mcl", "zhang2016")


def read_crossed() -> Trials:
    """40 people, 200 images, three methods; crossed.csv holds the reference set in brief."""
    with CROSSED.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return Trials(
        fooled=np.array([row["fooled"] == "1" for row in rows]),
        participant=np.array([int(row["participant"]) for row in rows]),
        image=np.array([int(row["image"]) for row in rows]),
        method=np.array([row["method"] for row in rows]),
    )


def make_trials(*answers: tuple[int, int, str, bool]) -> Trials:
    """From (participant, image, method, fooled) each."""
    participant, image, method, fooled = zip(*answers, strict=True)
    return Trials(
        np.array(fooled, dtype=np.bool_),
        np.array(participant, dtype=np.int64),
        np.array(image, dtype=np.int64),
        np.array(method, dtype=np.str_),
    )


def simulate_study(
    rng: np.random.Generator,
    rates: tuple[float, ...],
    people: int = 60,
    images: int = 200,
    trials: int = 40,
    sd_participant: float = 0.5,
    sd_image: float = 0.8,
) -> Trials:
    """Of typical effects, within participants, unless told otherwise."""
    effects = Effects(sd_participant, sd_image)
    return simulated_studies.simulate_study(rng, rates, people, images, trials, effects)
