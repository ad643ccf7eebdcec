"""The method section of a report, as text for a paper, and its references."""

from collections.abc import Iterator

from analysis.formatting import (
    NARROW_SPACE,
    ReportPart,
    capitalize,
    format_count,
    format_number,
    join_words,
    method_label,
)
from analysis.report_output.glossary import MARGIN_TEXTS
from analysis.report_output.shared.references import REFERENCES

MAX_LISTED_EXPOSURES = 6


def format_methods_section(report: ReportPart) -> list[str]:
    """Return the paragraphs: task, sample, estimates, comparisons, models, software."""
    paragraphs = (
        _format_task_paragraph,
        format_sample_paragraph,
        _format_rate_paragraph,
        _format_comparison_paragraph,
        _format_model_paragraph,
        format_software_paragraph,
    )
    return [" ".join(paragraph(report)) for paragraph in paragraphs]


def list_references(report: ReportPart) -> list[str]:
    """Return the works that the report's text and tables cite, in alphabetical order."""
    text = " ".join(format_methods_section(report))
    published = any(method["vs_published"] for method in report["methods"].values())
    cited = [key for key in REFERENCES if f"{key} " in text or f"{key}," in text]
    also = ["Isola", "Saharia", "Zhang"] if published else []
    return sorted({REFERENCES[key] for key in (*cited, *also, *_works_for_bounds(report))})


def _works_for_bounds(report: ReportPart) -> list[str]:
    flags = [flag for method in report["methods"].values() for flag in method["flags"]]
    return ["Clopper", "Newcombe"] if "rate_at_bound" in flags else []


def _format_task_paragraph(report: ReportPart) -> Iterator[str]:
    shown = report["input"]
    simulated = "simulated " * (shown["mode"] == "simulated")
    participants = format_count(
        shown["participants"], f"{simulated}participant", f"{simulated}participants"
    )
    photographs = format_count(shown["images"], "photograph", "photographs")
    if shown["single"]:
        yield from _describe_single_images(report, participants, photographs)
    else:
        yield from _describe_pairs(shown, participants, photographs)


def _describe_single_images(
    report: ReportPart, participants: str, photographs: str
) -> Iterator[str]:
    shown = report["input"]
    kinds = "photographs, and fakes" if shown["photographs"] else "only fakes,"
    yield (
        f"{participants} saw images one at a time{format_exposure(shown)}: {kinds} made from "
        f"{photographs} in total."
    )
    yield "They classified each image as real or fake."
    if report["hype_time"]:
        yield (
            "A staircase set the exposure of each image from the preceding answers, and "
            "participants learned after each answer whether it was right (HYPE-time; Zhou et al., "
            "2019)."
        )
    yield "A participant counted as fooled on a trial if they called a fake real."
    yield (
        "Because responses can be biased toward one answer, 50% is not the chance level here, and "
        "no rate was tested against it."
    )


def _describe_pairs(shown: ReportPart, participants: str, photographs: str) -> Iterator[str]:
    presentation_texts = {"sequential": "one after the other", "simultaneous": "side by side"}
    how = join_words(
        [presentation_texts[way] for way in shown["presentation"] if way in presentation_texts]
        or ["in pairs"]
    )
    question_text = join_words(
        [f"the {word} image" for word in shown["question"]] or ["the fake image"]
    )
    source_text = "the same photograph" if shown["paired"] else "a different photograph"
    yield (
        f"{participants} took part. On each trial, they saw a photograph and a fake made from "
        f"{source_text}, {how}{format_exposure(shown)}, and selected {question_text}. There were "
        f"{photographs} in total."
    )
    yield "A participant counted as fooled on a trial if they took the fake for the photograph."
    yield "A perfect fake would fool people on half of all trials."


def format_exposure(shown: ReportPart, word: str = "each") -> str:
    """Describe the exposure; empty if no trial has one. Many exposures become a range.

    word: what the exposure is said of: "each" of several images, or one image that is "shown".
    """
    times_ms = sorted(float(time) for time in shown["exposure_ms"] if time)
    times = [format_number(time) for time in times_ms]
    if len(times) > MAX_LISTED_EXPOSURES:
        listed = f"for {times[0]} to {times[-1]}{NARROW_SPACE}ms"
    elif times:
        listed = f"for {join_words(times, 'or')}{NARROW_SPACE}ms"
    else:
        listed = ""
    unlimited = "until they responded" if "" in shown["exposure_ms"] else ""
    described = " or ".join(filter(None, (listed, unlimited)))
    return f", {word} {described}" if described else ""


def format_sample_paragraph(report: ReportPart, outcome: str = "fooling rate") -> Iterator[str]:
    """Yield the sentences on exclusions. outcome: what the rules did not depend on."""
    exclusions, last_step = report["exclusions"], report["exclusions"]["flow"][-1]
    yield _describe_rules(report, outcome)
    count = sum(person["excluded"] for person in exclusions["participants"])
    excluded = format_count(count, "participant was", "participants were")
    included = format_count(last_step["participants"], "participant", "participants")
    trials = format_count(last_step["trials"], "test trial", "test trials")
    were = "was" if last_step["participants"] == 1 else "were"
    yield (
        f"{excluded if count else 'No participant was'} excluded; {included} with {trials} {were} "
        "analyzed."
    )
    repeats = " (and repeated trials)" if report.get("consistency") else ""
    yield f"Practice trials and attention checks{repeats} were not included in any {outcome}."


def _describe_rules(report: ReportPart, outcome: str) -> str:
    """State whether the rules were fixed before the data, as far as the design shows."""
    design = report["design"]
    aspects = {deviation["aspect"] for deviation in design["deviations"]}
    if design["verdict"] == "unknown":
        return f"Exclusion rules did not depend on the {outcome}."
    if aspects & {"study", "design"}:
        return "Some or all of the data were not collected under the specified frozen design."
    if aspects & {*report["exclusions"]["rules"]}:
        return "Exclusion rules differ from those of the frozen design; the report lists how."
    listed = "; the report lists the deviations from the frozen design" if aspects else ""
    return f"Exclusion rules were fixed before data collection{listed}."


def _format_rate_paragraph(report: ReportPart) -> Iterator[str]:
    factors = ["participant", "photograph"]
    if report["input"]["paired"] is False:
        factors = ["participant", "fake", "the photograph shown with it"]
    yield (
        "Participants and photographs differ, and each contributed many trials, so the trials were "
        "not independent."
    )
    yield (
        f"The variance of each rate was therefore clustered by {join_words(factors)} "
        "(Cameron et al., 2011) and never set below the binomial variance."
    )
    yield (
        "Intervals are 95% Wilson (1927) intervals computed from the effective sample size that "
        "this variance implies, with Student’s t quantiles; the degrees of freedom are one less "
        "than the number of participants or of photographs, whichever is smaller."
    )
    if _methods_with_flag(report, "rate_at_bound"):
        yield (
            "For a rate of 0 or 100%, the interval is the exact binomial one (Clopper & Pearson, "
            "1934) with a design effect from the other methods or from typical studies."
        )
    yield "The intervals generalize to new participants and new photographs."
    for flag, factor in (("one_participant", "participants"), ("one_image", "photographs")):
        labels = _methods_with_flag(report, flag)
        if labels:
            yield f"Those of {join_words(labels)} do not generalize to new {factor}."


def _methods_with_flag(report: ReportPart, flag: str) -> list[str]:
    return [method_label(name) for name, one in report["methods"].items() if flag in one["flags"]]


def _format_comparison_paragraph(report: ReportPart) -> Iterator[str]:
    against_chance = not report["input"]["single"] and any(
        method["vs_chance"]["p"] is not None for method in report["methods"].values()
    )
    if report["differences"]:
        yield (
            "Differences between methods were tested with the clustered variance of the "
            "difference. This variance accounts for the pairing wherever the methods shared "
            "participants or photographs, and was never set below the variance clustered by "
            "participants alone or by photographs alone. The degrees of freedom are one less than "
            "the smallest number of participants or photographs of either method."
        )
    tests = ["tests between methods"] * bool(report["differences"])
    tests += ["tests against 50%"] * against_chance
    if tests:
        each = "were each" if len(tests) > 1 else "were"
        yield (
            f"{capitalize(join_words(tests))} {each} corrected for multiple comparisons "
            "(Holm, 1979)."
        )
    for pair in report["differences"][:1]:
        margin = format_number(100 * pair["equivalence"]["margin"], 1)
        yield (
            "Methods were considered equivalent when two one-sided tests (Schuirmann, 1987) showed "
            f"that they differed by less than {margin} percentage points, "
            f"{MARGIN_TEXTS[report['equivalence_margin']['source']]}."
        )


def _format_model_paragraph(report: ReportPart) -> Iterator[str]:
    if any(method["mixed"] for method in report["methods"].values()):
        yield (
            "As a robustness check, a logistic mixed model with crossed random intercepts for "
            "participants and photographs was fitted to each method by Laplace approximation (as "
            "in lme4; Bates et al., 2015)."
        )
        yield "Its rates are marginal, that is, integrated over the random effects."
    if any(pair["mixed"] for pair in report["differences"]):
        yield (
            "Differences were checked with the same kind of model for each pair of methods, with "
            "random slopes of method for participants and for photographs."
        )
    if report["bootstrap"]:
        replicates = format_number(report["bootstrap"]["replicates"])
        yield (
            f"For comparison, percentile intervals are given from {replicates} bootstrap samples "
            "of participants alone, and of both participants and photographs (Owen, 2007)."
        )
    methods = report["methods"].values()
    if any(method["ranking"]["reliability"] is not None for method in methods):
        yield (
            "Rates of individual fakes are empirical Bayes estimates under a beta-binomial model "
            "(Griffin & Krutchkoff, 1971)."
        )
    if any(method["rate"] is not None for method in methods):
        yield (
            "Funnel-plot limits for individual participants’ rates allow for differences between "
            "participants (Spiegelhalter, 2005)."
        )
    if any(method["d_prime"] is not None for method in methods):
        yield (
            "Sensitivity (d′) was computed as in Macmillan and Creelman (2005), with the "
            "correction of Hautus (1995) for extreme proportions."
        )


def format_software_paragraph(report: ReportPart) -> Iterator[str]:
    """Yield a sentence on the software."""
    software = report["software"]
    yield (
        f"Analyses were run with Hue & Eye {software['hue-and-eye']} (NumPy {software['numpy']}, "
        f"SciPy {software['scipy']})."
    )
