"""Fooling rates by exposure, and the exposure at which pairs are told apart in 75% of trials."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

import numpy as np

from analysis.exclusions.flow import AnalysisSample
from analysis.formatting import ReportDict
from analysis.inference.contrasts import adjust_holm
from analysis.inference.detection import REAL_METHOD, estimate_sdt_single
from analysis.inference.estimates import compare_estimates
from analysis.inference.exposure_curves import (
    ExposureCurve,
    Threshold,
    TimedTrials,
    find_shape_free_threshold,
    find_threshold,
    fit_exposure_curve,
    join_log_thresholds,
)
from analysis.inference.rates import estimate_rate
from analysis.inputs.responses import Responses
from analysis.trials import FloatArray, Trials

MAX_EXPOSURES = 20


def describe_exposures(sample: AnalysisSample, selected: Responses) -> ReportDict | None:
    """Return `by_exposure` of report.json; None if trials do not differ in their exposure.

    None, too, if there are more exposures than a protocol lists: a staircase chose them by the
    answers, so that the rates at each would be biased.

    `thresholds` are for pairs, in which guessing is right half of the time.
    """
    requested_ms = selected.numbers("exposure_ms")[sample.table.response_row]
    exposure_ms = sample.select_included(requested_ms)
    levels = np.unique(exposure_ms[np.isfinite(exposure_ms)]).tolist()
    if not 2 <= len(levels) <= MAX_EXPOSURES:
        return None
    curves = {} if sample.table.is_single else _fit_curves(sample, exposure_ms)
    thresholds = {
        method: find_threshold(curve, np.unique(timed.exposure_ms).tolist())
        for method, (timed, curve) in sorted(curves.items())
    }
    return {
        "rates": list(_list_rates(sample.trials, exposure_ms, levels, sample.table.is_single)),
        "thresholds": {
            method: _describe_threshold(threshold, *curves[method])
            for method, threshold in thresholds.items()
        },
        "ratios": _compare_thresholds(
            {
                method: curve
                for method, (_, curve) in curves.items()
                if curve is not None and _is_shown(thresholds[method].ms, levels)
            }
        ),
    }


def _list_rates(
    trials: Trials, exposure_ms: FloatArray, levels: list[float], is_single: bool
) -> Iterator[ReportDict]:
    """Yield the rate of each method, and of photographs shown alone, at each exposure.

    Fakes shown alone also have d', their difference from the photographs at the same exposure.
    """
    for method in np.unique(trials.method).tolist():
        for level in levels:
            shown = trials.select(exposure_ms == level)
            rate = estimate_rate(shown.select(shown.method == method))
            if not rate.trials:
                continue
            is_fake = is_single and method != REAL_METHOD
            sensitivity = estimate_sdt_single(shown, method) if is_fake else None
            yield {
                "method": method,
                "exposure_ms": level,
                "rate": rate.rate,
                "ci95": rate.ci95,
                "trials": rate.trials,
                "participants": rate.participants,
                "images": rate.images,
                "flags": rate.flags,
                "d_prime": sensitivity and sensitivity.d_prime,
                "d_prime_ci95": sensitivity and sensitivity.ci95,
            }


def _fit_curves(
    sample: AnalysisSample, exposure_ms: FloatArray
) -> dict[str, tuple[TimedTrials, ExposureCurve | None]]:
    """Return each method's timed trials and fitted curve."""
    fitted = {}
    for method in sample.methods:
        rows = (sample.trials.method == method) & np.isfinite(exposure_ms)
        part = sample.trials.select(rows)
        if len(part.fooled):
            timed = TimedTrials(~part.fooled, exposure_ms[rows], part.participant, part.image)
            fitted[method] = timed, fit_exposure_curve(timed)
    return fitted


def _describe_threshold(
    threshold: Threshold, trials: TimedTrials, curve: ExposureCurve | None
) -> ReportDict:
    """Describe a fitted threshold with its curve, and the threshold without a shape beside it.

    `agrees`: the threshold without a shape lies within the fitted one's interval.
    """
    free = find_shape_free_threshold(trials)
    return {
        **asdict(threshold),
        "intercept": curve and curve.intercept,
        "slope": curve and curve.slope,
        "lapse": curve and curve.lapse,
        "shape_free": asdict(free),
        "agrees": _is_inside(threshold, free.ms),
    }


def _is_inside(threshold: Threshold, ms: float | None) -> bool | None:
    """Return whether an exposure lies in the threshold's interval; None if either is unknown."""
    if threshold.ci95 is None or ms is None:
        return None
    low, high = threshold.ci95
    return (low is None or low <= ms) and (high is None or ms <= high)


def _is_shown(ms: float | None, levels: list[float]) -> bool:
    """Return whether a threshold lies within the exposures of the study."""
    return ms is not None and levels[0] <= ms <= levels[-1]


def _compare_thresholds(curves: Mapping[str, ExposureCurve]) -> list[ReportDict]:
    """Return the ratio of the thresholds of every two methods, with p values adjusted by Holm.

    curves: of the methods whose threshold lies within the exposures of the study.
    """
    if len(curves) < 2:
        return []
    differences = compare_estimates(join_log_thresholds(curves))
    adjusted = adjust_holm([one.p for one in differences])
    return [
        {
            "a": one.a,
            "b": one.b,
            "ratio": 2**one.difference,
            "ci95": one.ci95 and [2**bound for bound in one.ci95],
            "t": one.t,
            "df": one.df,
            "p": one.p,
            "p_holm": p,
            "flags": one.flags,
        }
        for one, p in zip(differences, adjusted, strict=True)
    ]
