"""Coverage of nominal 95% intervals of mean opinion scores and of differences between them.

Our interval is compared with those of common practice: ratings treated as independent (as for a
condition in ITU-T P.808), Student's t over participants' means, and ratings from which each
participant's bias is removed (ITU-T P.910), with our variance and with Student's t. True scores are
those of all people and all images; effects are normal on the scale, and grades are rounded.
"""

from dataclasses import dataclass
from itertools import combinations
from math import inf, sqrt

import numpy as np
from scipy import special

from analysis.inference.estimates import compare_estimates, describe_estimates
from analysis.inference.intervals import t_quantile
from analysis.inference.joint_estimates import JointEstimates, estimate_mean_scores
from analysis.trials import Codes, FloatArray

STUDIES = 2000
BIAS_SD, IMAGE_SD, IMAGE_METHOD_SD, PERSON_METHOD_SD, NOISE_SD = 0.45, 0.5, 0.35, 0.25, 0.75
MEANS = (2.8, 3.1, 3.4)  # of the methods, before rounding
RULES = (
    "two-way (ours)",
    "independent",
    "t over people",
    "no bias, two-way",
    "no bias, t",
)


@dataclass(frozen=True)
class Design:
    """A study: participants, images, fewest and most ratings per participant, and true means.

    everything: all participants rate all images by all methods. is_slider: 0 to 100.
    """

    people: int
    images: int
    trials: tuple[int, int]
    means: tuple[float, ...] = MEANS
    everything: bool = False
    is_slider: bool = False


DESIGNS = {
    "12 people x 20 of 20 images": Design(12, 20, (20, 20)),
    "30 x 30 of 60": Design(30, 60, (30, 30)),
    "100 x 40 of 40": Design(100, 40, (40, 40)),
    "40 x 5 to 60 of 60": Design(40, 60, (5, 60)),
    "24 rate all 10 by 3 methods (P.910)": Design(24, 10, (30, 30), everything=True),
    "slider, 30 x 30 of 60": Design(30, 60, (30, 30), is_slider=True),
    "scores near 5, 30 x 30 of 60": Design(30, 60, (30, 30), means=(4.3, 4.5, 4.7)),
    "6 x 10 of 10, 2 methods": Design(6, 10, (10, 10), means=MEANS[:2]),
}


Intervals = tuple[FloatArray, FloatArray, FloatArray | float]  # values, variances, quantiles


@dataclass(frozen=True)
class Ratings:
    """Scores (n,), and the method, participant and image of each."""

    score: FloatArray
    method: Codes
    participant: Codes
    image: Codes


def to_scale(latent: FloatArray, design: Design) -> FloatArray:
    """Return what people answer: a grade from 1 to 5, or a position of the slider."""
    if design.is_slider:
        return np.clip(25 * (latent - 1), 0, 100)
    return np.clip(np.round(latent), 1, 5)


def find_true_scores(design: Design) -> FloatArray:
    """Return the mean score of each method over all people and images."""
    variances = np.square([BIAS_SD, IMAGE_SD, IMAGE_METHOD_SD, PERSON_METHOD_SD, NOISE_SD])
    quantiles = special.ndtri((np.arange(20_000) + 0.5) / 20_000) * sqrt(variances.sum())
    return np.array([to_scale(mean + quantiles, design).mean() for mean in design.means])


def simulate(design: Design, rng: np.random.Generator) -> Ratings:
    methods = len(design.means)
    if design.everything:
        shape = design.people, design.images, methods
        participant, image, method = (codes.ravel() for codes in np.indices(shape))
    else:
        counts = rng.integers(*design.trials, design.people, endpoint=True)
        participant = np.repeat(np.arange(design.people), counts)
        image = np.concatenate([rng.permutation(design.images)[:count] for count in counts])
        method = (participant + np.concatenate([np.arange(count) for count in counts])) % methods
    latent = (
        np.array(design.means)[method]
        + rng.normal(0, BIAS_SD, design.people)[participant]
        + rng.normal(0, IMAGE_SD, design.images)[image]
        + rng.normal(0, IMAGE_METHOD_SD, (design.images, methods))[image, method]
        + rng.normal(0, PERSON_METHOD_SD, (design.people, methods))[participant, method]
        + rng.normal(0, NOISE_SD, len(method))
    )
    return Ratings(to_scale(latent, design), method, participant, image)


def remove_bias(ratings: Ratings) -> FloatArray:
    """Return the scores minus each participant's mean deviation from the stimuli's means."""
    stimulus = ratings.image * (int(ratings.method.max()) + 1) + ratings.method
    deviation = ratings.score - average_by(ratings.score, stimulus)[stimulus]
    return ratings.score - average_by(deviation, ratings.participant)[ratings.participant]


def average_by(values: FloatArray, codes: Codes) -> FloatArray:
    counts = np.bincount(codes)
    return np.asarray(np.bincount(codes, weights=values) / np.maximum(counts, 1))


def two_way(joint: JointEstimates) -> tuple[FloatArray, float]:
    """Return contrast variances (m + pairs,) of means and differences, and the quantile."""
    contrasts = list_contrasts(len(joint.names))
    people, images, both = (
        np.einsum("ci,ij,cj->c", contrasts, covariance, contrasts)
        for covariance in joint.covariances
    )
    df = min(*joint.participants, *joint.images) - 1
    return np.maximum(people + images - both, np.maximum(people, images)), t_quantile(df)


def over_people(scores: FloatArray, ratings: Ratings, methods: int) -> Intervals:
    """Return the means over participants' means, their variances, and the quantiles."""
    people = int(ratings.participant.max()) + 1
    codes = ratings.participant * methods + ratings.method
    counts = np.bincount(codes, minlength=people * methods)
    totals = np.bincount(codes, weights=scores, minlength=people * methods)
    with np.errstate(invalid="ignore"):
        means = (totals / counts).reshape(people, methods)
    values = means @ list_contrasts(methods).T  # nan for a participant without ratings of one
    used = np.count_nonzero(~np.isnan(values), axis=0)
    return (
        np.nanmean(values, axis=0),
        np.nanvar(values, axis=0, ddof=1) / used,
        special.stdtrit(used - 1, 0.975),
    )


def list_contrasts(methods: int) -> FloatArray:
    """Return the contrasts (m + pairs, m): each mean, then each difference."""
    identity = np.eye(methods)
    pairs = [identity[a] - identity[b] for a, b in combinations(range(methods), 2)]
    return np.vstack([identity, *pairs])


def estimate_by_all_rules(ratings: Ratings, methods: int) -> list[Intervals]:
    """Return (values, variances, quantiles) of means and differences by each rule."""
    contrasts, names = list_contrasts(methods), [f"m{j}" for j in range(methods)]
    codes = ratings.method, ratings.participant, ratings.image
    unbiased = remove_bias(ratings)
    joint = estimate_mean_scores(ratings.score, *codes, names)
    corrected = estimate_mean_scores(unbiased, *codes, names)
    independent = np.square(joint.influence @ contrasts.T).sum(axis=0)
    return [
        (contrasts @ joint.values, *two_way(joint)),
        (contrasts @ joint.values, independent, t_quantile(inf)),
        over_people(ratings.score, ratings, methods),
        (contrasts @ corrected.values, *two_way(corrected)),
        over_people(unbiased, ratings, methods),
    ]


def check_against_report(ratings: Ratings, methods: int) -> None:
    """Assert that our standard errors here are those of the report."""
    names = [f"m{j}" for j in range(methods)]
    codes = ratings.method, ratings.participant, ratings.image
    joint = estimate_mean_scores(ratings.score, *codes, names)
    expected = [one.se for one in describe_estimates(joint).values()]
    expected += [one.se for one in compare_estimates(joint)]
    np.testing.assert_allclose(np.sqrt(two_way(joint)[0]), np.array(expected, float), rtol=1e-9)


def measure_coverage(design: Design, studies: int) -> tuple[FloatArray, FloatArray]:
    """Return the coverage (rules, 2) of scores and of differences, and our mean widths (2,)."""
    methods = len(design.means)
    truth = list_contrasts(methods) @ find_true_scores(design)
    hits, widths = np.zeros((len(RULES), 2)), np.zeros(2)
    for number, child in enumerate(np.random.SeedSequence(0).spawn(studies)):
        ratings = simulate(design, np.random.default_rng(child))
        if number == 0:
            check_against_report(ratings, methods)
        results = estimate_by_all_rules(ratings, methods)
        for row, (values, variances, quantile) in enumerate(results):
            covered = abs(values - truth) <= quantile * np.sqrt(variances)
            hits[row] += covered[:methods].mean(), covered[methods:].mean()
        half = results[0][2] * np.sqrt(results[0][1])
        widths += 2 * half[:methods].mean(), 2 * half[methods:].mean()
    return hits / studies, widths / studies


def main(studies: int = STUDIES) -> None:
    print(
        f"\n{studies} studies per design; coverage of scores / differences, "
        "and mean widths of ours\n"
    )
    print(f"{'design':<37}" + "".join(f"{name:>18}" for name in RULES) + f"{'widths':>16}")
    for label, design in DESIGNS.items():
        coverage, widths = measure_coverage(design, studies)
        cells = [f"{100 * score:.1f} / {100 * change:.1f}%" for score, change in coverage]
        row = f"{label:<37}" + "".join(f"{cell:>18}" for cell in cells)
        print(f"{row}{widths[0]:>8.2f} /{widths[1]:>6.2f}", flush=True)


if __name__ == "__main__":
    main()
