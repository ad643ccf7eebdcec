"""False positives when one of two equal methods has far fewer people, or photographs.

Our test takes its degrees of freedom from the smallest number of people or photographs of either
method. The alternative takes them from the people and photographs of both methods together, as is
usual with clustered standard errors, and sets no lower limit on the variance.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

from analysis.inference.clusters import clustered_variance, multiway_variance
from analysis.inference.contrasts import compare_all_methods
from analysis.inference.intervals import two_sided_p
from analysis.inference.rates import estimate_rates
from analysis.trials import Trials, count_clusters
from tests.analysis.studies import simulate_few_images, simulate_few_people

RATE, METHODS, SIGNIFICANCE_LEVEL = 0.301, ("m0", "m1"), 0.05
STUDIES = 3000
MAX_REJECTION_RATE = 0.07
DESIGNS: dict[str, Callable[[np.random.Generator], Trials]] = {
    "4 people and 100 people": lambda rng: simulate_few_people(rng, RATE, few=4, many=100),
    "6 and 200 photographs": lambda rng: simulate_few_images(rng, RATE, few=6, many=200),
}


def our_p(trials: Trials) -> float | None:
    (difference,) = compare_all_methods(trials, estimate_rates(trials, METHODS))
    return difference.p


def pooled_df_p(trials: Trials) -> float | None:
    """Return p by the two-way variance without a floor, df from the clusters of both methods."""
    is_first = trials.method == METHODS[0]
    size = np.where(is_first, is_first.sum(), (~is_first).sum())
    rates = [float(trials.fooled[chosen].mean()) for chosen in (is_first, ~is_first)]
    influence = np.where(is_first, 1, -1) * (trials.fooled - np.where(is_first, *rates)) / size
    factors = (trials.participant, trials.image)
    variance = multiway_variance(influence, factors)
    if variance <= 0:
        variance = max(clustered_variance(influence, codes) for codes in factors)
    df = min(count_clusters(codes) for codes in factors) - 1
    return two_sided_p((rates[0] - rates[1]) / sqrt(variance), df)


TESTS: dict[str, Callable[[Trials], float | None]] = {
    "fewest clusters (ours)": our_p,
    "clusters of both": pooled_df_p,
}


def measure_rejection_rates(
    simulate: Callable[[np.random.Generator], Trials], studies: int, seed: int = 0
) -> dict[str, float]:
    """Return the share of studies in which each test rejects; without a test it does not."""
    rejections = dict.fromkeys(TESTS, 0)
    for child in np.random.SeedSequence(seed).spawn(studies):
        trials = simulate(np.random.default_rng(child))
        for name, test in TESTS.items():
            p = test(trials)
            rejections[name] += p is not None and p < SIGNIFICANCE_LEVEL
    return {name: count / studies for name, count in rejections.items()}


def main() -> None:
    print(
        f"\n{STUDIES} studies per design, both rates {RATE:.1%}; target: {MAX_REJECTION_RATE:.0%}\n"
    )
    columns = {
        name: measure_rejection_rates(simulate, STUDIES) for name, simulate in DESIGNS.items()
    }
    print(f"{'degrees of freedom':<26}" + "".join(f"{name:>26}" for name in columns))
    for test in TESTS:
        print(f"{test:<26}" + "".join(f"{rates[test]:>26.1%}" for rates in columns.values()))


if __name__ == "__main__":
    main()
