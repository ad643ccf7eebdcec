"""The method section of a report on judged candidates, as text for a paper, and its references."""

from collections.abc import Iterator

from analysis.findings.judged_parts import count_candidates, find_share_name, list_scales
from analysis.formatting import ReportPart, format_count, join_words
from analysis.report_output.methods_section import (
    format_exposure,
    format_sample_paragraph,
    format_software_paragraph,
)
from analysis.report_output.shared.references import REFERENCES
from analysis.tasks.catalog import JudgedTask

JUDGED_REFERENCES = REFERENCES | {
    "Bradley": (
        "Bradley, R. A. & Terry, M. E. (1952). Rank analysis of incomplete block designs: I. The "
        "method of paired comparisons. Biometrika 39, 324–345."
    ),
    "Davidson": (
        "Davidson, R. R. (1970). On extending the Bradley-Terry model to accommodate ties in paired"
        " comparison experiments. Journal of the American Statistical Association 65, 317–328."
    ),
    "Kelley": "Kelley, T. L. (1927). Interpretation of educational measurements. World Book.",
    "Li": (
        "Li, Z., Bampis, C. G., Krasula, L., Janowski, L. & Katsavounidis, I. (2020). A simple "
        "model for subject behavior in subjective experiments. Human Vision and Electronic Imaging."
    ),
    "Luce": "Luce, R. D. (1959). Individual choice behavior. Wiley.",
    "Marley": (
        "Marley, A. A. J. & Louviere, J. J. (2005). Some probabilistic models of best, worst, and "
        "best–worst choices. Journal of Mathematical Psychology 49, 464–480."
    ),
    "Mogstad": (
        "Mogstad, M., Romano, J. P., Shaikh, A. M. & Wilhelm, D. (2024). Inference for ranks with "
        "applications to mobility across neighbourhoods and academic achievement across countries. "
        "Review of Economic Studies 91, 476–518."
    ),
    "P.910": (
        "Recommendation ITU-T P.910 (2023). Subjective video quality assessment methods for "
        "multimedia applications. International Telecommunication Union."
    ),
    "Plackett": (
        "Plackett, R. L. (1975). The analysis of permutations. Applied Statistics 24, 193–202."
    ),
}


def format_judged_methods_section(report: ReportPart, task: JudgedTask) -> list[str]:
    """Return the paragraphs: task, sample, estimates, comparisons, images, software."""
    outcome = "rating" if list_scales(report) else "comparison"
    paragraphs = (
        _iterate_task_sentences(report, task),
        format_sample_paragraph(report, outcome),
        _iterate_estimate_sentences(report, task),
        _iterate_comparison_sentences(report),
        _iterate_image_sentences(report),
        format_software_paragraph(report),
    )
    return [" ".join(sentences) for sentences in paragraphs]


def list_judged_references(report: ReportPart, task: JudgedTask) -> list[str]:
    """Return the works that the method section cites, in alphabetical order."""
    text = " ".join(format_judged_methods_section(report, task))
    cited = [key for key in JUDGED_REFERENCES if f"{key} " in text or f"{key}," in text]
    return sorted({JUDGED_REFERENCES[key] for key in cited})


def _iterate_task_sentences(report: ReportPart, task: JudgedTask) -> Iterator[str]:
    shown = report["input"]
    simulated = "simulated " * (shown["mode"] == "simulated")
    people = format_count(
        shown["participants"], f"{simulated}participant", f"{simulated}participants"
    )
    images = format_count(shown["images"], "source image", "source images")
    methods = format_count(len(report["methods"]), "method", "methods")
    if list_scales(report):
        scales = [
            f"{scale.replace('_', ' ')} ({low:g} to {high:g})"
            for scale, (low, high) in shown["scales"].items()
        ]
        yield (
            f"{people} took part. On each trial, they {task.ANSWER}"
            f"{format_exposure(shown, 'shown')}, on the "
            f"{'scales' if len(scales) > 1 else 'scale'} {join_words(scales)}."
        )
    else:
        candidates = count_candidates(report)
        number = f"{candidates} " if candidates else ""
        ways = {"sequential": "one after the other", "simultaneous": "side by side"}
        how = join_words([ways[way] for way in shown["presentation"] if way in ways])
        yield (
            f"{people} took part. On each trial, they saw {number}versions of the same source "
            f"image{f' {how}' if how else ''}{format_exposure(shown)}, and "
            f"{task.ANSWER}."
        )
    yield f"There were {images} and {methods}."


def _iterate_estimate_sentences(report: ReportPart, task: JudgedTask) -> Iterator[str]:
    if list_scales(report):
        yield from _iterate_rating_sentences(report)
    elif find_share_name(report) is not None:
        yield from _iterate_strength_sentences(report, task)
    yield (
        "Participants and images differ, and each contributed many judgments, so the judgments "
        "were not independent. The variance of each estimate was therefore clustered by "
        "participant and by image (Cameron et al., 2011), from the influence of each trial on the "
        "estimate, and never set below the variance clustered by participants alone or by images "
        "alone."
    )
    quantiles = (
        "Student’s t quantiles; the degrees of freedom are one less than the number of participants"
        " or of images, whichever is smaller."
    )
    if list_scales(report):
        yield f"Intervals are 95% intervals with {quantiles}"
        if _has_interval_to_end(report):
            yield "No interval extends beyond the ends of the scale."
    else:
        yield (
            "Intervals of shares are 95% Wilson (1927) intervals computed from the effective sample"
            f" size that this variance implies. All intervals use {quantiles}"
        )
    yield (
        "The intervals generalize to new participants and new images. Intervals for new "
        "participants who see the same images are clustered by participant only."
    )


def _has_interval_to_end(report: ReportPart) -> bool:
    """Return whether the interval of a mean score, or of an image, ends where its scale ends."""
    estimates = [
        (scale, one["ci95"])
        for entry in report["methods"].values()
        for scale, one in entry["mean_opinion"].items()
    ]
    estimates += [(image["scale"], image["ci95"]) for image in report["images"]]
    scales = report["input"]["scales"]
    return any(
        interval is not None
        and (interval[0] == scales[scale][0] or interval[1] == scales[scale][1])
        for scale, interval in estimates
    )


def _iterate_strength_sentences(report: ReportPart, task: JudgedTask) -> Iterator[str]:
    has_strengths = any("strength" in entry for entry in report["methods"].values())
    if find_share_name(report) == "win_rate":
        yield (
            "The win rate of a method is the share of its comparisons that it won, with ties "
            "counted as half a win."
        )
    else:
        yield "For each method, we report the share of its trials in which it was the best."
    if not has_strengths:
        yield "Strengths have no finite estimate, because not all methods are connected."
    elif report["ties"]["model"] == "davidson":
        yield (
            "Strengths were estimated by the model of Davidson (1970), in which a tie is an outcome"
            " of its own."
        )
    elif find_share_name(report) == "win_rate":
        yield (
            "Strengths were estimated by the model of Bradley and Terry (1952), with a tie as half "
            "a win."
        )
    else:
        yield f"Strengths were estimated by {task.STRENGTHS}."


def _iterate_rating_sentences(report: ReportPart) -> Iterator[str]:
    yield (
        "The mean opinion score of a method is the mean of its ratings (as in Recommendation ITU-T "
        "P.910, 2023)."
    )
    if any(entry.get("dmos") for entry in report["methods"].values()):
        yield (
            "The original was rated among the others without being marked; the differential score "
            "(DMOS) is the mean score of a method minus that of the original."
        )
    if report["raters"]:
        yield (
            "Bias and inconsistency of participants (Li et al., 2020) were used for screening only;"
            " no score was corrected for bias."
        )


def _iterate_comparison_sentences(report: ReportPart) -> Iterator[str]:
    if report["differences"]:
        yield (
            "Differences between methods were tested with the clustered variance of the "
            "difference; the degrees of freedom are one less than the smallest number of "
            "participants or images of either method. The tests of all differences of one estimate "
            "were corrected for multiple comparisons (Holm, 1979)."
        )
    if any("rank_set" in entry for entry in report["methods"].values()):
        yield (
            "The rank confidence sets follow from these tests: they contain all true ranks at once "
            "in at least 95% of studies (Mogstad et al., 2024)."
        )
    if any(pair["fit"] and pair["fit"]["p"] is not None for pair in report["pairs"]):
        yield (
            "Whether a single ranking fits was tested by comparing each pair’s win rate with the "
            "one that the strengths imply, with the same variance estimate and correction."
        )


def _iterate_image_sentences(report: ReportPart) -> Iterator[str]:
    ranked = any(one["reliability"] is not None for one in report["image_rankings"])
    if not ranked:
        return
    if list_scales(report):
        yield "Scores of individual images are shrunk toward the method’s mean (Kelley, 1927)."
    else:
        yield (
            "Shares of individual images are empirical Bayes estimates under a beta-binomial model "
            "(Griffin & Krutchkoff, 1971)."
        )
