"""Estimates from arrays, or from the columns of a table, one row per answer.

Every interval is for new people and new images: answers of the same person, and answers about the
same image, are not independent.
"""

import numpy as np
from numpy.typing import NDArray

from analysis.api.columns import (
    Column,
    DataError,
    Table,
    check_methods,
    check_scale,
    check_trials,
    check_variation,
    encode,
    encode_people,
    read_columns,
    to_booleans,
    to_numbers,
)
from analysis.api.comparison import MethodComparison, compare_methods
from analysis.inference.contrasts import Difference, compare_two_methods
from analysis.inference.estimates import describe_estimates, describe_shares
from analysis.inference.exposure_curves import (
    CHANCE,
    DEFAULT_LAPSE,
    Threshold,
    TimedTrials,
    find_threshold,
    fit_exposure_curve,
)
from analysis.inference.joint_estimates import JointEstimates, estimate_mean_scores
from analysis.inference.rates import Rate, estimate_rate, estimate_rates
from analysis.inference.strengths import (
    RankedTrials,
    arrange_rankings,
    estimate_best_shares,
    estimate_strengths,
    find_unconnected_group,
)
from analysis.trials import Trials


def fooling_rate(
    fooled: Column, participant: Column, image: Column, *, data: Table | None = None
) -> Rate:
    """Estimate the fooling rate of one method: how often its fakes were taken for photographs.

    fooled: true or false, one row per trial; participant: who answered; image: the source image.
    Each is an array (n,) or the name of a column of `data`.
    Raises DataError.
    """
    columns = read_columns(data, fooled=fooled, participant=participant, image=image)
    people = encode_people(columns["participant"], "participant")
    answers = to_booleans(columns["fooled"], "fooled")
    one_method = np.broadcast_to(np.array(""), len(people))
    return estimate_rate(Trials(answers, people, encode(columns["image"])[1], one_method))


def difference(
    fooled: Column,
    method: Column,
    participant: Column,
    image: Column,
    *,
    a: str,
    b: str,
    data: Table | None = None,
) -> Difference:
    """Compare the fooling rates of two methods, a - b, paired by shared people and images.

    fooled, participant, image: as for `fooling_rate`; method: what made the fake. a, b: the two
    methods; rows of other methods are left out.
    Raises DataError.
    """
    columns = read_columns(data, fooled=fooled, method=method, participant=participant, image=image)
    names, codes = encode(columns["method"])
    check_methods(names, (a, b))
    trials = Trials(
        to_booleans(columns["fooled"], "fooled"),
        encode_people(columns["participant"], "participant"),
        encode(columns["image"])[1],
        np.array(names)[codes],
    )
    result = compare_two_methods(trials, estimate_rates(trials, (a, b)), a, b)
    if result.ci95 is None:
        raise DataError(f"{a} - {b} has no interval ({', '.join(result.flags)}); add participants")
    return result


def win_rates(
    first: Column,
    second: Column,
    winner: Column,
    participant: Column,
    image: Column,
    *,
    tie: str = "tie",
    data: Table | None = None,
) -> MethodComparison:
    """Estimate each method's win rate: the share of its pairs in which it was preferred.

    first, second: the two methods of each pair; winner: the preferred one of them, or `tie`, which
    counts half; participant, image: as for `fooling_rate`.
    Raises DataError.
    """
    shares = estimate_best_shares(_read_pairs(first, second, winner, participant, image, tie, data))
    return compare_methods(shares, describe_shares(shares))


def bradley_terry(
    first: Column,
    second: Column,
    winner: Column,
    participant: Column,
    image: Column,
    *,
    tie: str = "tie",
    data: Table | None = None,
) -> MethodComparison:
    """Estimate Bradley-Terry strengths: log odds of being preferred, 0 in sum over the methods.

    Arguments: as for `win_rates`. Raises DataError, also if the strengths are not finite because
    some methods won or lost every comparison with the others.
    """
    return _compare_strengths(_read_pairs(first, second, winner, participant, image, tie, data))


def plackett_luce(
    trial: Column,
    method: Column,
    rank: Column,
    participant: Column,
    image: Column,
    *,
    data: Table | None = None,
) -> MethodComparison:
    """Estimate Plackett-Luce strengths from rankings, or from choices of the best of several.

    One row per candidate, as in judgments.csv. trial: which rows belong together (different for
    every participant); method: of the candidate; rank: 1 is best, and ties are equal (of a choice,
    1 for the chosen one and 2 for the others); participant, image: as for `fooling_rate`.
    Raises DataError, also if the strengths are not finite.
    """
    columns = read_columns(
        data, trial=trial, method=method, rank=rank, participant=participant, image=image
    )
    names, candidate = encode(columns["method"])
    trials, images = encode(columns["trial"])[1], encode(columns["image"])[1]
    people = encode_people(columns["participant"], "participant")
    check_trials(trials, candidate, people, images)
    ranks = np.unique(to_numbers(columns["rank"], "rank"), return_inverse=True)[1] + 1
    return _compare_strengths(arrange_rankings(names, trials, candidate, ranks, people, images))


def mean_opinion(
    score: Column,
    method: Column,
    participant: Column,
    image: Column,
    *,
    scale: tuple[float, float] | None = None,
    data: Table | None = None,
) -> MethodComparison:
    """Estimate each method's mean opinion score, on any scale.

    score: one number per rated image; method: what made it; participant, image: as for
    `fooling_rate`. scale: the lowest and the highest possible score, such as (1, 5); no interval of
    a mean score extends beyond them.
    Raises DataError.
    """
    columns = read_columns(data, score=score, method=method, participant=participant, image=image)
    scores = to_numbers(columns["score"], "score")
    check_scale(scores, scale, "score")
    check_variation(scores, "score")
    names, codes = encode(columns["method"])
    joint = estimate_mean_scores(
        scores,
        codes,
        encode_people(columns["participant"], "participant"),
        encode(columns["image"])[1],
        names,
    )
    return compare_methods(joint, describe_estimates(joint, scale))


def threshold(
    correct: Column,
    exposure_ms: Column,
    participant: Column,
    image: Column,
    *,
    lapse: float = DEFAULT_LAPSE,
    data: Table | None = None,
) -> Threshold:
    """Estimate the exposure at which 75% of pairs are answered correctly.

    correct: true or false, one row per pair; exposure_ms: how long its images were shown;
    participant, image: as for `fooling_rate`. lapse: the share of wrong answers that no exposure
    prevents. If answers do not get better with the exposure, the threshold has the flag `no_rise`,
    and if they get better in one step, the flag `no_curve`.
    Raises DataError.
    """
    columns = read_columns(
        data, correct=correct, exposure_ms=exposure_ms, participant=participant, image=image
    )
    if not 0 <= lapse < CHANCE / 2:
        raise DataError(f"lapse is {lapse}; expected a share from 0 to below {CHANCE / 2}")
    exposures = to_numbers(columns["exposure_ms"], "exposure_ms")
    if exposures.min() <= 0:
        raise DataError(f"exposure_ms has {exposures.min():g}; expected milliseconds above 0")
    check_variation(exposures, "exposure_ms")
    trials = TimedTrials(
        to_booleans(columns["correct"], "correct"),
        exposures,
        encode_people(columns["participant"], "participant"),
        encode(columns["image"])[1],
    )
    return find_threshold(fit_exposure_curve(trials, lapse), np.unique(exposures).tolist())


def _read_pairs(
    first: Column,
    second: Column,
    winner: Column,
    participant: Column,
    image: Column,
    tie: str,
    data: Table | None,
) -> RankedTrials:
    columns = read_columns(
        data, first=first, second=second, winner=winner, participant=participant, image=image
    )
    left, right, won = (columns[name].astype(np.str_) for name in ("first", "second", "winner"))
    _refuse_impossible_pairs(left, right, won, tie)
    names, codes = encode(np.concatenate([left, right]))
    is_tie = won == tie
    ranks = np.column_stack([np.where((won == one) | is_tie, 1, 2) for one in (left, right)])
    return RankedTrials(
        names,
        codes.reshape(2, -1).T,
        ranks.astype(np.int64),
        encode_people(columns["participant"], "participant"),
        encode(columns["image"])[1],
    )


def _refuse_impossible_pairs(
    first: NDArray[np.str_], second: NDArray[np.str_], winner: NDArray[np.str_], tie: str
) -> None:
    is_same = first == second
    if is_same.any():
        row = int(np.argmax(is_same))
        raise DataError(
            f"second: row {row} is '{second[row]}', as first is; a pair has two methods"
        )
    is_known = (winner == first) | (winner == second) | (winner == tie)
    if not is_known.all():
        row = int(np.argmin(is_known))
        raise DataError(
            f"winner: row {row} is '{winner[row]}'; expected '{first[row]}', '{second[row]}' or "
            f"'{tie}'"
        )


def _compare_strengths(trials: RankedTrials) -> MethodComparison:
    if len(trials.methods) < 2:
        raise DataError(f"method is {trials.methods[0]!r} in every row; compare at least two")
    strengths: JointEstimates | None = estimate_strengths(trials)
    if strengths is None:
        names = " and ".join(find_unconnected_group(trials))
        raise DataError(
            f"{names} won or lost every comparison with the other methods, so strengths are not "
            "finite; use the win rates"
        )
    return compare_methods(strengths, describe_estimates(strengths))
