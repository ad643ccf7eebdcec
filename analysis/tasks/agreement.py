"""Agreement: of people with each other about ratings, and of people with themselves in repeats."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

import numpy as np

from analysis.exclusions.rules import find_outlying_times
from analysis.formatting import ReportDict
from analysis.inference.rates import estimate_rate
from analysis.inference.variance import estimate_crossed_variances
from analysis.inputs.judgments import Judgments
from analysis.tasks.answers import ScoredAnswers
from analysis.tasks.judged import JudgedSample
from analysis.trials import Codes, FloatArray, Trials, count_clusters

Metric = Literal["nominal", "ordinal", "interval"]


def describe_agreement(all_answers: Sequence[ScoredAnswers]) -> list[ReportDict]:
    """Return the `agreement` of report.json: of ratings, for each scale.

    The rated units are the stimuli: a method's rendering of a source image.
    """
    return [_describe_scale(answers) for answers in all_answers if not answers.is_share]


def _describe_scale(answers: ScoredAnswers) -> ReportDict:
    stimuli = answers.image * len(answers.methods) + answers.method
    unit = np.unique(stimuli, return_inverse=True)[1].astype(np.int64)
    units = count_clusters(unit) if len(unit) else 0
    raters = len(unit) / units if units else 0.0
    single, average = estimate_absolute_agreement(answers.value, unit, answers.participant, raters)
    return {
        "of": answers.of,
        "stimuli": units,
        "participants": count_clusters(answers.participant) if len(unit) else 0,
        "ratings": len(unit),
        "ratings_per_stimulus": raters,
        "icc_single": single,
        "icc_average": average,
        "alpha_ordinal": krippendorff_alpha(unit, answers.value, "ordinal"),
        "alpha_interval": krippendorff_alpha(unit, answers.value, "interval"),
    }


def estimate_absolute_agreement(
    values: FloatArray, unit: Codes, participant: Codes, raters: float
) -> tuple[float | None, float | None]:
    """Return the two-way random intraclass correlations of absolute agreement.

    ICC(2,1) and ICC(2,k) of Shrout & Fleiss (1979): of a single rating, and of the mean of `raters`
    ratings; from variance components, so that not everybody has to rate everything. values, unit,
    participant (n,). None if the variances cannot be estimated, or are not above 0 in sum.
    """
    if len(values) < 2 or count_clusters(unit) < 2 or count_clusters(participant) < 2:
        return None, None
    variances = estimate_crossed_variances(values, unit, participant)
    if variances is None:
        return None, None
    of_units, of_people, residual = variances
    single, average = (of_units + (of_people + residual) / count for count in (1.0, raters))
    return (
        of_units / single if single > 0 else None,
        of_units / average if average > 0 else None,
    )


def krippendorff_alpha(unit: Codes, values: FloatArray, metric: Metric) -> float | None:
    """Return Krippendorff's alpha: 1 is perfect agreement, 0 that of chance.

    unit (n,): codes of what was rated; values (n,). Units with one value are left out. Krippendorff
    (2011), "Computing Krippendorff's alpha-reliability". None without variation.
    """
    levels, code = np.unique(values, return_inverse=True)
    table = np.zeros((int(unit.max(initial=-1)) + 1, len(levels)))
    np.add.at(table, (unit, code), 1)
    table = table[table.sum(axis=1) > 1]
    weight = 1 / (table.sum(axis=1, keepdims=True) - 1)
    coincidences = (table * weight).T @ table - np.diag((table * weight).sum(axis=0))
    totals = coincidences.sum(axis=0)
    distances = _distances(levels, totals, metric)
    expected = float(totals @ distances @ totals)
    if expected == 0:
        return None
    return 1 - (float(totals.sum()) - 1) * float((coincidences * distances).sum()) / expected


def _distances(levels: FloatArray, totals: FloatArray, metric: Metric) -> FloatArray:
    """Return the squared distance (k, k) between every two values."""
    if metric == "nominal":
        return 1.0 - np.eye(len(levels))
    ranks = np.cumsum(totals) - totals / 2 if metric == "ordinal" else levels
    squared: FloatArray = (ranks[:, None] - ranks) ** 2
    return squared


def describe_repeats(sample: JudgedSample, judgments: Judgments) -> ReportDict | None:
    """Return the `consistency` of report.json; None if no trial was repeated.

    judgments: of all trials, repeats among them. A repeat agrees if all its judgments are the same
    as at first.
    """
    table, excluded = sample.exclusions.table, sample.exclusions
    if not len(table.repeat_rows):
        return None
    times = find_outlying_times(table.rt_ms, excluded.rules)
    usable = table.is_answered & ~excluded.is_excluded[table.participant]
    if not isinstance(times, str):
        usable = usable & ~times
    chosen = usable[table.original_rows] & usable[table.repeat_rows]
    first, again = table.original_rows[chosen], table.repeat_rows[chosen]
    said = _judgments_by_row(judgments)
    pairs = [
        (said[one], said[two])
        for one, two in zip(
            table.response_row[first].tolist(), table.response_row[again].tolist(), strict=True
        )
    ]
    same = np.array([one == two for one, two in pairs], dtype=np.bool_)
    people, images = table.participant[again], table.image[again]
    alike = estimate_rate(Trials(same, people, images, np.full(len(same), "")))
    changes = [abs(one[key] - two[key]) for one, two in pairs for key in one.keys() & two.keys()]
    described = asdict(alike)
    return {
        "agreements": described.pop("fooled"),
        "repeats": described.pop("trials"),
        **{key: described[key] for key in ("participants", "images", "rate", "ci95", "flags")},
        "mean_absolute_change": float(np.mean(changes)) if changes else None,
    }


def _judgments_by_row(judgments: Judgments) -> dict[int, dict[tuple[str, str, str], float]]:
    """Return, by row of the responses, the value of each image, method and scale."""
    said = defaultdict[int, dict[tuple[str, str, str], float]](dict)
    for row, image, method, scale, value in zip(
        judgments.trial.tolist(),
        judgments.image.tolist(),
        judgments.method.tolist(),
        judgments.scale.tolist(),
        judgments.value.tolist(),
        strict=True,
    ):
        said[row][image, method, scale] = value
    return said
