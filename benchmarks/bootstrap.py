"""10,000 replicates of the participant bootstrap of two methods' rates, on 100,000 trials.

Ours draws how often each pattern of answers comes. Against loops that draw people and resample
their trials: all columns joined and grouped by the method's name, as data frames do it, and the
same by row numbers. The loops run some replicates and are scaled up.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from analysis.inference.bootstrap import cluster_bootstrap, pigeonhole_bootstrap
from analysis.trials import Trials
from benchmarks.stopwatch import interleaved_medians_ms
from tests.analysis.studies import simulate_study

METHODS = ("m0", "m1")
PEOPLE, TRIALS, IMAGES = 2500, 40, 1600
REPLICATES, SHARE = 10_000, 100  # the loops run one in SHARE of the replicates
BAR = 100

Rates = NDArray[np.float64]


def join_frames(trials: Trials, rng: np.random.Generator) -> Iterator[Rates]:
    """As with data frames: people's columns joined, then a mean for each name in one of them."""
    frames = [
        (trials.participant[rows], trials.image[rows], trials.method[rows], trials.fooled[rows])
        for rows in rows_of_people(trials)
    ]
    while True:
        drawn = [frames[person] for person in rng.integers(PEOPLE, size=PEOPLE)]
        _, _, method, fooled = (np.concatenate(column) for column in zip(*drawn, strict=True))
        _, codes = np.unique(method, return_inverse=True)
        yield np.bincount(codes, weights=fooled) / np.bincount(codes)


def join_rows(trials: Trials, rng: np.random.Generator) -> Iterator[Rates]:
    """Leaner: row numbers joined, and one column looked up."""
    rows_of = rows_of_people(trials)
    _, codes = np.unique(trials.method, return_inverse=True)
    while True:
        rows = np.concatenate([rows_of[person] for person in rng.integers(PEOPLE, size=PEOPLE)])
        yield np.bincount(codes[rows], weights=trials.fooled[rows]) / np.bincount(codes[rows])


def rows_of_people(trials: Trials) -> list[NDArray[np.int64]]:
    order = np.argsort(trials.participant, kind="stable")
    return np.split(order, np.cumsum(np.bincount(trials.participant))[:-1])


def repeat(loop: Iterator[Rates]) -> Callable[[], Rates]:
    return lambda: np.array([next(loop) for _ in range(REPLICATES // SHARE)])


def main() -> None:
    study = simulate_study(
        np.random.default_rng(0), (0.226, 0.301), people=PEOPLE, images=IMAGES, trials=TRIALS
    )
    rng = np.random.default_rng(1)
    medians = interleaved_medians_ms(
        {
            "patterns (ours)": lambda: cluster_bootstrap(
                study, METHODS, study.participant, REPLICATES, seed=0
            ),
            "joined frames": repeat(join_frames(study, rng)),
            "joined row numbers": repeat(join_rows(study, rng)),
            "pigeonhole (ours)": lambda: pigeonhole_bootstrap(
                study, METHODS, REPLICATES // SHARE, seed=0
            ),
        },
        rounds=5,
    )
    ours = medians.pop("patterns (ours)")
    print(f"\n{PEOPLE} people x {TRIALS}, {IMAGES} photographs, {REPLICATES} replicates")
    print(f"all but the first: {REPLICATES // SHARE} replicates timed, times {SHARE}\n")
    print(f"{'patterns (ours)':<20}{ours / 1000:8.2f} s{1:8.1f} x")
    for name, median in medians.items():
        seconds = median / 1000 * SHARE
        bar = f" (bar {BAR} x)" * (name == "joined frames")
        print(f"{name:<20}{seconds:8.2f} s{1000 * seconds / ours:8.1f} x{bar}")


if __name__ == "__main__":
    main()
