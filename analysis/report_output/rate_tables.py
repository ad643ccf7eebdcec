"""Tables of the estimates: rates, differences, published rates, sensitivity, variance."""

from analysis.formatting import (
    ReportPart,
    format_interval,
    format_number,
    format_p,
    format_percent,
    method_label,
)
from analysis.report_output.glossary import MARGIN_TEXTS
from analysis.report_output.tables import (
    CI95_HEADING,
    EMPTY_TABLE,
    ReportTable,
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
    keep = len(columns) - report["input"]["single"]  # single images have no chance level
    return ReportTable(
        "Fooling rates in percent of trials, with intervals for new participants and photographs",
        columns[:keep],
        [row[:keep] for row in rows],
        note=(
            "Effective N (effective sample size): the number of independent trials that would carry"
            " the same information. It is the number of trials divided by the design effect."
        ),
    )


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
