"""The paragraph on a study's design for the method section of a paper.

The analysis writes the method section on the data; this one is about the design only.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.counts import format_count, join_words
from study_server.export.tasks.answer_phrases import describe_answer
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Stimulus, Study
from study_server.studies.design import AnalysisPlan, PlannedExclusions, read_frozen_plan
from study_server.vocabulary import REAL_METHOD, TrialKind

COUNT_WORDS = ("no", "one", "two", "three", "four", "five", "six")  # in running text


def describe_method(db: Session, study: Study) -> str:
    """Return one paragraph of plain English on the design of a study, with its SHA-256."""
    protocol = parse_stored_protocol(study.protocol)
    images = db.scalar(
        select(func.count(Stimulus.image.distinct())).where(Stimulus.study_id == study.id)
    )
    plan = read_frozen_plan(study) or _draft_plan(study)
    return " ".join(describe_design(protocol, plan, images or 0, study.design_sha256))


def _draft_plan(study: Study) -> AnalysisPlan:
    return AnalysisPlan.model_validate_json(study.draft_plan or "{}")


def describe_design(
    protocol: Protocol, plan: AnalysisPlan, images: int, design_sha256: str | None
) -> list[str]:
    """Return the sentences of the paragraph. images: the number of source images."""
    return [
        _describe_comparison(protocol, images),
        _describe_trial(protocol),
        *_describe_additions(protocol),
        _describe_counts(protocol),
        *_describe_screening(protocol),
        _describe_exclusions(protocol, plan.exclusions),
        *_describe_sample(protocol, plan),
        _describe_freeze(design_sha256),
    ]


def _describe_comparison(protocol: Protocol, images: int) -> str:
    methods = format_count(len(protocol.methods), "method", "methods")
    names = join_words(protocol.methods)
    how = (
        "each participant judged one method"
        if protocol.assignment == "between"
        else "every participant judged all methods"
    )
    if len(protocol.methods) == 1:
        how = "every participant judged this method"
    source = format_count(images, "source image", "source images")
    return f"The study evaluated {methods} ({names}) on {source}; {how}."


def _describe_trial(protocol: Protocol) -> str:
    shown, answer = _describe_images(protocol), describe_answer(protocol)
    comma = "," if protocol.has_truth and not protocol.is_single else ""
    return f"On each trial, participants saw {shown}{comma} and {answer}."


def _describe_images(protocol: Protocol) -> str:
    duration = _describe_exposure(protocol)
    if protocol.is_single:
        return f"one image {duration}"
    if not protocol.has_truth:
        return f"{COUNT_WORDS[protocol.candidates]} images at once {duration}"
    pair = "a photograph and a fake" + (" made from it" if protocol.paired else "")
    order = {"sequential": "one after the other, each", "simultaneous": "side by side"}
    return f"{pair} {order[protocol.presentation]} {duration}"


def _describe_exposure(protocol: Protocol) -> str:
    if protocol.staircase is not None:
        steps = protocol.staircase
        return (
            f"for a time that followed their answers ({steps.start_ms:,} ms at first, "
            f"{steps.up_ms:,} ms longer after a wrong answer, {steps.down_ms:,} ms shorter after "
            f"{steps.right_in_a_row} right answers in a row)"
        )
    exposures = [f"{ms:,}" if ms else "unlimited" for ms in protocol.exposures_ms]
    if exposures == ["unlimited"]:
        return "until they answered"
    drawn = ", drawn at random," if len(exposures) > 1 else ""
    return f"for {join_words(exposures, 'or')} ms{drawn}"


def _describe_additions(protocol: Protocol) -> list[str]:
    """Return the sentences on what else is shown."""
    sentences = []
    if protocol.masks:
        masks = format_count(protocol.masks, "noise mask", "noise masks")
        each = " each" if protocol.masks > 1 else ""
        sentences.append(f"Every image was followed by {masks} of {protocol.mask_ms} ms{each}.")
    if protocol.reference:
        beside = "it" if protocol.is_single else "them"
        which = "original" if protocol.reference == REAL_METHOD else f"{protocol.reference} image"
        sentences.append(f"The {which} was shown beside {beside}, with a label.")
    if protocol.caption:
        sentences.append("The caption of the image was shown with it.")
    if protocol.include_real:
        sentences.append("Photographs were judged in the same way as the methods.")
    return sentences


def _describe_counts(protocol: Protocol) -> str:
    feedback = " with feedback" if protocol.gives_feedback(TrialKind.PRACTICE) else ""
    parts = [
        format_count(protocol.qualification, "qualification trial", "qualification trials"),
        format_count(protocol.practice, "practice trial", "practice trials") + feedback,
        format_count(protocol.trials, "test trial", "test trials"),
        format_count(protocol.attention_checks, "attention check", "attention checks"),
        format_count(protocol.repeats, "repeated trial", "repeated trials"),
    ]
    shown = [part for part in parts if not part.startswith("0 ")]
    minutes = format_count(protocol.estimated_minutes, "minute", "minutes")
    return f"Each participant was planned to answer {join_words(shown)}, in about {minutes}."


def _describe_screening(protocol: Protocol) -> list[str]:
    sentences = []
    if protocol.device == "computer":
        sentences.append("Participation required a mouse, trackpad or keyboard.")
    if protocol.color_vision == "required" or protocol.plates_min_correct:
        by = [
            *(
                ["who reported atypical color vision"]
                if protocol.color_vision == "required"
                else []
            ),
            *(
                [
                    f"who read fewer than {protocol.plates_min_correct} of {protocol.plates} color "
                    "vision plates"
                ]
                if protocol.plates_min_correct
                else []
            ),
        ]
        sentences.append(f"People {join_words(by, 'or')} were screened out.")
    if protocol.qualification:
        percent = f"{100 * protocol.qualification_min_correct:g}%"
        sentences.append(
            f"Participants continued only with at least {percent} of the qualification trials "
            "correct."
        )
    return sentences


def _describe_exclusions(protocol: Protocol, rules: PlannedExclusions) -> str:
    """Return the sentence on the planned exclusions."""
    checks = (
        rules.attention_checks_planned
        if rules.attention_checks_planned is not None
        else protocol.attention_checks
    )
    fast, most_fast = f"{rules.fast_ms:g} ms", _percent(rules.max_fast_fraction)
    reasons = [f"answered less than {_percent(rules.min_completed_fraction)} of their trials"]
    if checks >= max(rules.attention_checks_min_planned, 1) and (
        rules.attention_checks_min_correct != 0
    ):
        reasons.append("failed the attention checks")
    reasons.append(f"gave more than {most_fast} of their answers in under {fast}")
    if protocol.candidate_count == 2:
        reasons.append(f"chose one side on more than {_percent(rules.side_max_fraction)} of trials")
    if protocol.candidate_count <= 2 and not protocol.scales:
        reasons.append(
            "switched between the two answers on more than "
            f"{_percent(rules.alternation_max_fraction)} of trials"
        )
    reasons.append(
        f"had technical disturbances on more than {_percent(rules.flagged_max_fraction)} of trials"
    )
    slow = f"{rules.slow_ms / 1000:g} s"
    return (
        f"Participants are excluded if they {join_words(reasons, 'or')}; single answers are "
        f"excluded if they are faster than {fast} or slower than {slow}."
    )


def _percent(proportion: float) -> str:
    return f"{100 * proportion:g}%"


def _describe_sample(protocol: Protocol, plan: AnalysisPlan) -> list[str]:
    sentences = []
    if plan.participants:
        people = format_count(plan.participants, "complete participant", "complete participants")
        sentences.append(f"The planned sample was {people}.")
    if plan.stopping:
        sentences.append(f"The stopping rule was: {plan.stopping.rstrip('.')}.")
    if plan.margin is not None:
        margin = (
            f"{plan.margin:g} points of the scale"
            if protocol.scales
            else f"{100 * plan.margin:g} percentage points"
        )
        sentences.append(f"Differences below {margin} count as equivalent.")
    return sentences


def _describe_freeze(design_sha256: str | None) -> str:
    if design_sha256 is None:
        return "The design is not frozen yet."
    return (
        "The protocol, the texts, the stimuli and the analysis plan were fixed before the first "
        f"participant (SHA-256 of the design: {design_sha256})."
    )
