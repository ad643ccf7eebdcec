"""Simulated people: crossed participant and image effects on being fooled.

Someone is fooled with probability p, logit p = beta_m + u_p + s_pm + v_i + w_im: a method's
intercept, a person's and a photograph's gullibility over all methods and with this one. The rates
are marginal: beta_m is solved so that p averages to the rate over people and photographs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

import numpy as np

from study_server.vocabulary import FOIL_METHOD, REAL_METHOD

PARTICIPANT_CORRELATION = 0.8  # of a person's gullibility across methods
IMAGE_CORRELATION = 0.5  # of a photograph's across methods
FOIL_RATE = 0.13  # people found 87 % of the random recolorings (Zhang et al. 2016)
REAL_RATE = 0.25  # of photographs shown alone that are called fake
QUADRATURE_NODES = 40


@dataclass(frozen=True)
class SimulatedPopulation:
    """The parameters of a population of simulated people.

    rates: marginal fooling rates, in [0, 1], by method. *_sd: on the logit scale, over methods.
    dropout_rate: the share that leaves somewhere on the way.
    """

    rates: Mapping[str, float]
    participant_sd: float = 0.5
    image_sd: float = 0.8
    dropout_rate: float = 0.0
    seed: int = 0

    def error_probability(self, person: str, image: str, method: str) -> float:
        """Return the probability that one person misjudges one image of one method.

        The error is to take a fake for a photograph, or a photograph alone for a fake. The same
        names and seed give the same probability, in any order of calls.
        """
        rate = {FOIL_METHOD: FOIL_RATE, REAL_METHOD: REAL_RATE}.get(method) or self.rates[method]
        intercept = marginal_intercept(rate, math.hypot(self.participant_sd, self.image_sd))
        effect = self._random_effect(self.participant_sd, PARTICIPANT_CORRELATION, person, method)
        effect += self._random_effect(self.image_sd, IMAGE_CORRELATION, image, method)
        return 1 / (1 + math.exp(-intercept - effect))

    def _random_effect(self, sd: float, correlation: float, level: str, method: str) -> float:
        """Draw an effect with a shared and an own part, so that two methods' effects correlate."""
        shared = Random(f"{self.seed}:{level}").gauss(0, math.sqrt(correlation))
        own = Random(f"{self.seed}:{level}:{method}").gauss(0, math.sqrt(1 - correlation))
        return sd * (shared + own)


@cache
def marginal_intercept(rate: float, sd: float) -> float:
    """beta such that E[logistic(beta + sd Z)] = rate, Z standard normal; Gauss-Hermite, bisection.

    Not logit(rate): with sd 0.9 that would give 31.6 % instead of 30 %.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
    low, high = -30.0, 30.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        mean = float(np.sum(weights / (1 + np.exp(-middle - sd * nodes))) / math.sqrt(2 * math.pi))
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2
