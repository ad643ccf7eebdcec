"""The answers of `tests/reference/stats` for tasks other than real or fake, and simulated ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from analysis.inference.strengths import RankedTrials
from analysis.trials import IntArray

STATS = Path(__file__).parents[2] / "reference" / "stats"
METHODS = ("a", "b", "c", "d")


def read_table(name: str) -> IntArray:
    """Return the rows of a CSV file of integers, without its header."""
    return np.loadtxt(STATS / f"{name}.csv", delimiter=",", skiprows=1, dtype=np.int64)


def read_expected(name: str) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((STATS / "tasks_expected.json").read_text())[name]
    return expected


def read_rankings(name: str) -> RankedTrials:
    table = read_table(name)
    k = (table.shape[1] - 2) // 2
    return RankedTrials(METHODS, table[:, 2 : 2 + k], table[:, 2 + k :], table[:, 0], table[:, 1])


def draw_rankings(
    rng: np.random.Generator,
    strengths: tuple[float, ...],
    *,
    people: int,
    images: int,
    trials: int,
    candidates: int = 2,
) -> RankedTrials:
    """Simulate full rankings of random candidates by people who differ, of images that differ."""
    m = len(strengths)
    participant = np.repeat(np.arange(people), trials)
    image = np.concatenate([rng.permutation(images)[:trials] for _ in range(people)])
    shown = rng.permuted(np.tile(np.arange(m), (people * trials, 1)), axis=1)[:, :candidates]
    utility = (
        np.array(strengths)[shown]
        + rng.normal(0, 0.46, (people, m))[participant[:, None], shown]
        + rng.normal(0, 0.5, (images, m))[image[:, None], shown]
        + rng.gumbel(size=shown.shape)
    )
    rank = np.argsort(np.argsort(-utility, axis=1), axis=1) + 1
    return RankedTrials([f"m{j}" for j in range(m)], shown, rank, participant, image)
