"""The bias and the inconsistency of each rater, for screening and not for correction.

A participant's bias is the mean difference of their ratings from the mean ratings of the same
stimuli (ITU-T P.913), and their inconsistency is the standard deviation of what is left (Li et al.
2020). Scores corrected for bias would have too narrow an interval, because new people differ, too.
"""

from dataclasses import dataclass

import numpy as np

from analysis.trials import Codes, FloatArray

MIN_RATINGS = 3  # of stimuli that others rated; with fewer, a person's spread says nothing


@dataclass(frozen=True)
class Raters:
    """The participants with enough ratings of stimuli that others rated, too.

    participant (k,): codes; ratings (k,): how many count; bias, inconsistency (k,): on the scale.
    """

    participant: Codes
    ratings: Codes
    bias: FloatArray
    inconsistency: FloatArray


def describe_raters(scores: FloatArray, participant: Codes, stimulus: Codes) -> Raters:
    """Return the bias and the inconsistency of each participant.

    scores (n,); participant, stimulus (n,): codes from 0. Stimuli with a single rating are left
    out, because it can differ from no other.
    """
    counts = np.bincount(stimulus)
    shared = counts[stimulus] > 1
    scores, participant, stimulus = scores[shared], participant[shared], stimulus[shared]
    means = np.bincount(stimulus, weights=scores, minlength=len(counts)) / np.maximum(counts, 1)
    deviation = scores - means[stimulus]
    ratings = np.bincount(participant)
    people = np.flatnonzero(ratings >= MIN_RATINGS)
    bias = np.bincount(participant, weights=deviation)[people] / ratings[people]
    squares = np.bincount(participant, weights=deviation**2)[people]
    variance = (squares - ratings[people] * bias**2) / (ratings[people] - 1)
    return Raters(people, ratings[people], bias, np.sqrt(np.maximum(variance, 0.0)))
