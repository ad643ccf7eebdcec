"""Simulated preferences and ratings, in which people and images have normal effects."""

from math import sqrt

import numpy as np

from analysis.inference.joint_estimates import JointEstimates, estimate_mean_scores
from analysis.inference.strengths import RankedTrials, estimate_strengths
from analysis.planning.formulas import EffectSds, marginal_intercept
from analysis.planning.judged_scenarios import JudgedScenario, PreferenceScenario, RatingScenario
from analysis.trials import Codes, FloatArray, IntArray

IMAGE_SHARE = 0.3  # of the residual variance of ratings: images that look better with any method


def simulate_estimates(
    scenario: JudgedScenario, participants: int, rng: np.random.Generator
) -> JointEstimates | None:
    """Simulate a study and estimate the strengths or mean scores of its methods `m0`, `m1`, ...

    `m0` and `m1` differ by the scenario's difference, and the others equal `m0`. None if the
    strengths are not finite.
    """
    if isinstance(scenario, PreferenceScenario):
        return estimate_strengths(simulate_preferences(scenario, participants, rng))
    return _simulate_mean_scores(scenario, participants, rng)


def simulate_preferences(
    scenario: PreferenceScenario, participants: int, rng: np.random.Generator
) -> RankedTrials:
    """Simulate choices between two methods; all pairs come equally often."""
    participant, image = _deal_images(scenario, participants, rng)
    pairs = np.column_stack(np.triu_indices(scenario.methods, 1))
    candidate = pairs[_deal(participants, scenario.trials, len(pairs))]
    sds = scenario.sds
    contrast = EffectSds(sqrt(2) * sds.participant, sqrt(2) * sds.image)
    strengths = np.zeros(scenario.methods)
    strengths[1] = -marginal_intercept(scenario.win_rate, contrast)
    effects = _draw_effects(scenario, participants, rng, candidate, participant, image)
    advantage = (strengths[candidate] + effects) @ (1, -1)
    is_first = rng.random(len(advantage)) < 1 / (1 + np.exp(-advantage))
    rank = np.column_stack([2 - is_first, 1 + is_first])
    return RankedTrials(_name_methods(scenario), candidate, rank, participant, image)


def _simulate_mean_scores(
    scenario: RatingScenario, participants: int, rng: np.random.Generator
) -> JointEstimates:
    participant, image = _deal_images(scenario, participants, rng)
    method = _deal(participants, scenario.trials, scenario.methods)
    means = np.zeros(scenario.methods)
    means[1] = -scenario.difference
    effects = _draw_effects(scenario, participants, rng, method[:, None], participant, image)
    residual = scenario.sds.residual
    of_image = rng.normal(0, residual * sqrt(IMAGE_SHARE), scenario.images)
    noise = rng.normal(0, residual * sqrt(1 - IMAGE_SHARE), len(method))
    scores = means[method] + effects[:, 0] + of_image[image] + noise
    return estimate_mean_scores(scores, method, participant, image, _name_methods(scenario))


def _name_methods(scenario: JudgedScenario) -> list[str]:
    return [f"m{number}" for number in range(scenario.methods)]


def _deal_images(
    scenario: JudgedScenario, participants: int, rng: np.random.Generator
) -> tuple[Codes, Codes]:
    """Return the participant (n,) and the image (n,) of each trial; nobody sees an image twice."""
    images = np.tile(np.arange(scenario.images), (participants, 1))
    shown = rng.permuted(images, axis=1)[:, : scenario.trials].ravel()
    return np.repeat(np.arange(participants), scenario.trials), shown


def _deal(participants: int, trials: int, kinds: int) -> IntArray:
    """Return the kind (n,) of each trial; participants start with different kinds."""
    order = np.arange(participants)[:, None] + np.arange(trials)
    return (order % kinds).ravel()


def _draw_effects(
    scenario: JudgedScenario,
    participants: int,
    rng: np.random.Generator,
    method: IntArray,
    participant: Codes,
    image: Codes,
) -> FloatArray:
    """Return the effects (n, k) of people and images on the methods (n, k) of each trial."""
    people = rng.normal(0, scenario.sds.participant, (participants, scenario.methods))
    images = rng.normal(0, scenario.sds.image, (scenario.images, scenario.methods))
    effects: FloatArray = people[participant[:, None], method] + images[image[:, None], method]
    return effects
