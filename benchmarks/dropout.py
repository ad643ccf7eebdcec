"""Coverage when people answer different numbers of trials.

The rate over all trials (pooled) is compared with the mean of the participants' own rates
(averaged). The true rate is the rate over all people and all photographs. Under informative
drop-out, the people fooled most often answer 6 trials, those fooled least often answer 40, and the
others a number in between. A warning is a significant difference between the two rates.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.inference.participant_averages import estimate_participant_average
from analysis.inference.rates import estimate_rate
from tests.analysis.studies import simulate_dropout

RATE, PEOPLE = 0.301, 40
FEWEST, MOST = 6, 40  # trials of a person
STUDIES = 3000
Counts = Callable[[np.random.Generator, NDArray[np.float64]], NDArray[np.int64]]


def answer_all(rng: np.random.Generator, effect: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.full(len(effect), MOST)


def leave_at_random(rng: np.random.Generator, effect: NDArray[np.float64]) -> NDArray[np.int64]:
    return rng.permutation(leave_if_fooled(rng, effect))


def leave_if_fooled(rng: np.random.Generator, effect: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give fewer trials to people who tend to be fooled more often."""
    rank = np.argsort(np.argsort(-effect)) / (len(effect) - 1)
    return np.rint(FEWEST + rank * (MOST - FEWEST)).astype(np.int64)


def answer_one_long(rng: np.random.Generator, effect: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.where(np.arange(len(effect)) == 0, MOST, FEWEST)


DESIGNS: dict[str, Counts] = {
    "40 trials each": answer_all,
    "independent drop-out": leave_at_random,
    "informative drop-out": leave_if_fooled,
    "one person 40, others 6": answer_one_long,
}


def measure_coverage(counts: Counts, studies: int, seed: int = 0) -> dict[str, float]:
    """Return coverage, bias and mean width of both rates, and the share of warnings."""
    rows = []
    for child in np.random.SeedSequence(seed).spawn(studies):
        trials = simulate_dropout(np.random.default_rng(child), RATE, PEOPLE, counts)
        pooled, averaged = estimate_rate(trials), estimate_participant_average(trials)
        row = []
        for one in (pooled, averaged):
            assert one.rate is not None
            assert one.ci95 is not None
            low, high = one.ci95
            row += [low <= RATE <= high, one.rate - RATE, high - low]
        rows.append([*row, averaged.p is not None and averaged.p < 0.05])
    means = np.mean(np.array(rows, dtype=float), axis=0).tolist()
    keys = [
        f"{rate} {what}" for rate in ("pooled", "averaged") for what in ("cover", "bias", "width")
    ]
    return dict(zip([*keys, "warning"], means, strict=True))


def main() -> None:
    error = sqrt(0.95 * 0.05 / STUDIES)
    print(
        f"\n{STUDIES} studies per design, {PEOPLE} people, rate {RATE:.1%}; "
        f"coverage (± {error:.1%}), then bias and mean width in percentage points\n"
    )
    print(f"{'design':<26}{'pooled':>24}{'averaged':>24}{'warning':>10}")
    for design, counts in DESIGNS.items():
        found = measure_coverage(counts, STUDIES)
        cells = [
            f"{found[f'{rate} cover']:.1%} {100 * found[f'{rate} bias']:+6.1f} "
            f"{100 * found[f'{rate} width']:6.1f}"
            for rate in ("pooled", "averaged")
        ]
        print(f"{design:<26}" + "".join(f"{c:>24}" for c in cells) + f"{found['warning']:>10.1%}")


if __name__ == "__main__":
    main()
