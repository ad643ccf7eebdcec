"""Tables of the estimates: rates, differences, published rates, sensitivity, variance."""

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
from analysis.report_output.glossary import MARGIN_TEXTS
from analysis.report_output.tables import (
    CI95_HEADING,
    EMPTY_TABLE,
    ReportTable,
    find_exposure_range,
    format_ms,
    format_ms_interval,
    format_pair,
    format_plain_interval,
    format_source_mark,
    format_standard_error,
)

FACTOR_LABELS = {"participant": "participant", "image": "photograph"}


def tabulate_rates(report: ReportPart) -> ReportTable:
    """Tabulate the fooling rates."""
    rows = [
        (
            method_label(method), format_percent(rate["rate"]), format_interval(rate["ci95"]),
            f"{format_number(rate['fooled'])} / {format_number(rate['trials'])}",
            format_number(rate["participants"]),
            format_number(rate["images"]), format_number(rate["n_eff"]),
            format_p(rate["vs_chance"]["p_holm"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    columns = (
        "Method", "Rate", CI95_HEADING, "Fooled / trials", "Participants", "Photos", "Effective N",
        "p vs 50% (Holm)",
    )  # fmt: skip
    keep = len(columns) - report["input"]["single"]  # which have no chance rate
    return ReportTable(
        "Fooling rates in percent of trials, with intervals for new participants and photographs",
        columns[:keep],
        [row[:keep] for row in rows],
        note=(
            "Effective N (effective sample size): the number of independent trials that would carry"
            " the same information. It is the number of trials divided by the design effect."
        ),
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


def tabulate_other_intervals(report: ReportPart) -> ReportTable:
    """Tabulate intervals for the same photographs, and without clustering."""
    rows = [
        (
            method_label(method), format_interval(rate["ci95_these_images"]),
            format_interval(rate["ci95_naive_wilson"]),
            format_percent(rate["se"]), format_number(rate["deff"], 2), format_number(rate["df"]),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    return ReportTable(
        "The same rates with intervals of narrower scope",
        ("Method", "New participants, same photographs", "Ignoring clustering", "Standard error",
         "Design effect", "df"),
        rows,
        note="Ignoring clustering: Wilson interval as if each trial came from a new participant "
        "and a new photograph. It is too narrow and is given only because many papers report "
        "it.",
    )  # fmt: skip


def tabulate_participant_averages(report: ReportPart) -> ReportTable:
    """Tabulate the rates with every participant weighted equally."""
    rows = [
        (
            method_label(method), format_percent(average["rate"]),
            format_interval(average["ci95"]), format_percent(rate["rate"]),
            format_percent(average["difference"]), format_p(average["p"]),
        )
        for method, rate in report["methods"].items()
        for average in (rate["participant_averaged"],)
        if average["rate"] is not None
    ]  # fmt: skip
    return ReportTable(
        "Rates in percent with every participant weighted equally",
        ("Method", "Participant-averaged", CI95_HEADING, "Over all trials", "Difference", "p"),
        rows,
        note="Difference: the rate over all trials minus the participant-averaged rate, in points. "
        "If it is far from 0, participants who answered more trials were fooled more or less often "
        "than the others; report both rates. p: not corrected for the number of methods; missing "
        "if all participants answered the same number of trials.",
    )


def tabulate_bootstrap(report: ReportPart) -> ReportTable:
    """Tabulate the bootstrap intervals."""
    bootstrap = report["bootstrap"]
    if not bootstrap:
        return EMPTY_TABLE
    named = [(method_label(method), one) for method, one in bootstrap["methods"].items()]
    named += [(format_pair(pair), pair) for pair in bootstrap["differences"]]
    return ReportTable(
        f"Bootstrap intervals from {format_number(bootstrap['replicates'])} resamples (percentile "
        "method)",
        ("Method", "Resampling participants", "Resampling participants and photographs"),
        [
            (label, format_interval(one["ci95_participants"]), format_interval(one["ci95_both"]))
            for label, one in named
        ],
        note=(
            "For comparison with the intervals for the same photographs and for new ones."
            " When participants and photographs are both resampled, trial-level noise is counted"
            " three times, so those intervals are about a third too wide (Owen, 2007)."
        ),
    )


def tabulate_error_rates(report: ReportPart) -> ReportTable:
    """Tabulate the error rates of single images."""
    rows = [
        (
            method_label(method), format_percent(error["rate"]), format_interval(error["ci95"]),
            f"{format_number(error['fooled'])} / {format_number(error['trials'])}",
        )
        for method, rate in report["methods"].items()
        if (error := rate["error"])
    ]  # fmt: skip
    return ReportTable(
        "Error rates over each method’s fakes and the photographs, in percent of trials",
        ("Method", "Error rate", CI95_HEADING, "Errors / trials"),
        rows,
    )


def tabulate_differences(report: ReportPart) -> ReportTable:
    """Tabulate the differences between methods."""
    rows = [
        (
            format_pair(pair), format_percent(pair["difference"]), format_interval(pair["ci95"]),
            format_number(pair["t"], 2), format_number(pair["df"]), format_p(pair["p"]),
            format_p(pair["p_holm"]),
        )
        for pair in report["differences"]
    ]  # fmt: skip
    return ReportTable(
        "Differences in percentage points (first method minus second)",
        ("Methods", "Difference", CI95_HEADING, "t", "df", "p", "p (Holm)"),
        rows,
    )


def tabulate_equivalence(report: ReportPart) -> ReportTable:
    """Tabulate the equivalence tests."""
    rows = [
        (
            format_pair(pair), f"±{format_number(100 * test['margin'], 1)}",
            format_interval(test["ci90"]),
            format_p(test["p"]),
        )
        for pair in report["differences"]
        for test in (pair["equivalence"],)
    ]  # fmt: skip
    source = report["equivalence_margin"]["source"]
    return ReportTable(
        "Equivalence of two rates within a margin: two one-sided tests, percentage points",
        ("Methods", "Margin", "90% CI", "p"),
        rows,
        note=""
        if source == "design"
        else f"This is {MARGIN_TEXTS[source]}. Justify it before you claim equivalence.",
    )


def tabulate_mixed_differences(report: ReportPart) -> ReportTable:
    """Tabulate the differences estimated by mixed models."""
    rows = [
        (
            format_pair(pair), format_percent(mixed["difference"]), format_interval(mixed["ci95"]),
            format_p(mixed["p"]), format_number(mixed["log_odds_ratio"], 2),
            format_number(mixed["log_odds_se"], 2), format_p(mixed["p_intercepts"]),
        )
        for pair in report["differences"]
        if (mixed := pair["mixed"])
    ]  # fmt: skip
    return ReportTable(
        "Differences of marginal rates from logistic mixed models, for comparison",
        ("Methods", "Difference", CI95_HEADING, "p", "Log odds ratio", "SE", "p, intercepts only"),
        rows,
        note=(
            "These models have random slopes: the method’s effect may vary between participants"
            " and between photographs. Papers often use random intercepts only, which yields too"
            " many false positives; the p value of such a model is in the last column. P values are"
            " not corrected for the number of pairs."
        ),
    )


def tabulate_published(report: ReportPart) -> ReportTable:
    """Tabulate the comparison with published rates."""
    rows = [
        (
            method_label(method), other["source"] + format_source_mark(other["checked"]),
            format_percent(other["rate"]) + format_standard_error(other),
            format_percent(other["difference"]),
            format_p(other["p"]), format_number(other["d_prime"], 2),
        )
        for method, rate in report["methods"].items()
        for other in rate["vs_published"]
    ]  # fmt: skip
    return ReportTable(
        "Rates in percent, differences in percentage points; ± the source’s own standard error",
        ("Method", "Published", "Rate", "Difference", "p", "d′"),
        rows,
        text_columns=(1,),
        note=(
            "p: t test with both standard errors, not corrected for the number of rows; missing"
            " where the source gives no standard error. † Not verified against the source;"
            " check before citing. The same model scores differently in different studies. To"
            " compare with a published model, include its images in your study."
        ),
    )


def tabulate_signal_detection(report: ReportPart) -> ReportTable:
    """Tabulate d′ and criterion."""
    rows = [
        (
            method_label(method), format_number(rate["d_prime"], 2),
            format_plain_interval(rate["d_prime_ci95"]),
            format_number(rate["criterion"], 2), format_number(rate["d_prime_of_rate"], 2),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    columns = ("Method", "d′", CI95_HEADING, "Criterion", "d′ of the rate")
    caption = "How well participants discriminated fakes from photographs"
    note = "d′ = 0 means no discrimination; a criterion below 0 means a bias toward"
    if report["input"]["single"]:
        short = [row[:-1] for row in rows]
        return ReportTable(caption, columns[:-1], short, note=f"{note} “fake”.")
    note += " the left. d′ of the rate: the d′ that the fooling rate would imply with no"
    return ReportTable(
        caption, columns, rows, note=f"{note} side bias, for comparison with published rates."
    )


def tabulate_variance(report: ReportPart) -> ReportTable:
    """Tabulate the variance between participants and between photographs."""
    rows = [
        (
            method_label(method), format_number(rate["icc_participant"], 3),
            format_number(rate["icc_image"], 3),
            format_number(rate["ranking"]["trials_per_image"], 1),
            format_number(rate["ranking"]["reliability"], 2),
        )
        for method, rate in report["methods"].items()
    ]  # fmt: skip
    return ReportTable(
        "Variance components as shares (ANOVA intraclass correlations)",
        ("Method", "Between participants", "Between photographs", "Trials per photograph",
         "Reliability of a photograph’s rate"),
        rows,
    )  # fmt: skip


def tabulate_mixed(report: ReportPart) -> ReportTable:
    """Tabulate the mixed models of single methods."""
    rows = [
        (
            method_label(method), format_percent(mixed["marginal_rate"]),
            format_interval(mixed["ci95"]),
            format_number(mixed["beta"], 3), format_number(mixed["sd_participant"], 2),
            format_number(mixed["sd_image"], 2), format_number(mixed["deviance"], 1),
        )
        for method, rate in report["methods"].items()
        if (mixed := rate["mixed"])
    ]  # fmt: skip
    return ReportTable(
        "Logistic mixed model with crossed random effects for each method",
        ("Method", "Marginal rate, %", CI95_HEADING, "Intercept", "SD of participants",
         "SD of photographs", "Deviance"),
        rows,
        note="The marginal rate is averaged over participants and photographs. The intercept is "
        "for a typical participant and photograph; the rate it implies is farther from 50% than "
        "the marginal rate.",
    )  # fmt: skip


def tabulate_influence(report: ReportPart) -> ReportTable:
    """Tabulate the rates without the most influential participant or photograph."""
    rows = [
        (
            method_label(method), f"One {FACTOR_LABELS[factor]}",
            f"{format_percent(out['low'])} without {out['low_without']}",
            f"{format_percent(out['high'])} without {out['high_without']}",
        )
        for method, rate in report["methods"].items()
        for factor, out in rate["influence"].items()
        if out
    ]  # fmt: skip
    return ReportTable(
        "Influence of a single participant or photograph: leave-one-out rates in percent",
        ("Method", "Left out", "Lowest rate", "Highest rate"),
        rows,
        text_columns=(1, 2, 3),
    )
