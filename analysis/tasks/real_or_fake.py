"""What is known of each method, and of every two, as plain data: report.json, docs/formats.md."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import inf
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.checks.robustness import Judged, Otherwise
from analysis.exclusions.flow import AnalysisSample
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
    estimate_error_rate,
    estimate_sdt_pairs,
    estimate_sdt_single,
)
from analysis.inference.image_ranking import ImageRanking
from analysis.inference.rates import Rate
from analysis.inference.variance import estimate_variance_components
from analysis.inputs.published import PublishedRate
from analysis.mixed_model.model import (
    MAX_MIXED_PAIR_TRIALS,
    MAX_MIXED_TRIALS,
    MixedRate,
    fit_mixed_difference,
    fit_mixed_rates,
)

Part = dict[str, Any]
Rates = Mapping[str, Rate]
Value = TypeVar("Value", bound=np.generic)


def describe_methods(
    counted: AnalysisSample,
    rates: Rates,
    everybody: Rates,
    rankings: Mapping[str, ImageRanking],
    images: Sequence[str],
    published: Sequence[PublishedRate],
    any_number: bool,
) -> Part:
    """Every method's entry.

    everybody: the rates by no rule. images: their names. any_number: of trials, for the mixed
    model.
    """
    single = counted.table.is_single
    mixed = fit_mixed_rates(
        counted.trials, counted.methods, inf if any_number else MAX_MIXED_TRIALS
    )
    chance = {
        method: TTest() if single else compare_with_chance(rate) for method, rate in rates.items()
    }
    adjusted = dict(zip(chance, adjust_holm([test.p for test in chance.values()]), strict=True))
    return {
        method: {
            **asdict(rate),
            "rate_without_exclusions": everybody[method].rate,
            "ci95_without_exclusions": everybody[method].ci95,
            "vs_chance": {**asdict(chance[method]), "p_holm": adjusted[method]},
            "vs_published": [] if single else _describe_published(method, rate, published),
            "error": asdict(estimate_error_rate(counted.trials, method)) if single else None,
            **_describe_detection(_detect(counted, method)),
            "d_prime_of_rate": None if single else d_prime_from_rate(rate.rate),
            **_describe_variance(counted, method),
            "influence": _describe_influence(counted, method, images),
            "ranking": _describe_ranking(rankings[method]),
            "mixed": _describe_mixed(mixed[method]),
            "flags": (*rate.flags, *(f"mixed_{flag}" for flag in mixed[method].flags)),
        }
        for method, rate in rates.items()
    }


def take_counted(counted: AnalysisSample, values: NDArray[Value]) -> NDArray[Value]:
    """The record's values (n,) of the trials that count."""
    return values[counted.table.is_test & counted.table.is_answered][counted.is_included]


def describe_differences(
    counted: AnalysisSample, judged: Judged, otherwise: Otherwise, margin: float, any_number: bool
) -> list[Part]:
    """Every two methods' entry. margin: of equivalence. any_number: as for the methods."""
    most_trials = inf if any_number else MAX_MIXED_PAIR_TRIALS
    described = []
    for difference, p_holm in zip(judged.differences, judged.p_holm, strict=True):
        a, b, df = difference.a, difference.b, difference.df
        mixed, flags = fit_mixed_difference(counted.trials, a, b, df, most_trials)
        described.append(
            {
                **asdict(difference),
                "p_holm": p_holm,
                "equivalence": asdict(equivalence_test(difference, margin)),
                "without_exclusions": _describe_otherwise(otherwise.by_no_rule, a, b),
                "without_a_rule": {
                    rule: _describe_otherwise(judged, a, b)
                    for rule, judged in otherwise.without.items()
                },
                "mixed": mixed and _round(asdict(mixed)),
                "flags": (*difference.flags, *(f"mixed_{flag}" for flag in flags)),
            }
        )
    return described


def _describe_otherwise(judged: Judged, a: str, b: str) -> Part | None:
    """The same two methods by other rules; None where one of them has no trial then."""
    for difference, p_holm in zip(judged.differences, judged.p_holm, strict=True):
        if (difference.a, difference.b) == (a, b):
            return {
                "difference": difference.difference,
                "ci95": difference.ci95,
                "p_holm": p_holm,
            }
    return None


def _describe_published(method: str, rate: Rate, published: Sequence[PublishedRate]) -> list[Part]:
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


def _detect(counted: AnalysisSample, method: str) -> SignalDetection:
    if counted.table.is_single:
        return estimate_sdt_single(counted.trials, method)
    of_method = counted.trials.method == method
    left = take_counted(counted, counted.table.chose_left_or_fake)[of_method]
    return estimate_sdt_pairs(counted.trials.for_method(method), left)


def _describe_detection(detection: SignalDetection) -> Part:
    return {
        "d_prime": detection.d_prime,
        "d_prime_ci95": detection.ci95,
        "criterion": detection.criterion,
    }


def _describe_variance(counted: AnalysisSample, method: str) -> Part:
    """Shares and sizes of the variation between people and between images."""
    found = estimate_variance_components(counted.trials.for_method(method))
    sizes = {name: getattr(found, name) for name in ("participant", "image", "residual")}
    return {
        "icc_participant": found.icc_participant,
        "icc_image": found.icc_image,
        "variance": {**sizes, "flags": found.flags},
    }


def _describe_influence(counted: AnalysisSample, method: str, images: Sequence[str]) -> Part:
    """The rate without the one person, or the one image, that moves it most, either way."""
    part = counted.trials.for_method(method)
    found = {
        "participant": find_extreme_leave_one_out(
            part.fooled, part.participant, counted.table.participants.tolist()
        ),
        "image": find_extreme_leave_one_out(part.fooled, part.image, images),
    }
    return {factor: extremes and asdict(extremes) for factor, extremes in found.items()}


def _describe_ranking(ranking: ImageRanking) -> Part:
    """How far the order of its images can be trusted; the images themselves stand elsewhere."""
    return {key: value for key, value in vars(ranking).items() if key != "images"}


def _describe_mixed(mixed: MixedRate) -> Part | None:
    return None if mixed.beta is None else _round(asdict(mixed))


def _round(fitted: Part) -> Part:
    """To ten digits: a fit is no closer, and the last ones hang on the number of processors."""

    def keep(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(keep, value))
        return float(f"{value:.10g}") if isinstance(value, float) else value

    return {key: keep(value) for key, value in fitted.items()}
