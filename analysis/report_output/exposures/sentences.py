"""The findings of a study with several exposures in sentences, made from its numbers."""

from collections.abc import Iterator, Sequence

from analysis.formatting import (
    ReportPart,
    format_interval,
    format_number,
    format_p_equation,
    format_percent,
    method_label,
)
from analysis.report_output.sentences import SIGNIFICANCE_LEVEL
from analysis.report_output.tables import find_exposure_range, format_ms, format_ms_interval

MAX_RATIO = 4.0  # of an interval's upper to its lower end; wider ones say too little
MAX_COMPARISONS = 3  # described in sentences; the table has all


def list_exposure_sentences(by_exposure: ReportPart | None) -> list[str]:
    """Return the sentences on thresholds, on each disagreement of its two forms, and on ratios."""
    if by_exposure is None:
        return []
    thresholds, ratios = by_exposure["thresholds"], by_exposure["ratios"]
    described = [
        " ".join(_describe_threshold(method, threshold, find_exposure_range(by_exposure, method)))
        for method, threshold in thresholds.items()
    ]
    return [*described, *(map(_describe_ratio, ratios) if len(ratios) <= MAX_COMPARISONS else ())]


def describe_exposure_figure(by_exposure: ReportPart) -> Iterator[str]:
    """Yield the sentences of the alternative text: each rate, then each threshold."""
    for one in by_exposure["rates"]:
        interval = f", 95% CI {format_interval(one['ci95'], 0)}" if one["ci95"] else ""
        yield (
            f"{method_label(one['method'])} at {format_number(one['exposure_ms'])} ms: "
            f"{format_percent(one['rate'], 0)}%{interval}."
        )
    for method, threshold in by_exposure["thresholds"].items():
        if threshold["ms"] is not None:
            printed = format_ms(threshold["ms"], find_exposure_range(by_exposure, method))
            yield f"{method_label(method)}: T75 {printed}."


def _describe_threshold(
    method: str, threshold: ReportPart, shown: tuple[float, float]
) -> Iterator[str]:
    """Yield the sentences on one method; shown: its shortest and longest exposure in ms."""
    label, free = method_label(method), threshold["shape_free"]
    if threshold["ms"] is None:
        yield _explain_missing(label, threshold)
        if "no_curve" in threshold["flags"]:
            yield _describe_without_shape(free, shown)
        return
    interval = format_ms_interval(threshold["ci95"], shown)
    yield (
        f"{label} is recognized in 75% of pairs at an exposure of "
        f"{format_ms(threshold['ms'], shown)} (T75; 95% CI {interval})."
    )
    yield _describe_without_shape(free, shown)
    if threshold["agrees"] is False:
        yield (
            "The two differ by more than the interval of the fitted curve, so the curve does not "
            f"fit {label}: use the value that assumes no shape."
        )
    if _is_wide(threshold["ci95"], shown):
        yield "The interval is too wide to compare methods; it takes more participants and trials."


def _describe_without_shape(free: ReportPart, shown: tuple[float, float]) -> str:
    if free["ms"] is None:
        return "Without assuming a shape for the curve, the exposures do not bracket a threshold."
    return (
        f"Without assuming a shape for the curve, T75 is {format_ms(free['ms'], shown)} "
        f"(95% CI {format_ms_interval(free['ci95'], shown)})."
    )


def _explain_missing(label: str, threshold: ReportPart) -> str:
    if "no_curve" in threshold["flags"]:
        return f"{label}: no curve of finite slope fits the answers, so it gives no T75."
    if "no_rise" not in threshold["flags"]:
        return (
            f"{label}: one participant and one photograph are not enough to estimate at which "
            "exposure it is recognized."
        )
    return (
        f"{label}: correct answers do not rise with the exposure beyond chance here, so there is "
        "no threshold."
    )


def _is_wide(bounds: Sequence[float | None], shown: tuple[float, float]) -> bool:
    """Return whether the part of an interval within the exposures is too wide to compare."""
    low, high = (end if bound is None else bound for bound, end in zip(bounds, shown, strict=True))
    return high / low > MAX_RATIO


def _describe_ratio(one: ReportPart) -> str:
    a, b = method_label(one["a"]), method_label(one["b"])
    ratio = f"the ratio of T75, {a} / {b}, is {format_number(one['ratio'], 2)}"
    if one["ci95"] is None or one["p_holm"] is None:
        return f"{ratio[0].upper()}{ratio[1:]}; there are too few data to test this."
    low, high = (format_number(bound, 2) for bound in one["ci95"])
    ratio += f" (95% CI {low} to {high}; {format_p_equation(one['p_holm'])})"
    if one["p_holm"] >= SIGNIFICANCE_LEVEL:
        return f"T75 does not differ significantly between {a} and {b}: {ratio}."
    longer, shorter = (a, b) if one["ratio"] > 1 else (b, a)
    return f"It takes significantly longer to recognize {longer} than {shorter}: {ratio}."
