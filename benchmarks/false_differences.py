"""False positives: how often a 5% test finds a difference between two equal methods.

Our test is compared with tests from the literature and with two logistic mixed models: the usual
one with random intercepts for participants and photographs, and one with random slopes for the
methods as well, which our report fits for comparison.
"""

from collections.abc import Callable
from math import inf, sqrt

import numpy as np

from analysis.inference.contrasts import compare_all_methods
from analysis.inference.intervals import two_sided_p
from analysis.inference.rates import estimate_rates
from analysis.mixed_model.model import fit_mixed_difference
from analysis.trials import Trials
from tests.analysis.studies import simulate_study

RATE, METHODS, SIGNIFICANCE_LEVEL = 0.301, ("m0", "m1"), 0.05
STUDIES = 200
DESIGNS = {"200 photographs": 200, "50 photographs": 50}
PEOPLE, TRIALS = 60, 40


def clustered_p(trials: Trials) -> float | None:
    (difference,) = compare_all_methods(trials, estimate_rates(trials, METHODS))
    return difference.p


def two_proportions_p(trials: Trials) -> float:
    a, b = (trials.for_method(method).fooled for method in METHODS)
    pooled = trials.fooled.mean()
    error = sqrt(pooled * (1 - pooled) * (1 / len(a) + 1 / len(b)))
    return two_sided_p((a.mean() - b.mean()) / error, inf)


def paired_t_p(trials: Trials) -> float:
    """Return p of a paired t-test over participants' differences."""
    shares = []
    for method in METHODS:
        part = trials.for_method(method)
        answered = np.bincount(part.participant, minlength=PEOPLE)
        fooled = np.bincount(part.participant, weights=part.fooled, minlength=PEOPLE)
        shares.append(fooled / answered)
    apart = shares[0] - shares[1]
    return two_sided_p(apart.mean() / (apart.std(ddof=1) / sqrt(PEOPLE)), PEOPLE - 1)


TESTS: dict[str, Callable[[Trials], float | None]] = {
    "clustered t (ours)": clustered_p,
    "two proportions, z": two_proportions_p,
    "t over participants": paired_t_p,
}
MIXED_MODEL_NAMES = ("mixed, intercepts", "mixed, slopes")


def compute_p_values(trials: Trials, images: int) -> dict[str, float | None]:
    """Return p of every test, or None if the test could not be computed."""
    model, _ = fit_mixed_difference(trials, *METHODS, df=min(PEOPLE, images) - 1)
    models = (model.p_intercepts, model.p) if model else (None, None)
    tests = {name: test(trials) for name, test in TESTS.items()}
    return {**tests, **dict(zip(MIXED_MODEL_NAMES, models, strict=True))}


def measure_rejection_rates(images: int, seed: int = 0) -> dict[str, float]:
    """Return the share of studies in which each test rejects, among those where it was computed."""
    results: dict[str, list[bool]] = {name: [] for name in (*TESTS, *MIXED_MODEL_NAMES)}
    for child in np.random.SeedSequence(seed).spawn(STUDIES):
        rng = np.random.default_rng(child)
        trials = simulate_study(rng, (RATE, RATE), PEOPLE, images, TRIALS)
        for name, p in compute_p_values(trials, images).items():
            if p is not None:
                results[name].append(p < SIGNIFICANCE_LEVEL)
    return {name: float(np.mean(seen)) for name, seen in results.items()}


def main() -> None:
    print(
        f"\n{STUDIES} studies per design, {PEOPLE} people x {TRIALS} trials, "
        f"both rates {RATE:.1%}\n"
    )
    columns = {design: measure_rejection_rates(images) for design, images in DESIGNS.items()}
    print(f"{'test':<24}" + "".join(f"{design:>18}" for design in columns))
    for name in (*TESTS, *MIXED_MODEL_NAMES):
        print(f"{name:<24}" + "".join(f"{rates[name]:>18.1%}" for rates in columns.values()))


if __name__ == "__main__":
    main()
