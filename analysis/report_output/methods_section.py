"""The method of a report as text for a paper, and the works that it cites."""

from collections.abc import Iterator

from analysis.formatting import NARROW_SPACE, ReportPart, format_count, format_number, join_words

REFERENCES = {
    "Griffin": "Griffin, B. S. & Krutchkoff, R. G. (1971). Optimal linear estimators: an empirical"
    " Bayes version with application to the binomial distribution. Biometrika 58, 195–201.",
    "Bates": "Bates, D., Mächler, M., Bolker, B. & Walker, S. (2015). Fitting linear mixed-effects"
    " models using lme4. Journal of Statistical Software 67(1).",
    "Cameron": "Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2011). Robust inference with"
    " multiway clustering. Journal of Business & Economic Statistics 29, 238–249.",
    "Clopper": "Clopper, C. J. & Pearson, E. S. (1934). The use of confidence or fiducial limits"
    " illustrated in the case of the binomial. Biometrika 26, 404–413.",
    "Hautus": "Hautus, M. J. (1995). Corrections for extreme proportions and their biasing effects"
    " on estimated values of d′. Behavior Research Methods 27, 46–51.",
    "Holm": "Holm, S. (1979). A simple sequentially rejective multiple test procedure."
    " Scandinavian Journal of Statistics 6, 65–70.",
    "Isola": "Isola, P., Zhu, J.-Y., Zhou, T. & Efros, A. A. (2017). Image-to-image translation"
    " with conditional adversarial networks. CVPR.",
    "Macmillan": "Macmillan, N. A. & Creelman, C. D. (2005). Detection theory: a user’s guide"
    " (2nd ed.). Erlbaum.",
    "Newcombe": "Newcombe, R. G. (1998). Interval estimation for the difference between independent"
    " proportions. Statistics in Medicine 17, 873–890.",
    "Owen": "Owen, A. B. (2007). The pigeonhole bootstrap. Annals of Applied Statistics"
    " 1, 386–411.",
    "Saharia": "Saharia, C. et al. (2022). Palette: image-to-image diffusion models. SIGGRAPH.",
    "Schuirmann": "Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and"
    " the power approach for assessing the equivalence of average bioavailability. Journal of"
    " Pharmacokinetics and Biopharmaceutics 15, 657–680.",
    "Spiegelhalter": "Spiegelhalter, D. J. (2005). Funnel plots for comparing institutional"
    " performance. Statistics in Medicine 24, 1185–1202.",
    "Wilson": "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical"
    " inference. Journal of the American Statistical Association 22, 209–212.",
    "Zhang": "Zhang, R., Isola, P. & Efros, A. A. (2016). Colorful image colorization. ECCV.",
}


def format_methods_section(report: ReportPart) -> list[str]:
    """Paragraphs: the task, who was counted, the estimates, the comparisons, the rest."""
    paragraphs = (
        _format_task_paragraph,
        _format_sample_paragraph,
        _format_rate_paragraph,
        _format_comparison_paragraph,
        _format_model_paragraph,
        _format_software_paragraph,
    )
    return [" ".join(paragraph(report)) for paragraph in paragraphs]


def list_references(report: ReportPart) -> list[str]:
    """The works that this report's text and tables cite, in alphabetical order."""
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
    participants = format_count(shown["participants"], "person", "people")
    photographs = format_count(shown["images"], "photograph", "photographs")
    if shown["single"]:
        yield (
            f"{participants} saw images one at a time{_format_exposure(shown)}, photographs and "
            f"fakes, made"
        )
        yield f"from {photographs} in all, and said of each whether it was real or fake. A fake"
        yield "fooled when it was called real."
        yield "Answers can lean to one side, so one half is not chance here, and no rate is tested"
        yield "against it."
        return
    presentation_texts = {
        "sequential": "one after the other",
        "simultaneous": "side by side",
    }
    how = join_words(
        [presentation_texts[way] for way in shown["presentation"] if way in presentation_texts]
        or ["in pairs"]
    )
    question_text = join_words(
        [f"the {word} one" for word in shown["question"]] or ["the fake one"]
    )
    source_text = "made from it" if shown["paired"] else "made from another"
    yield f"{participants} took part. On each trial they saw a photograph and a fake {source_text},"
    yield f"{how}{_format_exposure(shown)}, and clicked {question_text}; there were {photographs}."
    yield "A trial fooled when the fake was taken for the photograph: a perfect fake fools on half"
    yield "of all trials."


def _format_exposure(shown: ReportPart) -> str:
    """For how long; empty where no trial tells."""
    times = [
        f"for {format_number(float(time))}{NARROW_SPACE}ms" for time in shown["exposure_ms"] if time
    ]
    unlimited = ["until they answered"] if "" in shown["exposure_ms"] else []
    return f", each {' or '.join([*times, *unlimited])}" if times or unlimited else ""


def _format_sample_paragraph(report: ReportPart) -> Iterator[str]:
    exclusions, last_step = report["exclusions"], report["exclusions"]["flow"][-1]
    fixed = {
        "match": "Exclusion rules were fixed before the data (the frozen design matches).",
        "deviations": "Exclusion rules were fixed before the data; the report lists where the study"
        " departs from its design.",
        "unknown": "Exclusion rules do not look at the fooling rate.",
    }
    left_out = sum(person["excluded"] for person in exclusions["participants"])
    yield fixed[report["design"]["verdict"]]
    out = f"{format_count(left_out, 'person was', 'people were')} left out" if left_out else ""
    yield (
        f"{out or 'Nobody was left out'}; "
        f"{format_count(last_step['participants'], 'person', 'people')}"
    )
    yield (
        f"with {format_number(last_step['trials'])} test trials counted. Practice and attention "
        f"checks"
    )
    yield "and repeats enter no rate." if report["consistency"] else "enter no rate."


def _format_rate_paragraph(report: ReportPart) -> Iterator[str]:
    factors = ["participant", "photograph"]
    if report["input"]["paired"] is False:
        factors = ["participant", "fake", "the photograph beside it"]
    yield "People differ, and so do photographs, and each comes back on many trials, so trials are"
    yield f"not independent. The variance of a rate is clustered by {join_words(factors)} at"
    yield "once (Cameron et al., 2011) and never taken below the binomial one. Intervals are"
    yield (
        f"Wilson (1927) intervals at 95{NARROW_SPACE}% on the effective number of trials that this"
    )
    yield "variance implies, with Student’s t on one degree of freedom less than the smaller of the"
    yield "numbers of people and photographs; they hold for new people and new photographs alike."


def _format_comparison_paragraph(report: ReportPart) -> Iterator[str]:
    yield "Two methods are compared by the same variance of their difference, paired wherever"
    yield "people or photographs are shared. Tests between methods, and tests against one half, are"
    yield "each corrected by the procedure of Holm (1979)."
    for pair in report["differences"][:1]:
        yield "Methods count as equal where two one-sided tests (Schuirmann, 1987) show that they"
        margin = format_number(100 * pair["equivalence"]["margin"], 1)
        fixed = report["design"]["margin"] == pair["equivalence"]["margin"]
        when = "a margin fixed before the data" if fixed else "a margin not fixed before the data"
        yield f"differ by less than {margin} percentage points, {when}."


def _format_model_paragraph(report: ReportPart) -> Iterator[str]:
    if any(method["mixed"] for method in report["methods"].values()):
        yield "As a check, a logistic mixed model with crossed random intercepts of participants"
        yield "and photographs was fitted to each method by Laplace approximation (as in lme4;"
        yield "Bates et al., 2015); its rates are marginal, integrated over the random effects."
    if any(pair["mixed"] for pair in report["differences"]):
        yield "Differences were checked by such models of two methods each, with random slopes of"
        yield "method for participants and for photographs."
    if report["bootstrap"]:
        replicates = format_number(report["bootstrap"]["replicates"])
        yield f"Percentile intervals of {replicates} bootstrap resamples stand"
        yield "beside, of people, and of people and photographs (Owen, 2007)."
    yield "Rates of single photographs are empirical Bayes estimates under a beta-binomial model"
    yield "(Griffin and Krutchkoff, 1971). Limits of people’s own rates allow for differences"
    yield "between people (Spiegelhalter, 2005). Sensitivity d′ follows Macmillan and Creelman"
    yield "(2005), with the correction of Hautus (1995) at extreme proportions."


def _format_software_paragraph(report: ReportPart) -> Iterator[str]:
    software = report["software"]
    yield f"All was computed with Hue & Eye {software['hue-and-eye']} (numpy {software['numpy']},"
    yield f"scipy {software['scipy']})."
