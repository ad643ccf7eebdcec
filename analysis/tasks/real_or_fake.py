"""The estimates of each method and each pair of methods as plain data, as in report.json."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import inf
from typing import Any

import numpy as np

from analysis.checks.robustness import MethodEstimates, RobustnessEstimates
from analysis.exclusions.flow import AnalysisSample
from analysis.formatting import ReportDict
from analysis.inference.clusters import find_extreme_leave_one_out
from analysis.inference.contrasts import (
    TTest,
    adjust_holm,
    compare_with_chance,
    compare_with_published,
    equivalence_test,
)
from analysis.inference.detection import (
    SignalDetection,
    d_prime_from_rate,
    estimate_sdt_of,
    estimate_sdt_pairs,
)
from analysis.inference.image_ranking import ImageRanking
from analysis.inference.participant_averages import estimate_participant_average
from analysis.inference.rates import Rate, estimate_rate
from analysis.inference.variance import estimate_variance_components
from analysis.inputs.published import PublishedRate
from analysis.mixed_model.model import (
    MAX_MIXED_PAIR_TRIALS,
    MAX_MIXED_TRIALS,
    MixedRate,
    fit_mixed_difference,
    fit_mixed_rates,
)
from analysis.tasks.interim import InterimDifference, compare_methods_within_people
from analysis.tasks.report_sample import ReportSample

RatesByMethod = Mapping[str, Rate]


def describe_methods(
    sample: ReportSample,
    rates: RatesByMethod,
    unfiltered_rates: RatesByMethod,
    rankings: Mapping[str, ImageRanking],
    published: Sequence[PublishedRate],
    always_fit_mixed: bool,
) -> ReportDict:
    """Return `methods` of report.json.

    unfiltered_rates: the rates without exclusions. always_fit_mixed: fit the mixed model regardless
    of the number of trials.
    """
    is_single = sample.is_single
    most_trials = inf if always_fit_mixed else MAX_MIXED_TRIALS
    mixed = fit_mixed_rates(sample.list_trials(most_trials), sample.methods, most_trials)
    chance = {
        method: TTest() if is_single else compare_with_chance(rate)
        for method, rate in rates.items()
    }
    adjusted = dict(zip(chance, adjust_holm([test.p for test in chance.values()]), strict=True))
    return {
        method: {
            **asdict(rate),
            "participant_averaged": asdict(
                estimate_participant_average(sample.trials_of_people(method))
            ),
            "rate_without_exclusions": unfiltered_rates[method].rate,
            "ci95_without_exclusions": unfiltered_rates[method].ci95,
            "vs_chance": {**asdict(chance[method]), "p_holm": adjusted[method]},
            "vs_published": [] if is_single else _describe_published(method, rate, published),
            "error": asdict(estimate_rate(sample.with_photographs(method))) if is_single else None,
            **_describe_detection(_estimate_sdt(sample, method)),
            "d_prime_of_rate": None if is_single else d_prime_from_rate(rate.rate),
            **_describe_variance(sample, method),
            "influence": _describe_influence(sample, method),
            "ranking": _describe_ranking(rankings[method]),
            "mixed": _describe_mixed(mixed[method]),
            "flags": (*rate.flags, *(f"mixed_{flag}" for flag in mixed[method].flags)),
        }
        for method, rate in rates.items()
    }


def describe_differences(
    sample: ReportSample,
    estimates: MethodEstimates,
    robustness: RobustnessEstimates,
    margin: float,
    always_fit_mixed: bool,
) -> list[ReportDict]:
    """Return `differences` of report.json.

    margin: the equivalence margin. always_fit_mixed: as in `describe_methods`.
    """
    most_trials = inf if always_fit_mixed else MAX_MIXED_PAIR_TRIALS
    described = []
    for difference, p_holm in zip(estimates.differences, estimates.p_holm, strict=True):
        a, b, df = difference.a, difference.b, difference.df
        both = sample.list_trials(most_trials, a, b)
        mixed, flags = fit_mixed_difference(both, a, b, df, most_trials)
        described.append(
            {
                **asdict(difference),
                "p_holm": p_holm,
                "equivalence": asdict(equivalence_test(difference, margin)),
                "without_exclusions": _describe_under_other_rules(
                    robustness.without_exclusions, a, b
                ),
                "without_a_rule": {
                    rule: _describe_under_other_rules(rule_estimates, a, b)
                    for rule, rule_estimates in robustness.without_rule.items()
                },
                "mixed": mixed and _round(asdict(mixed)),
                "flags": (*difference.flags, *(f"mixed_{flag}" for flag in flags)),
            }
        )
    return described


def _describe_under_other_rules(estimates: MethodEstimates, a: str, b: str) -> ReportDict | None:
    """Compare the two methods under other rules; None if one then has no trials."""
    for difference, p_holm in zip(estimates.differences, estimates.p_holm, strict=True):
        if (difference.a, difference.b) == (a, b):
            return {
                "difference": difference.difference,
                "ci95": difference.ci95,
                "p_holm": p_holm,
            }
    return None


def _describe_published(
    method: str, rate: Rate, published: Sequence[PublishedRate]
) -> list[ReportDict]:
    return [
        {
            "label": other.label,
            "source": f"{other.source}: {other.method}",
            "checked": other.read_from,
            "rate": other.rate,
            "se": other.se,
            "se_assumed": other.se_assumed,
            "d_prime": d_prime_from_rate(other.rate),
            "difference": None if rate.rate is None else rate.rate - other.rate,
            **asdict(compare_with_published(rate, other.rate, other.se)),
        }
        for other in published
        if method in other.compare_with
    ]


def list_interim(sample: AnalysisSample) -> list[InterimDifference]:
    """Return the differences between fooling rates that the monitor watches."""
    trials, methods = sample.trials, sorted(sample.methods)
    return list(
        compare_methods_within_people(
            "rate",
            trials.fooled.astype(np.float64),
            np.searchsorted(methods, trials.method).astype(np.int64),
            methods,
            trials.factors,
        )
    )


def _estimate_sdt(sample: ReportSample, method: str) -> SignalDetection:
    if sample.is_single:
        return estimate_sdt_of(sample.with_photographs(method), method)
    return estimate_sdt_pairs(*sample.sides_of(method))


def _describe_detection(detection: SignalDetection) -> ReportDict:
    return {
        "d_prime": detection.d_prime,
        "d_prime_ci95": detection.ci95,
        "criterion": detection.criterion,
        "hit_rate": detection.hit_rate,
        "false_alarm_rate": detection.false_alarm_rate,
    }


def _describe_variance(sample: ReportSample, method: str) -> ReportDict:
    """Shares and sizes of the variation between people and between images."""
    components = estimate_variance_components(sample.trials_of_people(method))
    sizes = {name: getattr(components, name) for name in ("participant", "image", "residual")}
    return {
        "icc_participant": components.icc_participant,
        "icc_image": components.icc_image,
        "variance": {**sizes, "flags": components.flags},
    }


def _describe_influence(sample: ReportSample, method: str) -> ReportDict:
    """Return the rate without the person, or the image, that changes it most in each direction."""
    part = sample.trials.for_method(method)
    extremes_by_factor = {
        "participant": find_extreme_leave_one_out(
            part.fooled, part.participant, sample.participants
        ),
        "image": find_extreme_leave_one_out(part.fooled, part.image, sample.images),
    }
    return {
        factor: extremes and asdict(extremes) for factor, extremes in extremes_by_factor.items()
    }


def _describe_ranking(ranking: ImageRanking) -> ReportDict:
    """Describe the reliability of a ranking, without the images themselves."""
    return {key: value for key, value in vars(ranking).items() if key != "images"}


def _describe_mixed(mixed: MixedRate) -> ReportDict | None:
    return None if mixed.beta is None else _round(asdict(mixed))


def _round(fitted: ReportDict) -> ReportDict:
    """Round to ten digits: the later ones depend on the number of processors."""

    def keep(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(keep, value))
        return float(f"{value:.10g}") if isinstance(value, float) else value

    return {key: keep(value) for key, value in fitted.items()}
