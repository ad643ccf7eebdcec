"""Tables of the judgments: estimates, ranks, differences, pairs, slots, raters, images."""

from collections.abc import Iterator

from analysis.findings.judged_parts import (
    collect_estimates,
    find_ranked_name,
    list_estimate_names,
    list_scales,
)
from analysis.formatting import (
    ReportPart,
    format_interval,
    format_number,
    format_p,
    format_percent,
    method_label,
)
from analysis.report_output import participant_tables
from analysis.report_output.exclusions import tables as exclusion_tables
from analysis.report_output.judged.numbers import (
    format_bounds,
    format_pair_label,
    format_rank_set,
    format_value,
    split_of,
)
from analysis.report_output.shared import behavior_tables, subgroup_tables
from analysis.report_output.tables import CI95_HEADING, ReportTable, format_pair
from analysis.tasks.catalog import JudgedTask

SHORT_NAMES = {
    "win_rate": "win rate (points)",
    "share_best": "share best (points)",
    "strength": "strength",
    "mean_opinion": "mean opinion score",
}
MAX_RATERS = 10  # in the table; raters.csv has all
FIXED_HEADING = "These images"
INTERVAL_NOTE = (
    "95% CI: for new participants and new images. These images: for new participants who see the "
    "same images."
)


def build_judged_tables(report: ReportPart, task: JudgedTask) -> dict[str, list[ReportTable]]:
    """Return the tables by section title, without empty tables and sections."""
    tables = participant_tables
    sections = {
        "Ranks": [_tabulate_rank_sets(report)],
        "Estimates": list(_iterate_estimate_tables(report, task)),
        "Differences between methods": list(_iterate_difference_tables(report)),
        "Pairs of methods": [_tabulate_pairs(report), _tabulate_fit(report)],
        "Ratings": [*_iterate_grade_tables(report), *_iterate_rater_tables(report)],
        "Results by covariate": [
            subgroup_tables.tabulate_subgroups(report),
            subgroup_tables.tabulate_subgroup_differences(report),
        ],
        "Response behavior": [
            _tabulate_slots(report),
            behavior_tables.tabulate_agreement(report),
            behavior_tables.tabulate_repeats(report),
            behavior_tables.tabulate_learning(report),
            _tabulate_times(report),
            tables.tabulate_attention_checks(report),
            tables.tabulate_exposures(report),
        ],
        "Answers to questions": [
            tables.tabulate_choices(report),
            tables.tabulate_numbers(report),
        ],
        "Exclusions": [
            exclusion_tables.tabulate_flow(report),
            exclusion_tables.tabulate_reasons(report),
            exclusion_tables.tabulate_co_occurrence(report),
            exclusion_tables.tabulate_not_applicable(report),
            exclusion_tables.tabulate_deviations(report),
        ],
    }
    filled = {title: [table for table in some if table.rows] for title, some in sections.items()}
    return {title: some for title, some in filled.items() if some}


def _tabulate_rank_sets(report: ReportPart) -> ReportTable:
    name = find_ranked_name(report)
    ranked = collect_estimates(report, name) if name else {}
    return ReportTable(
        "Rank confidence sets: the ranks that each method may have; 1 is best",
        ("Method", "Possible ranks"),
        [
            (method_label(method), format_rank_set(report["methods"][method]["rank_set"]))
            for method in ranked
        ],
        note=(
            "Together, the sets contain all true ranks in at least 95% of studies. Methods whose "
            "sets overlap cannot be ordered by these data. The sets come from the Holm-adjusted "
            "tests of all differences."
        ),
    )


def _iterate_estimate_tables(report: ReportPart, task: JudgedTask) -> Iterator[ReportTable]:
    for name, scale in list_estimate_names(report):
        estimates = collect_estimates(report, name, scale)
        if name == "mean_rank":  # the best first
            estimates = dict(reversed(estimates.items()))
        caption = task.ESTIMATE_TITLES[name] + (f": {scale.replace('_', ' ')}" if scale else "")
        yield ReportTable(
            caption,
            ("Method", "Estimate", CI95_HEADING, FIXED_HEADING, "SE", "df", "Participants",
             "Images", "Judgments"),
            [
                (
                    method_label(method), format_value(name, one["value"]),
                    format_bounds(name, one["ci95"]),
                    format_bounds(name, one["ci95_fixed_images"]),
                    format_value(name, one["se"]),
                    *(format_number(one[key]) for key in
                      ("df", "participants", "images", "trials")),
                )
                for method, one in estimates.items()
            ],
            note=INTERVAL_NOTE,
        )  # fmt: skip


def _iterate_difference_tables(report: ReportPart) -> Iterator[ReportTable]:
    """Yield one table for each estimate whose differences were tested."""
    for of in dict.fromkeys(pair["of"] for pair in report["differences"]):
        name, scale = split_of(of)
        what = SHORT_NAMES.get(name, name.replace("_", " ")) + (
            f": {scale.replace('_', ' ')}" if scale else ""
        )
        yield ReportTable(
            f"Differences in {what} (first method minus second)",
            ("Methods", "Difference", CI95_HEADING, FIXED_HEADING, "t", "df", "p", "p (Holm)"),
            [
                (
                    format_pair(pair), format_value(name, pair["difference"]),
                    format_bounds(name, pair["ci95"]),
                    format_bounds(name, pair["ci95_fixed_images"]),
                    format_number(pair["t"], 2), format_number(pair["df"]),
                    format_p(pair["p"]), format_p(pair["p_holm"]),
                )
                for pair in report["differences"]
                if pair["of"] == of
            ],
        )  # fmt: skip


def _tabulate_pairs(report: ReportPart) -> ReportTable:
    return ReportTable(
        "Direct comparisons: how often the first method won, in percent; a tie is half a win",
        ("Methods", "Win rate", CI95_HEADING, FIXED_HEADING, "Won", "Ties", "Comparisons"),
        [
            (
                format_pair_label(pair), format_percent(pair["win_rate"]),
                format_interval(pair["ci95"]), format_interval(pair["ci95_fixed_images"]),
                *(format_number(pair[key]) for key in ("wins_a", "ties", "trials")),
            )
            for pair in report["pairs"]
        ],
    )  # fmt: skip


def _tabulate_fit(report: ReportPart) -> ReportTable:
    return ReportTable(
        "Does one ranking fit? Observed win rates and those that the strengths imply, in percent",
        ("Methods", "Win rate", "Implied", "Residual", CI95_HEADING, "p", "p (Holm)"),
        [
            (
                format_pair_label(pair), format_percent(pair["win_rate"]),
                format_percent(fit["implied"]), format_percent(fit["residual"]),
                format_interval(fit["ci95"]), format_p(fit["p"]), format_p(fit["p_holm"]),
            )
            for pair in report["pairs"]
            if (fit := pair["fit"]) and fit["p"] is not None
        ],
        note="Implied by the Bradley–Terry strengths with a tie as half a win. A residual that "
        "differs significantly from 0 means that no single order of the methods describes the "
        "answers (intransitivity).",
    )  # fmt: skip


def _iterate_grade_tables(report: ReportPart) -> Iterator[ReportTable]:
    for scale in list_scales(report):
        spreads = {
            method: report["methods"][method]["scores"][scale]
            for method in collect_estimates(report, "mean_opinion", scale)
        }
        grades = next(iter(spreads.values()))["grades"] if spreads else None
        if grades is None:
            continue
        yield ReportTable(
            f"Number of ratings by grade: {scale.replace('_', ' ')}",
            ("Method", *grades),
            [
                (method_label(method), *map(format_number, spread["grades"].values()))
                for method, spread in spreads.items()
            ],
        )


def _iterate_rater_tables(report: ReportPart) -> Iterator[ReportTable]:
    """Yield the raters with the largest bias, for each scale."""
    for scale in list_scales(report):
        raters = [rater for rater in report["raters"] if rater["scale"] == scale]
        raters.sort(key=lambda rater: (-abs(rater["bias"]), rater["participant"]))
        yield ReportTable(
            f"Participants whose ratings differ most from those of others: "
            f"{scale.replace('_', ' ')}",
            ("Participant", "Bias", "Inconsistency", "Ratings"),
            [
                (
                    rater["participant"], format_number(rater["bias"], 2),
                    format_number(rater["inconsistency"], 2), format_number(rater["ratings"]),
                )
                for rater in raters[:MAX_RATERS]
            ],
            note="Bias: mean difference from the mean ratings of the same stimuli. Inconsistency: "
            "standard deviation of these differences. For screening only: no score is corrected, "
            "because new people will differ as much. raters.csv has all participants.",
        )  # fmt: skip


def _tabulate_slots(report: ReportPart) -> ReportTable:
    """Tabulate how often the candidate of each slot won."""
    slots = report["slots"]
    names = ["Left"] if len(slots) == 1 else [f"Image {one['slot'] + 1}" for one in slots]
    chance = format_percent(1 / max(2, len(slots)), 0)
    return ReportTable(
        "Position: percent of trials in which the image in this position was the best",
        ("", "Best", CI95_HEADING, "p", "p (Holm)"),
        [
            (
                name, format_percent(one["value"]), format_interval(one["ci95"]),
                format_p(one["p"]), format_p(one["p_holm"]),
            )
            for name, one in zip(names, slots, strict=True)
        ],
        note=f"p: test against {chance}%, the share without position bias.",
    )  # fmt: skip


def _tabulate_times(report: ReportPart) -> ReportTable:
    times = report["rt"]
    keys = ("trials", "q05_ms", "q25_ms", "median_ms", "q75_ms", "q95_ms")
    return ReportTable(
        "Quantiles of response times in milliseconds",
        ("", "Trials", "5%", "25%", "50%", "75%", "95%"),
        [("All trials", *(format_number(times[key]) for key in keys))] if times else [],
    )
