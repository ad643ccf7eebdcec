"""How often a nominal 95 % interval of the fooling rate holds the truth, and how wide it is.

Ours against the intervals that papers print: Wilson's over trials, t over participants' means, and
the bootstrap of the tool that the test comes from: people, then trials within them, mean ± 1.96 SD.
The truth is the rate over all people and all photographs; effects are normal on the log odds.
"""

from collections.abc import Callable
from math import inf, sqrt

import numpy as np

from analysis.inference.intervals import Interval, t_quantile, wilson
from analysis.inference.rates import fooling_rate
from analysis.trials import Trials
from tests.analysis.studies import simulate_study

RATE = 0.301
STUDIES = 2000
DESIGNS: dict[str, dict[str, float]] = {
    "60 people x 40 of 200 photographs": {},
    "the same, strong effects": {"sd_participant": 0.8, "sd_image": 1.2},
    "100 people x 40 of 200": {"people": 100},
    "40 people, all the same 40": {"people": 40, "images": 40},
    "60 people x 40 of 1600, strong": {"images": 1600, "sd_participant": 0.8, "sd_image": 1.2},
}


def two_way(trials: Trials) -> Interval:
    interval = fooling_rate(trials).ci95
    assert interval is not None
    return interval


def wilson_over_trials(trials: Trials) -> Interval:
    return wilson(float(trials.fooled.mean()), len(trials.fooled), t_quantile(inf))


def t_over_participants(trials: Trials) -> Interval:
    answered = np.bincount(trials.participant)
    means = np.bincount(trials.participant, weights=trials.fooled) / answered
    half = t_quantile(len(means) - 1) * means.std(ddof=1) / sqrt(len(means))
    return means.mean() - half, means.mean() + half


def original_bootstrap(trials: Trials) -> Interval:
    """What AMT_Real_vs_Fake's bootstrap tends to, where all people answer as many trials."""
    answered = np.bincount(trials.participant)
    means = np.bincount(trials.participant, weights=trials.fooled) / answered
    within = means * (1 - means) / answered
    half = t_quantile(inf) * sqrt((means.var() + within.mean()) / len(means))
    return means.mean() - half, means.mean() + half


INTERVALS: dict[str, Callable[[Trials], Interval]] = {
    "two-way (ours)": two_way,
    "Wilson over trials": wilson_over_trials,
    "t over participants": t_over_participants,
    "original bootstrap": original_bootstrap,
}


def measure(design: dict[str, float], seed: int = 0) -> dict[str, tuple[float, float]]:
    """(coverage, mean width) of every interval over the same simulated studies."""
    found: dict[str, list[tuple[bool, float]]] = {name: [] for name in INTERVALS}
    for child in np.random.SeedSequence(seed).spawn(STUDIES):
        trials = simulate_study(np.random.default_rng(child), (RATE,), **design)  # type: ignore[arg-type]  # one dict of ints and floats
        for name, interval in INTERVALS.items():
            low, high = interval(trials)
            found[name].append((low <= RATE <= high, high - low))
    return {
        name: (float(np.mean([c for c, _ in seen])), float(np.mean([w for _, w in seen])))
        for name, seen in found.items()
    }


def main() -> None:
    print(f"\n{STUDIES} studies a design, rate {RATE:.1%}; coverage, then mean width in points\n")
    print(f"{'design':<36}" + "".join(f"{name:>22}" for name in INTERVALS))
    for design, changes in DESIGNS.items():
        cells = [f"{c:.1%} {100 * w:6.1f}" for c, w in measure(changes).values()]
        print(f"{design:<36}" + "".join(f"{cell:>22}" for cell in cells))


if __name__ == "__main__":
    main()
