"""The nine steps of a study, from its stimuli to its report, and which of them is next."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import AcceptedWarning, Participant, Stimulus, Study
from study_server.studies.unblinding import count_complete, planned_participants
from study_server.vocabulary import Mode, Outcome, StudyState
from study_server.wording.checks import find_unfilled_places
from study_server.wording.stored import load_wording


class StepState(StrEnum):
    """The state of a step."""

    DONE = "done"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True)
class Step:
    """A step of the path. page: the name of the page on which it is done."""

    title: str
    page: str
    state: StepState
    sentence: str


class _StepFacts(NamedTuple):
    """A step without its state, which depends on the steps before it."""

    title: str
    page: str
    is_done: bool
    sentence: str


def list_steps(db: Session, study: Study, *, has_report: bool) -> list[Step]:
    """Return the nine steps; the first that is not done is `now`, and all after it are later."""
    protocol = parse_stored_protocol(study.protocol)
    steps = [
        *_preparation(db, study, protocol),
        *_run(db, study),
        _StepFacts(
            "Report",
            "report",
            has_report and study.state is StudyState.CLOSED,
            "Estimate the rates or scores, with intervals.",
        ),
    ]
    first_open = next((i for i, step in enumerate(steps) if not step.is_done), len(steps))
    return [
        Step(step.title, step.page, _state_of(i, first_open, step), step.sentence)
        for i, step in enumerate(steps)
    ]


def _state_of(index: int, first_open: int, facts: _StepFacts) -> StepState:
    if index == first_open:
        return StepState.NOW
    return StepState.DONE if facts.is_done else StepState.LATER


def _preparation(db: Session, study: Study, protocol: Protocol) -> list[_StepFacts]:
    stimuli, images = db.execute(
        select(func.count(), func.count(Stimulus.image.distinct())).where(
            Stimulus.study_id == study.id
        )
    ).one()
    accepted = db.scalar(
        select(func.count()).where(AcceptedWarning.study_id == study.id)
    )  # an import stores nothing until all warnings are accepted
    unfilled = sum(len(find_unfilled_places(text)) for text in load_wording(db, study).values())
    rehearsed = _count_rehearsals(db, study)
    imported = stimuli > 0
    return [
        _StepFacts(
            "Stimuli",
            "stimuli",
            imported,
            f"{format_count(stimuli, 'stimulus', 'stimuli')} of "
            f"{format_count(images, 'image', 'images')} are stored."
            if imported
            else "Upload the photographs and the fakes.",
        ),
        _StepFacts(
            "Audit",
            "stimuli",
            imported,
            f"{format_count(accepted or 0, 'warning was', 'warnings were')} accepted."
            if imported
            else "The upload is checked for what would give fakes away.",
        ),
        _StepFacts(
            "Protocol",
            "protocol",
            imported,
            f"{format_count(protocol.trials, 'trial', 'trials')} per participant, preset "
            f"{protocol.preset}.",
        ),
        _StepFacts(
            "Wording",
            "wording",
            imported and unfilled == 0,
            f"{format_count(unfilled, 'place is', 'places are')} left to fill in."
            if unfilled
            else "No places are left to fill in.",
        ),
        _StepFacts(
            "Rehearsal",
            "rehearse",
            rehearsed > 0 or study.design is not None,
            f"{format_count(rehearsed, 'rehearsal is', 'rehearsals are')} complete."
            if rehearsed
            else "Take part yourself, and let simulated participants take part.",
        ),
        _StepFacts(
            "Freeze",
            "freeze",
            study.design is not None,
            "The design is frozen." if study.design else "Fix the design and the analysis plan.",
        ),
    ]


def _count_rehearsals(db: Session, study: Study) -> int:
    query = select(func.count()).where(
        Participant.study_id == study.id,
        Participant.mode != Mode.LIVE,
        Participant.outcome == Outcome.COMPLETE,
    )
    return db.scalar(query) or 0


def _run(db: Session, study: Study) -> list[_StepFacts]:
    complete, planned = count_complete(db, study), planned_participants(study)
    is_closed = study.state is StudyState.CLOSED
    is_over = is_closed or (planned is not None and complete >= planned > 0)
    people = (
        f"{complete:,} of {format_count(planned, 'planned participant', 'planned participants')}"
        if planned
        else format_count(complete, "participant", "participants")
    )
    return [
        _StepFacts("Recruit", "recruit", is_over, f"Complete so far: {people}."),
        _StepFacts(
            "Close",
            "recruit",
            is_closed,
            "The study is closed." if is_closed else "Closing the study unblinds its data.",
        ),
    ]
