"""Where each participant stands, and which of the plan's rules they break so far.

Counted by the database, by the rules of the report that need no more than counts; the report, which
knows more, decides in the end (docs/formats.md).
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, func, or_, select
from sqlalchemy.orm import Session

from study_server.participants.outcomes import late_since, reached, silent_since
from study_server.participants.scoring import attention_check_is_correct
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Environment, Incident, Participant, Response, Study, Trial
from study_server.studies.design import Exclusions
from study_server.vocabulary import (
    DISTURBANCE_FLAGS,
    SCRIPT_INPUT,
    Answer,
    Mode,
    Outcome,
    RecruitmentSource,
    TrialKind,
)

REASONS = {
    "screened_out": "screened out",
    "returned": "returned the task",
    "incomplete": "did not finish",
    "attention_checks": "failed the attention checks",
    "too_fast": "answered too fast",
    "side_bias": "almost always chose the same side",
    "timing": "had too many disturbed trials",
}
TRIALS_PER_ALLOWED_MISS = 5  # one in so many may be missed, where the plan says no more


@dataclass(frozen=True)
class Standing:
    """One participant. Trials: test and attention, voided ones aside; incidents: of all."""

    participant: str
    source: RecruitmentSource
    outcome: Outcome
    started_at: datetime
    finished_at: datetime | None
    planned: int
    answered: int
    fast: int
    left: int
    disturbed: int
    attention_checks_planned: int
    attention_checks_answered: int
    attention_checks_correct: int
    incidents: int
    scripted: int = 0  # answers by an event that the browser did not make itself
    driven: bool = False  # the browser says that a program drives it
    reasons: tuple[str, ...] = ()

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None

    @property
    def saw_all_attention_checks(self) -> bool:
        """All of it, so that passing it means something."""
        return 0 < self.attention_checks_planned <= self.attention_checks_answered


def list_standings(db: Session, study: Study, mode: Mode = Mode.LIVE) -> list[Standing]:
    """Everybody of a mode, who came last first."""
    rules = rules_of(study)
    protocol = parse_stored_protocol(study.protocol)
    late, silent = late_since(protocol), silent_since(protocol)
    incidents, driven = _count_incidents(db, study), _find_driven(db, study)
    found = []
    for row in db.execute(_count(study, mode, rules)).mappings():
        counts: dict[str, Any] = dict(row)
        person: Participant = counts.pop("Participant")
        outcome = reached(person.outcome, person.started_at, person.last_seen_at, late, silent)
        standing = Standing(
            person.public_id,
            person.source,
            outcome,
            person.started_at,
            person.finished_at,
            incidents=incidents[person.id],
            driven=person.id in driven,
            **counts,
        )
        found.append(judge(standing, rules, single=study.presentation == "single"))
    return found


def rules_of(study: Study) -> Exclusions:
    """The frozen plan's; before the freeze the defaults."""
    plan = json.loads(study.design)["plan"] if study.design else {}
    return Exclusions.model_validate(plan.get("exclusions", {}))


def _count(study: Study, mode: Mode, rules: Exclusions) -> Executable:
    """Participants, each with the counts of a Standing."""
    attention_checks, right = (
        Trial.kind == TrialKind.ATTENTION,
        attention_check_is_correct(study.question),
    )
    answered = Response.trial_id.is_not(None)
    disturbed = or_(*(getattr(Response, flag) for flag in DISTURBANCE_FLAGS))
    judged = Trial.voided.is_(False) & Trial.kind.in_((TrialKind.TEST, TrialKind.ATTENTION))
    return (
        select(
            Participant,
            func.count(Trial.id).label("planned"),
            func.count(Response.trial_id).label("answered"),
            func.count().filter(Response.rt_ms < rules.fast_ms).label("fast"),
            func.count().filter(Response.answer == Answer.LEFT).label("left"),
            func.count().filter(disturbed).label("disturbed"),
            func.count().filter(Response.input == SCRIPT_INPUT).label("scripted"),
            func.count().filter(attention_checks).label("attention_checks_planned"),
            func.count().filter(attention_checks & answered).label("attention_checks_answered"),
            func.count().filter(attention_checks & right).label("attention_checks_correct"),
        )
        .outerjoin(Trial, (Trial.participant_id == Participant.id) & judged)
        .outerjoin(Response)
        .where(Participant.study_id == study.id, Participant.mode == mode)
        .group_by(Participant.id)
        .order_by(Participant.started_at.desc(), Participant.id.desc())
    )


def _count_incidents(db: Session, study: Study) -> Counter[int]:
    """By participant."""
    query = select(Trial.participant_id).join(Incident).join(Participant)
    return Counter(db.scalars(query.where(Participant.study_id == study.id)))


def _find_driven(db: Session, study: Study) -> set[int]:
    driven = Participant.study_id == study.id, Environment.webdriver.is_(True)
    return set(db.scalars(select(Environment.participant_id).join(Participant).where(*driven)))


def judge(standing: Standing, rules: Exclusions, single: bool) -> Standing:
    """With the rules that they break; who is still active may yet complete."""
    enough = standing.answered >= rules.min_answers
    breaks = {
        "screened_out": standing.outcome is Outcome.SCREENED_OUT,
        "returned": standing.outcome is Outcome.RETURNED,
        "incomplete": standing.outcome not in (Outcome.ACTIVE, Outcome.SCREENED_OUT)
        and standing.answered < rules.min_completed_fraction * standing.planned,
        "attention_checks": fails_attention_checks(standing, rules),
        "too_fast": enough and standing.fast > rules.max_fast_fraction * standing.answered,
        "side_bias": enough
        and not single
        and max(standing.left, standing.answered - standing.left)
        > rules.side_max_fraction * standing.answered,
        "timing": enough and standing.disturbed > rules.flagged_max_fraction * standing.answered,
    }
    reasons = tuple(rule for rule, broken in breaks.items() if broken)
    return Standing(**{**vars(standing), "reasons": reasons})


def fails_attention_checks(standing: Standing, rules: Exclusions) -> bool:
    """Where enough of it was planned to exclude by."""
    planned = standing.attention_checks_planned
    return planned >= rules.attention_checks_min_planned and not passes_attention_checks(
        standing, rules
    )


def passes_attention_checks(standing: Standing, rules: Exclusions) -> bool:
    """Or has not seen all of it yet."""
    needed = required_attention_checks_correct(rules, standing.attention_checks_planned)
    return not standing.saw_all_attention_checks or standing.attention_checks_correct >= needed


def required_attention_checks_correct(rules: Exclusions, planned: int) -> int:
    """How many attention checks must be right: as planned, else eight of ten."""
    needed = rules.attention_checks_min_correct
    return planned - planned // TRIALS_PER_ALLOWED_MISS if needed is None else needed
