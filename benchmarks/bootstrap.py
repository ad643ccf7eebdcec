"""The participant bootstrap: 10,000 replicates of two methods' rates on 100,000 trials.

Our bootstrap draws how often each pattern of answers occurs. The alternatives are loops that draw
participants and join their trials: one joins all columns and groups by the method's name, as with
data frames; the other joins row numbers. The loops run only some of the replicates; their times are
scaled up.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from analysis.inference.bootstrap import cluster_bootstrap, pigeonhole_bootstrap
from analysis.trials import Trials
from benchmarks.stopwatch import measure_medians_ms
from tests.analysis.studies import simulate_study

METHODS = ("m0", "m1")
PEOPLE, TRIALS, IMAGES = 2500, 40, 1600
REPLICATES, LOOP_DIVISOR = 10_000, 100  # the loops run one in LOOP_DIVISOR of the replicates
MIN_SPEEDUP = 100

FloatArray = NDArray[np.float64]


def iterate_joined_frames(trials: Trials, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield replicates as with data frames: join the columns, then average by the method's name."""
    frames = [
        (trials.participant[rows], trials.image[rows], trials.method[rows], trials.fooled[rows])
        for rows in rows_by_participant(trials)
    ]
    while True:
        drawn = [frames[person] for person in rng.integers(PEOPLE, size=PEOPLE)]
        _, _, method, fooled = (np.concatenate(column) for column in zip(*drawn, strict=True))
        _, codes = np.unique(method, return_inverse=True)
        yield np.bincount(codes, weights=fooled) / np.bincount(codes)


def iterate_joined_rows(trials: Trials, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield replicates by joining row numbers and looking up one column."""
    rows_of = rows_by_participant(trials)
    _, codes = np.unique(trials.method, return_inverse=True)
    while True:
        rows = np.concatenate([rows_of[person] for person in rng.integers(PEOPLE, size=PEOPLE)])
        yield np.bincount(codes[rows], weights=trials.fooled[rows]) / np.bincount(codes[rows])


def rows_by_participant(trials: Trials) -> list[NDArray[np.int64]]:
    order = np.argsort(trials.participant, kind="stable")
    return np.split(order, np.cumsum(np.bincount(trials.participant))[:-1])


def repeat(loop: Iterator[FloatArray]) -> Callable[[], FloatArray]:
    return lambda: np.array([next(loop) for _ in range(REPLICATES // LOOP_DIVISOR)])


def main() -> None:
    study = simulate_study(
        np.random.default_rng(0), (0.226, 0.301), people=PEOPLE, images=IMAGES, trials=TRIALS
    )
    rng = np.random.default_rng(1)
    medians = measure_medians_ms(
        {
            "patterns (ours)": lambda: cluster_bootstrap(
                study, METHODS, study.participant, REPLICATES, seed=0
            ),
            "joined frames": repeat(iterate_joined_frames(study, rng)),
            "joined row numbers": repeat(iterate_joined_rows(study, rng)),
            "pigeonhole (ours)": lambda: pigeonhole_bootstrap(
                study, METHODS, REPLICATES // LOOP_DIVISOR, seed=0
            ),
        },
        rounds=5,
    )
    ours = medians.pop("patterns (ours)")
    print(f"\n{PEOPLE} people x {TRIALS}, {IMAGES} photographs, {REPLICATES} replicates")
    print(f"all but the first: {REPLICATES // LOOP_DIVISOR} replicates, scaled by {LOOP_DIVISOR}\n")
    print(f"{'patterns (ours)':<20}{ours / 1000:8.2f} s{1:8.1f} x")
    for name, median in medians.items():
        seconds = median / 1000 * LOOP_DIVISOR
        bar = f" (target: {MIN_SPEEDUP} x)" * (name == "joined frames")
        print(f"{name:<20}{seconds:8.2f} s{1000 * seconds / ours:8.1f} x{bar}")


if __name__ == "__main__":
    main()
