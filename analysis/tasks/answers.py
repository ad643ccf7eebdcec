"""The answers of every task as numbers, whose mean is what the report estimates of a method."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.exclusions.flow import AnalysisSample
from analysis.inference.estimates import Estimate, describe_estimates, describe_shares
from analysis.inference.intervals import Interval
from analysis.inference.joint_estimates import JointEstimates, estimate_mean_scores
from analysis.inputs.trial_table import TrialTable
from analysis.tasks.judged import JudgedSample
from analysis.trials import BoolArray, Codes, FloatArray, IntArray

PAIR = 2
RATING = "rating"


@dataclass(frozen=True)
class ScoredAnswers:
    """The included answers to test trials, one entry per judged image.

    of: the estimate, such as `rate` or `mean_opinion:quality`. is_share: the mean is in [0, 1].
    value (n,); method, participant, image (n,): codes of the names in methods, participants and
    images. order (n,): the trial's place among the test trials of the participant, from 0. ends:
    the lowest and the highest value, where they are known.
    """

    of: str
    is_share: bool
    value: FloatArray
    method: Codes
    participant: Codes
    image: Codes
    order: IntArray
    methods: Sequence[str]
    participants: Sequence[str]
    images: Sequence[str]
    ends: Interval | None = None

    def estimate_means(
        self, codes: Codes, names: Sequence[str], chosen: BoolArray
    ) -> tuple[JointEstimates, dict[str, Estimate]]:
        """Estimate the means of groups of answers: jointly, and each with its intervals.

        codes (n,): of the group; names: of the groups; chosen (n,): which answers to use.
        """
        joint = estimate_mean_scores(
            self.value[chosen], codes[chosen], self.participant[chosen], self.image[chosen], names
        )
        if self.is_share:
            return joint, describe_shares(joint)
        return joint, describe_estimates(joint, self.ends)


def score_trials(sample: AnalysisSample, images: Sequence[str]) -> list[ScoredAnswers]:
    """Return fooled or not for each included trial. images: the names of the source images."""
    trials, table = sample.trials, sample.table
    order = count_test_trials(table)[table.is_test & table.is_answered][sample.is_included]
    is_fake = np.isin(trials.method, sample.methods)
    return [
        ScoredAnswers(
            "rate",
            True,
            trials.fooled[is_fake].astype(np.float64),
            np.searchsorted(sample.methods, trials.method[is_fake]).astype(np.int64),
            trials.participant[is_fake],
            trials.image[is_fake],
            order[is_fake],
            sample.methods,
            table.participants.tolist(),
            images,
        )
    ]


def score_judgments(sample: JudgedSample, task: str) -> list[ScoredAnswers]:
    """Return the score on each scale, or the share of being the best in each trial."""
    judgments, table = sample.judgments, sample.exclusions.table
    order_of_row = np.zeros(len(table), dtype=np.int64)
    order_of_row[table.response_row] = count_test_trials(table)
    images = np.unique(judgments.image).tolist()
    method = np.searchsorted(sample.methods, judgments.method).astype(np.int64)

    def select(of: str, is_share: bool, value: FloatArray, rows: BoolArray) -> ScoredAnswers:
        return ScoredAnswers(
            of,
            is_share,
            value[rows],
            method[rows],
            sample.participant[rows],
            sample.image[rows],
            order_of_row[judgments.trial[rows]],
            sample.methods,
            table.participants.tolist(),
            images,
        )

    if task == RATING:
        return [
            replace(
                select(f"mean_opinion:{scale}", False, judgments.value, judgments.scale == scale),
                ends=sample.scale_ends.get(scale),
            )
            for scale in sorted(set(judgments.scale.tolist()))
        ]
    is_best = (judgments.value == 1).astype(np.float64)
    counts = np.bincount(judgments.trial, minlength=len(table))
    best = np.bincount(judgments.trial, weights=is_best, minlength=len(table))
    share = is_best / np.maximum(best, 1)[judgments.trial]
    name = "win_rate" if counts.max(initial=0) == PAIR else "share_best"
    return [select(name, True, share, np.ones(len(share), dtype=np.bool_))]


def count_test_trials(table: TrialTable) -> IntArray:
    """Return (n,): how many test trials the participant had before each trial of the table."""
    before: IntArray = np.cumsum(table.is_test) - table.is_test
    first = np.searchsorted(table.participant, np.arange(len(table.participants)))
    order: IntArray = before - before[first][table.participant]
    return order
