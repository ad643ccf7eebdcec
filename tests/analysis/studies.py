"""Studies to test on: the reference set of 1,600 trials, and simulated ones."""

import csv
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.fooling import Trials

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
    """People and images with normal effects on the log odds, shared in part by the methods.

    rates: the methods' rates over all people and images. Nobody sees an image twice.
    """
    count = len(rates)
    of_people = draw_effects(rng, people, count, sd_participant, 0.8)
    of_images = draw_effects(rng, images, count, sd_image, 0.5)
    spread = sqrt(sd_participant**2 + sd_image**2)
    base = np.array([solve_intercept(rate, spread) for rate in rates])
    participant = np.repeat(np.arange(people), trials)
    image = rng.permuted(np.tile(np.arange(images), (people, 1)), axis=1)[:, :trials].ravel()
    method = np.tile(np.arange(trials) % count, people)
    logit = base[method] + of_people[participant, method] + of_images[image, method]
    fooled = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    return Trials(fooled, participant, image, np.array([f"m{i}" for i in range(count)])[method])


def draw_effects(
    rng: np.random.Generator, levels: int, methods: int, sd: float, correlation: float
) -> NDArray[np.float64]:
    """(levels, methods) normal effects that correlate across the methods."""
    shared = rng.normal(0, sd * sqrt(correlation), (levels, 1))
    own = rng.normal(0, sd * sqrt(1 - correlation), (levels, methods))
    return shared + own


def solve_intercept(rate: float, spread: float) -> float:
    """The log odds whose mean chance over normal effects is `rate`, by bisection."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    low, high = -12.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        mean = np.average(1 / (1 + np.exp(-(middle + spread * nodes))), weights=weights)
        low, high = (middle, high) if mean < rate else (low, middle)
    return middle
