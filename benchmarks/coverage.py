"""Coverage and width of nominal 95% intervals of the fooling rate.

Our interval is compared with intervals from the literature: Wilson over trials, Student's t over
participants' means, and the bootstrap of the original tool (AMT_Real_vs_Fake), which resamples
participants, then trials within them (mean ± 1.96 SD). The true rate is the rate over all people
and all photographs; effects are normal on the log-odds scale.
"""

from collections.abc import Callable
from functools import partial
from math import inf, sqrt

import numpy as np

from analysis.inference.intervals import Interval, t_quantile, wilson_interval
from analysis.inference.rates import estimate_rate
from analysis.trials import Trials
from tests.analysis.studies import simulate_study

Simulation = Callable[[np.random.Generator, tuple[float, ...]], Trials]  # from rates to a study

RATE = 0.301
STUDIES = 2000
STRONG = partial(simulate_study, sd_participant=0.8, sd_image=1.2)
DESIGNS: dict[str, Simulation] = {
    "60 people x 40 of 200 photographs": simulate_study,
    "the same, strong effects": STRONG,
    "100 people x 40 of 200": partial(simulate_study, people=100),
    "40 people, all the same 40": partial(simulate_study, people=40, images=40),
    "60 people x 40 of 1600, strong": partial(STRONG, images=1600),
}


def two_way_interval(trials: Trials) -> Interval:
    interval = estimate_rate(trials).ci95
    assert interval is not None
    return interval


def wilson_over_trials(trials: Trials) -> Interval:
    return wilson_interval(float(trials.fooled.mean()), len(trials.fooled), t_quantile(inf))


def t_over_participants(trials: Trials) -> Interval:
    answered = np.bincount(trials.participant)
    means = np.bincount(trials.participant, weights=trials.fooled) / answered
    half = t_quantile(len(means) - 1) * means.std(ddof=1) / sqrt(len(means))
    return means.mean() - half, means.mean() + half


def amt_bootstrap_interval(trials: Trials) -> Interval:
    """Return the limit of AMT_Real_vs_Fake's bootstrap if all give the same number of answers."""
    answered = np.bincount(trials.participant)
    means = np.bincount(trials.participant, weights=trials.fooled) / answered
    within = means * (1 - means) / answered
    half = t_quantile(inf) * sqrt((means.var() + within.mean()) / len(means))
    return means.mean() - half, means.mean() + half


INTERVALS: dict[str, Callable[[Trials], Interval]] = {
    "two-way (ours)": two_way_interval,
    "Wilson over trials": wilson_over_trials,
    "t over participants": t_over_participants,
    "original bootstrap": amt_bootstrap_interval,
}


def measure_coverage(simulate: Simulation, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return (coverage, mean width) of every interval over the same simulated studies."""
    results: dict[str, list[tuple[bool, float]]] = {name: [] for name in INTERVALS}
    for child in np.random.SeedSequence(seed).spawn(STUDIES):
        trials = simulate(np.random.default_rng(child), (RATE,))
        for name, interval in INTERVALS.items():
            low, high = interval(trials)
            results[name].append((low <= RATE <= high, high - low))
    return {
        name: (float(np.mean([c for c, _ in seen])), float(np.mean([w for _, w in seen])))
        for name, seen in results.items()
    }


def main() -> None:
    print(
        f"\n{STUDIES} studies per design, rate {RATE:.1%}; "
        "coverage, then mean width in percentage points\n"
    )
    print(f"{'design':<36}" + "".join(f"{name:>22}" for name in INTERVALS))
    for design, simulate in DESIGNS.items():
        cells = [f"{c:.1%} {100 * w:6.1f}" for c, w in measure_coverage(simulate).values()]
        print(f"{design:<36}" + "".join(f"{cell:>22}" for cell in cells))


if __name__ == "__main__":
    main()
