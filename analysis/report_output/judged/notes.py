"""Caveats of a report on judged candidates: the claims that its numbers do not support."""

from collections.abc import Iterator
from math import sqrt

from analysis.findings.judged_parts import find_ranked_name, iterate_estimates
from analysis.formatting import ReportPart, format_count, format_number, join_words, method_label
from analysis.inference.intervals import t_quantile
from analysis.report_output.glossary import FLAG_TEXTS
from analysis.report_output.judged.numbers import format_value, is_share

MIN_PAIR_TRIALS = 20  # with fewer, the win rate of a pair is rough
MAX_PEOPLE_SHARE = 0.5  # below this share of the variance, images matter more than people
FEW_PARTICIPANTS = "few_participants"
JUDGED_FLAG_TEXTS = FLAG_TEXTS | {
    "no_variation": "all judgments are the same, so there is no interval",
}


def list_notes(report: ReportPart) -> list[str]:
    """Return the caveats: flags, pairs with few comparisons, and uncertainty due to few images."""
    return [
        *_iterate_flags(report),
        *_note_precision_of_few(report),
        *_note_few_comparisons(report),
        *_note_images_decide(report),
    ]


def _iterate_flags(report: ReportPart) -> Iterator[str]:
    """Yield a note for each flag, with the methods that it concerns."""
    methods: dict[str, dict[str, None]] = {}
    for method, _, _, one in iterate_estimates(report):
        for flag in one["flags"]:
            methods.setdefault(flag, {})[method_label(method)] = None
    for flag, labels in methods.items():
        yield f"{join_words(list(labels))}: {JUDGED_FLAG_TEXTS[flag]}."


def _note_precision_of_few(report: ReportPart) -> Iterator[str]:
    """Say how uncertain mean scores are if few people gave them."""
    widths = {
        (one["participants"], t_quantile(one["df"]) * one["se"])
        for _, name, _, one in iterate_estimates(report)
        if name == "mean_opinion" and one["ci95"] and FEW_PARTICIPANTS in one["flags"]
    }
    if widths:
        people = format_count(min(number for number, _ in widths), "person", "people")
        widest = format_number(max(width for _, width in widths), 2)
        yield f"With ratings by {people}, a mean score is known only to ±{widest} points."


def _note_few_comparisons(report: ReportPart) -> Iterator[str]:
    rough = [pair["trials"] for pair in report["pairs"] if pair["trials"] < MIN_PAIR_TRIALS]
    if rough:
        yield (
            f"Some pairs have imprecise win rates: {format_number(len(rough))} of "
            f"{format_count(len(report['pairs']), 'pair', 'pairs')} were compared fewer than "
            f"{MIN_PAIR_TRIALS} times (the fewest: {format_number(min(rough))})."
        )


def _note_images_decide(report: ReportPart) -> Iterator[str]:
    """Say that more people would hardly help, if most of the variance is that of the images."""
    name = find_ranked_name(report) or "mean_opinion"
    for method, estimate_name, scale, one in iterate_estimates(report):
        if estimate_name != name or is_share(name) or not one["ci95_fixed_images"]:
            continue
        low, high = one["ci95_fixed_images"]
        half = max(high - one["value"], one["value"] - low)  # one side may end with the scale
        of_people = (half / t_quantile(one["participants"] - 1)) ** 2
        if of_people < MAX_PEOPLE_SHARE * one["se"] ** 2 and one["images"] <= one["participants"]:
            limit = sqrt(one["se"] ** 2 - of_people)
            what = "strength" if name == "strength" else f"score ({scale})"
            yield (
                f"With {format_count(one['images'], 'image', 'images')}, more people would hardly "
                f"help: the standard error of the {what} of {method_label(method)} is "
                f"{format_value(name, one['se'])}, and with any number of people it would still be "
                f"about {format_value(name, limit)}. Show more images instead."
            )
            return
