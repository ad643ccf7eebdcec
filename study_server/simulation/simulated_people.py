"""Simulated people: a model of being fooled, with crossed participant and image effects.

The probability p of being fooled is logit p = beta_m + u_p + s_pm + v_i + w_im: the intercept of a
method, the effects of a participant and of an image on all methods, and their effects on this
method. The rates are marginal: beta_m is chosen so that the average of p over participants and
images is the rate.

After a short exposure, people also guess. With a threshold T, the probability of an error at the
exposure t is 1/2 - (1/2 - p) u with logit u = slope log2(t / T_p): 1/2 if nothing is seen, p after
a long look, and halfway at T_p, the threshold of one participant. log2 T_p varies between
participants with the mean log2 T.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random

import numpy as np

from study_server.vocabulary import FOIL_METHOD, REAL_METHOD

PARTICIPANT_CORRELATION = 0.8  # between a participant's effects on two methods
IMAGE_CORRELATION = 0.5  # between an image's effects on two methods
FOIL_RATE = 0.13  # people found 87% of the random recolorings (Zhang et al. 2016)
REAL_RATE = 0.25  # share of single photographs that are called fake
FOIL_STRENGTH, REAL_STRENGTH = -4.0, 1.0
QUADRATURE_NODES = 40
THRESHOLD_SLOPE = 1.5  # log odds per doubling of the exposure
THRESHOLD_SD = 0.5  # doublings


@dataclass(frozen=True)
class SimulatedPopulation:
    """The parameters of a population of simulated people.

    rates: marginal fooling rates, in [0, 1], by method. strengths: mean qualities by method, on the
    scale of log odds, for tasks that compare or rate images. *_sd: standard deviations on the logit
    scale. dropout_rate: the share of participants who stop before the end. threshold_ms: the median
    threshold; None if the exposure makes no difference.
    """

    rates: Mapping[str, float]
    strengths: Mapping[str, float] = field(default_factory=dict)
    participant_sd: float = 0.5
    image_sd: float = 0.8
    dropout_rate: float = 0.0
    seed: int = 0
    threshold_ms: float | None = None

    def error_probability(self, person: str, image: str, method: str) -> float:
        """Return the probability that one person misjudges one image of one method.

        The error is to take a fake for a photograph, or a single photograph for a fake. The same
        arguments and seed give the same probability, in any order of calls.
        """
        rate = {FOIL_METHOD: FOIL_RATE, REAL_METHOD: REAL_RATE}.get(method) or self.rates[method]
        intercept = marginal_intercept(rate, math.hypot(self.participant_sd, self.image_sd))
        effect = self._random_effect(self.participant_sd, PARTICIPANT_CORRELATION, person, method)
        effect += self._random_effect(self.image_sd, IMAGE_CORRELATION, image, method)
        return 1 / (1 + math.exp(-intercept - effect))

    def share_seen(self, person: str, exposure_ms: float | None) -> float:
        """Return u of the module's formula for one person; 1 without an exposure or a threshold."""
        if exposure_ms is None or self.threshold_ms is None:
            return 1.0
        doublings = math.log2(exposure_ms / self.threshold_ms)
        doublings -= THRESHOLD_SD * Random(f"{self.seed}:{person}:threshold").gauss()
        return 1 / (1 + math.exp(-THRESHOLD_SLOPE * doublings))

    def quality(self, person: str, image: str, method: str) -> float:
        """Return the quality of one image of one method for one person, on the scale of log odds.

        The same arguments and seed give the same quality, in any order of calls.
        """
        fixed = {FOIL_METHOD: FOIL_STRENGTH, REAL_METHOD: REAL_STRENGTH}.get(method)
        strength = self.strengths[method] if fixed is None else fixed
        effect = self._random_effect(self.participant_sd, PARTICIPANT_CORRELATION, person, method)
        return (
            strength + effect + self._random_effect(self.image_sd, IMAGE_CORRELATION, image, method)
        )

    def _random_effect(self, sd: float, correlation: float, level: str, method: str) -> float:
        """Draw an effect that is correlated between methods: a shared part plus a method's part."""
        shared = Random(f"{self.seed}:{level}").gauss(0, math.sqrt(correlation))
        own = Random(f"{self.seed}:{level}:{method}").gauss(0, math.sqrt(1 - correlation))
        return sd * (shared + own)


@dataclass(frozen=True)
class SimulatedPerson:
    """One person of a population, who sees images for exposure_ms; None: until the answer.

    seed: makes the person's effects differ from other people's.
    """

    population: SimulatedPopulation
    seed: str
    exposure_ms: float | None = None

    def error_probability(self, image: str, method: str) -> float:
        """Return the probability that this person misjudges one image of one method."""
        error = self.population.error_probability(self.seed, image, method)
        return 0.5 - (0.5 - error) * self.population.share_seen(self.seed, self.exposure_ms)

    def quality(self, image: str, method: str) -> float:
        """Return the quality of one image of one method for this person."""
        return self.population.quality(self.seed, image, method)


@cache
def marginal_intercept(rate: float, sd: float) -> float:
    """Return beta such that E[logistic(beta + sd Z)] = rate, with Z standard normal.

    Solved by bisection with Gauss-Hermite quadrature. logit(rate) would not do: with sd 0.9 it
    gives 31.6% instead of 30%.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
    low, high = -30.0, 30.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        mean = float(np.sum(weights / (1 + np.exp(-middle - sd * nodes))) / math.sqrt(2 * math.pi))
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2
