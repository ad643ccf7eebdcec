"""Tables of the rates, thresholds and scores by exposure."""

from analysis.formatting import (
    EN_DASH,
    NARROW_SPACE,
    ReportPart,
    format_interval,
    format_number,
    format_p,
    format_percent,
    method_label,
)
from analysis.inference.intervals import Interval
from analysis.report_output.tables import (
    CI95_HEADING,
    EMPTY_TABLE,
    ReportTable,
    find_exposure_range,
    format_ms,
    format_ms_interval,
    format_plain_interval,
)


def tabulate_rates_by_exposure(report: ReportPart) -> ReportTable:
    """Tabulate the rates at each exposure, if trials differ in it."""
    if report["by_exposure"] is None:
        return EMPTY_TABLE
    is_single = report["input"]["single"]
    rows = [
        (
            method_label(one["method"]), _format_exposure(one["exposure_ms"]),
            format_percent(one["rate"]), format_interval(one["ci95"]),
            *((format_number(one["d_prime"], 2), format_plain_interval(one["d_prime_ci95"]))
              if is_single else ()),
            *(format_number(one[key]) for key in ("trials", "participants", "images")),
        )
        for one in report["by_exposure"]["rates"]
    ]  # fmt: skip
    what = "; of photographs, the share called fake" if is_single else ""
    d_prime = ("d′", CI95_HEADING) if is_single else ()
    return ReportTable(
        f"Results by exposure: fooling rates{what}",
        ("Method", "Exposure", "Rate", CI95_HEADING, *d_prime, "Trials", "Participants", "Photos"),
        rows,
        note="d′: how well participants told a method’s fakes from photographs at this exposure; 0 "
        "means that they could not."
        if is_single
        else "",
    )


def tabulate_hype_time(report: ReportPart) -> ReportTable:
    """Tabulate the scores of HYPE-time, with what they do not say."""
    hype_time = report["hype_time"]
    if hype_time is None:
        return EMPTY_TABLE
    rows = [
        (
            method_label(method), _format_score(one["score_ms"]), _format_scores(one["ci95"]),
            *(format_number(one[key]) for key in ("participants", "blocks", "blocks_at_limit")),
        )
        for method, one in hype_time["methods"].items()
    ]  # fmt: skip
    return ReportTable(
        "HYPE-time: mean over participants of their most frequent exposure",
        ("Method", "Score", "95% CI, published method", "Participants", "Blocks", "At a limit"),
        rows,
        note="Mean over blocks of a participant’s most frequent exposure, then over participants, "
        "with a t interval over participants (Zhou et al., 2019). At a limit: blocks whose most "
        f"frequent exposure is the shortest one ({format_number(hype_time['min_ms'])} ms) or the "
        f"longest one ({format_number(hype_time['max_ms'])} ms).",
    )


def tabulate_thresholds(report: ReportPart) -> ReportTable:
    """Tabulate the exposures at which 75% of pairs are told apart."""
    by_exposure = report["by_exposure"] or {}
    thresholds = by_exposure.get("thresholds", {})
    rows = []
    for method, one in thresholds.items():
        shown = find_exposure_range(by_exposure, method)
        values = [
            text
            for each in (one, one["shape_free"])
            for text in (format_ms(each["ms"], shown), format_ms_interval(each["ci95"], shown))
        ]
        rows.append((method_label(method), *values, format_number(one["slope"], 2)))
    disagreeing = [method for method, one in thresholds.items() if one["agrees"] is False]
    note = (
        "Fitted: a logistic curve on log time with 2% lapses. Without a shape: monotone rates "
        "joined by lines. < and >: outside the exposures of the study. “–” means that correct "
        "answers do not rise with the exposure beyond chance."
    )
    if disagreeing:
        names = " and ".join(map(method_label, disagreeing))
        note += f" The curve does not fit {names}: use the threshold without a shape."
    return ReportTable(
        "T75: exposure at which the fake is recognized in 75% of pairs",
        ("Method", "Fitted", CI95_HEADING, "Without a shape", CI95_HEADING, "Slope per doubling"),
        rows,
        note=note,
    )


def tabulate_threshold_ratios(report: ReportPart) -> ReportTable:
    """Tabulate the ratios of two methods' thresholds."""
    return ReportTable(
        "Ratios of two methods’ T75",
        ("Methods", "Ratio", CI95_HEADING, "p", "p (Holm)"),
        [
            (
                f"{method_label(one['a'])} / {method_label(one['b'])}",
                format_number(one["ratio"], 2),
                " to ".join(format_number(bound, 2) for bound in one["ci95"] or (None, None)),
                format_p(one["p"]), format_p(one["p_holm"]),
            )
            for one in (report["by_exposure"] or {}).get("ratios", [])
        ],
    )  # fmt: skip


def _format_exposure(ms: float) -> str:
    return f"{format_number(ms)}{NARROW_SPACE}ms"


def _format_score(ms: float | None) -> str:
    return EN_DASH if ms is None else _format_exposure(ms)


def _format_scores(bounds: Interval | None) -> str:
    return EN_DASH if bounds is None else " to ".join(map(format_number, bounds))
