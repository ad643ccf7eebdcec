"""Davidson's model of paired comparisons with ties (Davidson 1970).

With d the difference of two strengths, the first wins with probability exp(d / 2) / z, the second
with exp(-d / 2) / z, and they tie with nu / z, where z is the sum of the three numerators. The
strengths are larger than those of Bradley and Terry, to whom a tie is half a win: the scales differ
and must not be mixed. Intervals as in `strengths`.
"""

from dataclasses import dataclass, replace

import numpy as np

from analysis.inference.joint_estimates import JointEstimates
from analysis.inference.strengths import RankedTrials, estimate_strengths
from analysis.trials import FloatArray

MAX_STEPS = 100
TOLERANCE = 1e-12


@dataclass(frozen=True)
class DavidsonModel:
    """A fitted model. strengths: 0 in sum; log_nu: the log of nu, named `log_nu`."""

    strengths: JointEstimates
    log_nu: JointEstimates


def fit_davidson(trials: RankedTrials) -> DavidsonModel | None:
    """Fit the model to pairs, by maximum likelihood.

    None if a parameter is not finite: without any tie or without any win, or where
    `estimate_strengths` has no finite strengths. Raises ValueError if trials show more than two
    candidates.
    """
    if trials.candidate.shape[1] != 2:
        raise ValueError("Davidson's model is for two candidates")
    result: FloatArray = np.sign(trials.rank[:, 1] - trials.rank[:, 0]).astype(np.float64)
    started = estimate_strengths(trials)
    if started is None or (result == 0).all() or (result != 0).all():
        return None
    contrasts = _contrasts(trials)
    parameters: FloatArray = np.append(started.values, 0.0)
    for _ in range(MAX_STEPS):
        scores, information = _scores_and_information(parameters, contrasts, result)
        step = _invert(information) @ scores.sum(axis=0)
        parameters = parameters + step * min(1.0, 1 / max(float(abs(step).max()), TOLERANCE))
        if float(abs(step).max()) < TOLERANCE:
            break
    scores, information = _scores_and_information(parameters, contrasts, result)
    influence = scores @ _invert(information)
    return DavidsonModel(
        strengths=replace(started, values=parameters[:-1], influence=influence[:, :-1]),
        log_nu=JointEstimates(
            names=("log_nu",),
            values=parameters[-1:],
            influence=influence[:, -1:],
            shown=np.ones((len(result), 1), dtype=np.bool_),
            participant=trials.participant,
            image=trials.image,
        ),
    )


def _contrasts(trials: RankedTrials) -> FloatArray:
    """Return (n, m): 1 for the first candidate of a trial, -1 for the second."""
    codes = np.arange(len(trials.methods))
    first, second = (trials.candidate[:, slot, None] == codes for slot in (0, 1))
    contrasts: FloatArray = first.astype(np.float64) - second
    return contrasts


def _scores_and_information(
    parameters: FloatArray, contrasts: FloatArray, result: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the score (n, m + 1) of each trial, and the information (m + 1, m + 1).

    result (n,): 1 if the first won, -1 if the second did, 0 for a tie.
    """
    half, log_nu = contrasts @ parameters[:-1] / 2, float(parameters[-1])
    log_weights = np.stack([half, -half, np.full_like(half, log_nu)])
    weights = np.exp(log_weights - log_weights.max(axis=0))
    first, second, tie = weights / weights.sum(axis=0)
    lead = first - second  # the expected result
    score_strength, score_tie = (result - lead) / 2, (result == 0) - tie
    scores = np.column_stack([contrasts * score_strength[:, None], score_tie])
    of_strengths = (contrasts * ((first + second - lead**2) / 4)[:, None]).T @ contrasts
    both = contrasts.T @ (-lead * tie / 2)
    information = np.block(
        [[of_strengths, both[:, None]], [both[None], np.array([[float(tie @ (1 - tie))]])]]
    )
    return scores, information


def _invert(information: FloatArray) -> FloatArray:
    """Return the inverse on the strengths of sum 0 and on log nu."""
    m = len(information) - 1
    common = np.zeros_like(information)
    common[:m, :m] = 1 / m
    inverse: FloatArray = np.linalg.inv(information + common) - common
    return inverse
