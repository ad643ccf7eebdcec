"""Coverage of nominal 95% intervals of differences between strengths, and of rank confidence sets.

Our interval is compared with those from the Fisher information of the fit, the sandwich estimator
that treats votes as independent (as public leaderboards do), Student's t over participants alone,
and a bootstrap of participants. Strengths are the Bradley-Terry or Plackett-Luce strengths of all
people and all images; effects are normal on the log-odds scale. Rank sets: the share of studies, of
the same design but with equal methods, in which every method's set contains every rank.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf

import numpy as np

from analysis.inference.estimates import compare_estimates
from analysis.inference.intervals import t_quantile
from analysis.inference.joint_estimates import JointEstimates
from analysis.inference.judged.rank_sets import find_rank_sets
from analysis.inference.strengths import RankedTrials, estimate_strengths
from analysis.trials import FloatArray

STUDIES, BOOTSTRAP_STUDIES, RESAMPLES = 2000, 200, 100
TRUTH_TRIALS = 400_000
PERSON_SD, IMAGE_SD = 0.46, 0.5  # of each method's strength, on the log odds


@dataclass(frozen=True)
class Design:
    """A study: its participants, images, trials of each participant, candidates and strengths.

    best_only: participants choose the best candidate instead of ranking all.
    """

    people: int
    images: int
    trials: tuple[int, int]  # fewest and most of a participant
    candidates: int
    strengths: tuple[float, ...]
    best_only: bool = True


FOUR = (0.0, 0.2, 0.4, 0.6)
DESIGNS: dict[str, Design] = {
    "pairs, 12 people x 20 of 20 images": Design(12, 20, (20, 20), 2, FOUR),
    "pairs, 30 x 30 of 60": Design(30, 60, (30, 30), 2, FOUR),
    "pairs, 100 x 40 of 40": Design(100, 40, (40, 40), 2, FOUR),
    "pairs, 40 x 5 to 60 of 60": Design(40, 60, (5, 60), 2, FOUR),
    "pairs of 6 methods, 60 x 20 of 200": Design(60, 200, (20, 20), 2, (*FOUR, 0.8, 1.0)),
    "best of 4, 12 x 20 of 20": Design(12, 20, (20, 20), 4, FOUR),
    "best of 4, 30 x 30 of 60": Design(30, 60, (30, 30), 4, FOUR),
    "ranking of 4, 30 x 30 of 60": Design(30, 60, (30, 30), 4, FOUR, best_only=False),
    "ranking of 3 of 6, 100 x 40 of 40": Design(
        100, 40, (40, 40), 3, (*FOUR, 0.8, 1.0), best_only=False
    ),
}


def simulate(design: Design, rng: np.random.Generator) -> RankedTrials:
    counts = rng.integers(design.trials[0], design.trials[1], design.people, endpoint=True)
    participant = np.repeat(np.arange(design.people), counts)
    image = np.concatenate([rng.permutation(design.images)[:count] for count in counts])
    return simulate_answers(design, rng, participant, image)


def simulate_answers(
    design: Design,
    rng: np.random.Generator,
    participant: np.ndarray[tuple[int], np.dtype[np.int64]],
    image: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> RankedTrials:
    m = len(design.strengths)
    everything = np.tile(np.arange(m), (len(participant), 1))
    shown = rng.permuted(everything, axis=1)[:, : design.candidates]
    of_person = rng.normal(0, PERSON_SD, (int(participant.max()) + 1, m))
    of_image = rng.normal(0, IMAGE_SD, (int(image.max()) + 1, m))
    utility = (
        np.array(design.strengths)[shown]
        + of_person[participant[:, None], shown]
        + of_image[image[:, None], shown]
        + rng.gumbel(size=shown.shape)
    )
    rank = np.argsort(np.argsort(-utility, axis=1), axis=1) + 1
    if design.best_only:
        rank = np.minimum(rank, 2)
    return RankedTrials([f"m{j}" for j in range(m)], shown, rank, participant, image)


def find_true_strengths(design: Design) -> FloatArray:
    """Return the strengths of all people and images, from trials that share neither."""
    codes = np.arange(TRUTH_TRIALS)
    trials = simulate_answers(design, np.random.default_rng(1), codes, codes)
    strengths = estimate_strengths(trials)
    assert strengths is not None
    return strengths.values


def our_errors(joint: JointEstimates, trials: RankedTrials) -> tuple[FloatArray, float]:
    """Return standard errors (m, m) of all differences, and the quantile."""
    del trials
    m = len(joint.names)
    errors, dfs = np.zeros((m, m)), []
    for one in compare_estimates(joint):
        a, b = joint.names.index(one.a), joint.names.index(one.b)
        assert one.se is not None
        assert one.df is not None
        errors[a, b] = errors[b, a] = one.se
        dfs.append(one.df)
    return errors, t_quantile(min(dfs))


def fisher_errors(joint: JointEstimates, trials: RankedTrials) -> tuple[FloatArray, float]:
    """Return errors by the curvature of the likelihood at the fit, computed stage by stage."""
    m = len(joint.names)
    information = np.zeros((m, m))
    depth = 1 if trials.rank.max() == 2 else trials.rank.shape[1] - 1
    for place in range(1, depth + 1):
        weight = np.where(trials.rank >= place, np.exp(joint.values[trials.candidate]), 0.0)
        chance = np.zeros((len(weight), m))
        np.put_along_axis(chance, trials.candidate, weight / weight.sum(1, keepdims=True), axis=1)
        information += np.diag(chance.sum(0)) - chance.T @ chance
    inverse: FloatArray = np.linalg.pinv(information).astype(np.float64)
    return errors_of(inverse), t_quantile(inf)


def vote_errors(joint: JointEstimates, trials: RankedTrials) -> tuple[FloatArray, float]:
    del trials
    return errors_of(joint.influence.T @ joint.influence), t_quantile(inf)


def people_errors(joint: JointEstimates, trials: RankedTrials) -> tuple[FloatArray, float]:
    return errors_of(joint.covariances[0]), t_quantile(int(trials.participant.max()))


def bootstrap_errors(
    joint: JointEstimates, trials: RankedTrials, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Return the standard deviations of differences over resampled participants."""
    del joint
    rows_of = [np.flatnonzero(trials.participant == p) for p in np.unique(trials.participant)]
    values = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rows_of[p] for p in rng.integers(0, len(rows_of), len(rows_of))])
        again = estimate_strengths(
            replace(
                trials,
                candidate=trials.candidate[rows],
                rank=trials.rank[rows],
                participant=trials.participant[rows],
                image=trials.image[rows],
            )
        )
        if again is not None:
            values.append(again.values)
    return errors_of(np.cov(np.array(values).T)), t_quantile(inf)


def errors_of(covariance: FloatArray) -> FloatArray:
    """Return the standard errors (m, m) of all differences."""
    variances = np.diag(covariance)
    squares = variances[:, None] + variances - 2 * covariance
    errors: FloatArray = np.sqrt(np.maximum(squares, 0))
    return errors


INTERVALS: dict[str, Callable[[JointEstimates, RankedTrials], tuple[FloatArray, float]]] = {
    "two-way (ours)": our_errors,
    "Fisher": fisher_errors,
    "votes independent": vote_errors,
    "t over people": people_errors,
}


def measure_coverage(design: Design, studies: int) -> tuple[dict[str, float], float]:
    """Return each interval's coverage of all differences, and ours' mean width."""
    truth, pairs = find_true_strengths(design), [*combinations(range(len(design.strengths)), 2)]
    a, b = np.array(pairs).T
    true_differences = truth[a] - truth[b]
    hits, counts = (
        dict.fromkeys([*INTERVALS, "people bootstrap"], 0.0),
        dict.fromkeys([*INTERVALS, "people bootstrap"], 0),
    )
    widths = []
    for number, child in enumerate(np.random.SeedSequence(0).spawn(studies)):
        rng = np.random.default_rng(child)
        trials = simulate(design, rng)
        joint = estimate_strengths(trials)
        if joint is None:
            continue
        miss = abs(joint.values[a] - joint.values[b] - true_differences)
        results = {name: rule(joint, trials) for name, rule in INTERVALS.items()}
        if number < BOOTSTRAP_STUDIES:
            results["people bootstrap"] = bootstrap_errors(joint, trials, rng)
        for name, (errors, quantile) in results.items():
            hits[name] += float((miss <= quantile * errors[a, b]).mean())
            counts[name] += 1
        errors, quantile = results["two-way (ours)"]
        widths.append(float(2 * quantile * errors[a, b].mean()))
    return {name: hits[name] / counts[name] for name in hits}, float(np.mean(widths))


def measure_rank_sets(design: Design, studies: int) -> float:
    """Return the share of studies of equal methods in which every set holds every rank."""
    m = len(design.strengths)
    equal = replace(design, strengths=(0.0,) * m)
    whole = counted = 0
    for child in np.random.SeedSequence(1).spawn(studies):
        joint = estimate_strengths(simulate(equal, np.random.default_rng(child)))
        if joint is not None:
            sets = find_rank_sets(joint.names, compare_estimates(joint))
            whole += set(sets.values()) == {(1, m)}
            counted += 1
    return whole / counted


def main(studies: int = STUDIES) -> None:
    names = [*INTERVALS, "people bootstrap"]
    print(
        f"\n{studies} studies per design ({min(studies, BOOTSTRAP_STUDIES)} for the bootstrap); "
        "coverage, mean width of ours,\nand studies whose rank sets hold all true ranks\n"
    )
    head = f"{'design':<36}" + "".join(f"{name:>18}" for name in names)
    print(head + f"{'width':>8}{'rank sets':>11}")
    for label, design in DESIGNS.items():
        coverage, width = measure_coverage(design, studies)
        row = f"{label:<36}" + "".join(f"{coverage[name]:>18.1%}" for name in names)
        print(f"{row}{width:>8.2f}{measure_rank_sets(design, studies):>11.1%}", flush=True)


if __name__ == "__main__":
    main()
