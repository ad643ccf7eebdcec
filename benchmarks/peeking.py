"""Peeking: how often an interval ever misses the true rate when you look after every participant.

Our asymptotic confidence sequence with the image term is compared with intervals for a single look:
the report's own, Wilson over trials, and Student's t over participants' means. The true rate is the
rate over all people and all photographs.
"""

from collections.abc import Callable

import numpy as np

from analysis.inference.intervals import Interval
from analysis.trials import Trials
from benchmarks.coverage import t_over_participants, two_way_interval, wilson_over_trials
from tests.analysis.studies import estimate_monitored_rate, simulate_study

RATE = 0.301
STUDIES = 1000
FIRST_LOOK, LAST_LOOK = 20, 120  # participants at the first and the last look
DESIGNS = {"40 of 200 photographs each": 200, "40 of 1600": 1600}


def sequence_interval(trials: Trials) -> Interval:
    estimate = estimate_monitored_rate(trials)
    return estimate[1] if estimate else (0.0, 1.0)


INTERVALS: dict[str, Callable[[Trials], Interval]] = {
    "sequence (ours)": sequence_interval,
    "the report's, two-way": two_way_interval,
    "Wilson over trials": wilson_over_trials,
    "t over participants": t_over_participants,
}


def measure_misses(images: int, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return (share of studies with a miss, mean width at the last look) of every interval."""
    missed = dict.fromkeys(INTERVALS, 0)
    width = dict.fromkeys(INTERVALS, 0.0)
    for child in np.random.SeedSequence(seed).spawn(STUDIES):
        study = simulate_study(
            np.random.default_rng(child), (RATE,), people=LAST_LOOK, images=images
        )
        looks = [
            study.select(study.participant < people) for people in range(FIRST_LOOK, LAST_LOOK + 1)
        ]
        for name, interval in INTERVALS.items():
            seen = [interval(look) for look in looks]
            missed[name] += any(not low <= RATE <= high for low, high in seen)
            width[name] += seen[-1][1] - seen[-1][0]
    return {name: (missed[name] / STUDIES, width[name] / STUDIES) for name in INTERVALS}


def main() -> None:
    print(
        f"\n{STUDIES} studies per design, rate {RATE:.1%}, "
        f"looks at {FIRST_LOOK} to {LAST_LOOK} people;"
    )
    print(
        "studies in which the interval ever missed, "
        "then mean width at the last look in percentage points\n"
    )
    print(f"{'design':<28}" + "".join(f"{name:>24}" for name in INTERVALS))
    for design, images in DESIGNS.items():
        cells = [
            f"{missed:.1%} {100 * width:6.1f}" for missed, width in measure_misses(images).values()
        ]
        print(f"{design:<28}" + "".join(f"{cell:>24}" for cell in cells))


if __name__ == "__main__":
    main()
