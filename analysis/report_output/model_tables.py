"""The report's tables of mixed models, signal detection, variance and influence."""

from analysis.formatting import (
    ReportPart,
    format_interval,
    format_number,
    format_p,
    format_percent,
    method_label,
)
from analysis.report_output.tables import (
    CI95_HEADING,
    ReportTable,
    format_pair,
    format_plain_interval,
)

FACTOR_LABELS = {"participant": "participant", "image": "photograph"}


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
