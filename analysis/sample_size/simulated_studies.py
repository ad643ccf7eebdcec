"""Simulated studies, in which people and images have normal effects on the log odds."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.inference.contrasts import adjust_holm, compare_all_methods, equivalence_test
from analysis.inference.rates import estimate_rates
from analysis.sample_size.formulas import (
    ALPHA,
    EffectSds,
    PowerScenario,
    marginal_intercept,
)
from analysis.trials import Trials


def simulate_power(scenario: PowerScenario, participants: int, studies: int, seed: int) -> float:
    """Return the share of simulated studies that show the difference, or the equivalence.

    The p value of the difference is Holm-corrected for all pairs, as in the report; the other
    methods have the first one's rate.
    """
    children = np.random.SeedSequence(seed).spawn(studies)
    successes = [
        _is_shown(scenario, participants, np.random.default_rng(child)) for child in children
    ]
    return sum(successes) / studies


def _is_shown(scenario: PowerScenario, participants: int, rng: np.random.Generator) -> bool:
    rates = [*scenario.rates, *scenario.rates[:1] * (scenario.methods - 2)]
    trials = simulate_study(
        rng,
        rates,
        participants,
        scenario.images,
        scenario.trials,
        scenario.effects,
        scenario.is_within,
    )
    methods = [f"m{number}" for number in range(scenario.methods)]
    differences = compare_all_methods(trials, estimate_rates(trials, methods))
    first = next(place for place, one in enumerate(differences) if (one.a, one.b) == ("m0", "m1"))
    if scenario.margin is None:
        p = adjust_holm([difference.p for difference in differences])[first]
    else:
        p = equivalence_test(differences[first], scenario.margin).p
    return p is not None and p < ALPHA


def simulate_study(
    rng: np.random.Generator,
    rates: Sequence[float],
    participants: int,
    images: int,
    trials: int,
    effects: EffectSds,
    within: bool = True,
) -> Trials:
    """Simulate answers to methods `m0`, `m1`, ...; no participant sees an image twice.

    rates: the methods', over all people and images. trials: of each participant, in turn of every
    method (within) or all of one.
    """
    count = len(rates)
    correlations = effects.participant_correlation, effects.image_correlation
    of_people = draw_effects(rng, participants, count, effects.participant, correlations[0])
    of_images = draw_effects(rng, images, count, effects.image, correlations[1])
    base = np.array([marginal_intercept(rate, effects) for rate in rates])
    participant = np.repeat(np.arange(participants), trials)
    image = rng.permuted(np.tile(np.arange(images), (participants, 1)), axis=1)[:, :trials].ravel()
    method = np.tile(np.arange(trials), participants) % count if within else participant % count
    logit = base[method] + of_people[participant, method] + of_images[image, method]
    fooled = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    return Trials(fooled, participant, image, np.array([f"m{i}" for i in range(count)])[method])


def draw_effects(
    rng: np.random.Generator, levels: int, methods: int, sd: float, correlation: float
) -> NDArray[np.float64]:
    """Draw (levels, methods) normal effects that correlate across the methods."""
    shared = rng.normal(0, sd * sqrt(correlation), (levels, 1))
    own = rng.normal(0, sd * sqrt(1 - correlation), (levels, methods))
    return shared + own
