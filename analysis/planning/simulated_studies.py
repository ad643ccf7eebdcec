"""Simulated studies, in which people and images have normal effects on the log odds."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from analysis.inference.contrasts import (
    Difference,
    adjust_holm,
    compare_all_methods,
    equivalence_test,
)
from analysis.inference.estimates import compare_estimates
from analysis.inference.rates import estimate_rates
from analysis.planning.formulas import ALPHA, EffectSds, PowerScenario, Scenario, marginal_intercept
from analysis.planning.judged_scenarios import JudgedScenario
from analysis.planning.simulated_judgments import simulate_estimates
from analysis.trials import Trials


def simulate_power(scenario: Scenario, participants: int, studies: int, seed: int) -> float:
    """Return the share of simulated studies that show the difference, or the equivalence.

    The p value of the difference is Holm-corrected for all pairs, as in the report; the other
    methods are like the first one.
    """
    children = np.random.SeedSequence(seed).spawn(studies)
    successes = [
        _is_shown(scenario, _simulate_differences(scenario, participants, rng))
        for rng in map(np.random.default_rng, children)
    ]
    return sum(successes) / studies


def _simulate_differences(
    scenario: Scenario, participants: int, rng: np.random.Generator
) -> Sequence[Difference]:
    """Return the differences between all methods in one study; none if they are not finite."""
    if isinstance(scenario, JudgedScenario):
        estimates = simulate_estimates(scenario, participants, rng)
        return [] if estimates is None else compare_estimates(estimates)
    assert isinstance(scenario, PowerScenario)
    rates = [*scenario.rates, *scenario.rates[:1] * (scenario.methods - 2)]
    trials = simulate_study(
        rng,
        rates,
        participants,
        scenario.images,
        scenario.trials,
        scenario.effects,
        scenario.is_within,
        scenario.is_paired,
    )
    methods = [f"m{number}" for number in range(scenario.methods)]
    return compare_all_methods(trials, estimate_rates(trials, methods))


def _is_shown(scenario: Scenario, differences: Sequence[Difference]) -> bool:
    first = [place for place, one in enumerate(differences) if (one.a, one.b) == ("m0", "m1")]
    if not first:
        return False
    if scenario.margin is None:
        p = adjust_holm([difference.p for difference in differences])[first[0]]
    else:
        p = equivalence_test(differences[first[0]], scenario.margin).p
    return p is not None and p < ALPHA


def simulate_study(
    rng: np.random.Generator,
    rates: Sequence[float],
    participants: int,
    images: int,
    trials: int,
    effects: EffectSds,
    within: bool = True,
    paired: bool = True,
) -> Trials:
    """Simulate answers to methods `m0`, `m1`, ...; no participant sees an image twice.

    rates: the methods', over all people and images. trials: of each participant, in turn of every
    method (within) or all of one. paired: trials of every method draw from all images;
    otherwise image i belongs to method i % number of methods.
    """
    count = len(rates)
    correlations = effects.participant_correlation, effects.image_correlation
    of_people = draw_effects(rng, participants, count, effects.participant, correlations[0])
    of_images = draw_effects(rng, images, count, effects.image, correlations[1])
    base = np.array([marginal_intercept(rate, effects) for rate in rates])
    participant = np.repeat(np.arange(participants), trials)
    method = np.tile(np.arange(trials), participants) % count if within else participant % count
    if paired:
        image = _deal_images(rng, images, participants, trials).ravel()
    else:
        image = np.zeros(len(method), dtype=np.int64)
        for code in range(count):
            chosen = method == code
            people = participants if within else len(range(code, participants, count))
            own = len(range(code, images, count))
            dealt = _deal_images(rng, own, people, int(chosen.sum()) // people)
            image[chosen] = code + count * dealt.ravel()
    logit = base[method] + of_people[participant, method] + of_images[image, method]
    fooled = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    return Trials(fooled, participant, image, np.array([f"m{i}" for i in range(count)])[method])


def _deal_images(
    rng: np.random.Generator, images: int, participants: int, trials: int
) -> NDArray[np.int64]:
    """Return the images (participants, trials) that each participant sees, all different."""
    return rng.permuted(np.tile(np.arange(images), (participants, 1)), axis=1)[:, :trials]


def draw_effects(
    rng: np.random.Generator, levels: int, methods: int, sd: float, correlation: float
) -> NDArray[np.float64]:
    """Draw (levels, methods) normal effects that correlate across the methods."""
    shared = rng.normal(0, sd * sqrt(correlation), (levels, 1))
    own = rng.normal(0, sd * sqrt(1 - correlation), (levels, methods))
    return shared + own
