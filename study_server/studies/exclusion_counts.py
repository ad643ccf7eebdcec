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

from study_server.participants.outcomes import abandoned_before, current_outcome, timed_out_before
from study_server.participants.scoring import attention_check_is_correct
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Environment, Incident, Participant, Response, Study, Trial
from study_server.studies.design import PlannedExclusions
from study_server.vocabulary import (
    DISTURBANCE_FLAGS,
    SCRIPT_INPUT,
    Answer,
    Mode,
    Outcome,
    RecruitmentSource,
    TrialKind,
)

REASON_TEXTS = {
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
class ParticipantSummary:
    """One participant. Trials: test and attention, voided ones aside; incidents: of all."""

    public_id: str
    source: RecruitmentSource
    outcome: Outcome
    started_at: datetime
    finished_at: datetime | None
    planned_trials: int
    answered_trials: int
    fast_answers: int
    left_answers: int
    disturbed_trials: int
    attention_checks_planned: int
    attention_checks_answered: int
    attention_checks_correct: int
    incident_count: int
    scripted_answers: int = 0  # answers by an event that the browser did not make itself
    has_webdriver: bool = False  # the browser says that a program drives it
    reasons: tuple[str, ...] = ()

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at else None

    @property
    def saw_all_attention_checks(self) -> bool:
        """All of it, so that passing it means something."""
        return 0 < self.attention_checks_planned <= self.attention_checks_answered


def list_participant_summaries(
    db: Session, study: Study, mode: Mode = Mode.LIVE
) -> list[ParticipantSummary]:
    """Everybody of a mode, who came last first."""
    rules = exclusion_rules_of(study)
    protocol = parse_stored_protocol(study.protocol)
    late, silent = timed_out_before(protocol), abandoned_before(protocol)
    incidents, driven = _count_incidents(db, study), _find_webdriver_ids(db, study)
    summaries = []
    for row in db.execute(_count_query(study, mode, rules)).mappings():
        counts: dict[str, Any] = dict(row)
        participant: Participant = counts.pop("Participant")
        outcome = current_outcome(
            participant.outcome, participant.started_at, participant.last_seen_at, late, silent
        )
        summary = ParticipantSummary(
            participant.public_id,
            participant.source,
            outcome,
            participant.started_at,
            participant.finished_at,
            incident_count=incidents[participant.id],
            has_webdriver=participant.id in driven,
            **counts,
        )
        summaries.append(apply_rules(summary, rules, is_single=study.presentation == "single"))
    return summaries


def exclusion_rules_of(study: Study) -> PlannedExclusions:
    """The frozen plan's; before the freeze the defaults."""
    plan = json.loads(study.design)["plan"] if study.design else {}
    return PlannedExclusions.model_validate(plan.get("exclusions", {}))


def _count_query(study: Study, mode: Mode, rules: PlannedExclusions) -> Executable:
    """Participants, each with the counts of a ParticipantSummary."""
    attention_checks, right = (
        Trial.kind == TrialKind.ATTENTION,
        attention_check_is_correct(study.question),
    )
    answered = Response.trial_id.is_not(None)
    disturbed = or_(*(getattr(Response, flag) for flag in DISTURBANCE_FLAGS))
    is_main = Trial.voided.is_(False) & Trial.kind.in_((TrialKind.TEST, TrialKind.ATTENTION))
    return (
        select(
            Participant,
            func.count(Trial.id).label("planned_trials"),
            func.count(Response.trial_id).label("answered_trials"),
            func.count().filter(Response.rt_ms < rules.fast_ms).label("fast_answers"),
            func.count().filter(Response.answer == Answer.LEFT).label("left_answers"),
            func.count().filter(disturbed).label("disturbed_trials"),
            func.count().filter(Response.input == SCRIPT_INPUT).label("scripted_answers"),
            func.count().filter(attention_checks).label("attention_checks_planned"),
            func.count().filter(attention_checks & answered).label("attention_checks_answered"),
            func.count().filter(attention_checks & right).label("attention_checks_correct"),
        )
        .outerjoin(Trial, (Trial.participant_id == Participant.id) & is_main)
        .outerjoin(Response)
        .where(Participant.study_id == study.id, Participant.mode == mode)
        .group_by(Participant.id)
        .order_by(Participant.started_at.desc(), Participant.id.desc())
    )


def _count_incidents(db: Session, study: Study) -> Counter[int]:
    """By participant."""
    query = select(Trial.participant_id).join(Incident).join(Participant)
    return Counter(db.scalars(query.where(Participant.study_id == study.id)))


def _find_webdriver_ids(db: Session, study: Study) -> set[int]:
    driven = Participant.study_id == study.id, Environment.webdriver.is_(True)
    return set(db.scalars(select(Environment.participant_id).join(Participant).where(*driven)))


def apply_rules(
    summary: ParticipantSummary, rules: PlannedExclusions, is_single: bool
) -> ParticipantSummary:
    """With the rules that they break; who is still active may yet complete."""
    enough = summary.answered_trials >= rules.min_answers
    breaks = {
        "screened_out": summary.outcome is Outcome.SCREENED_OUT,
        "returned": summary.outcome is Outcome.RETURNED,
        "incomplete": summary.outcome not in (Outcome.ACTIVE, Outcome.SCREENED_OUT)
        and summary.answered_trials < rules.min_completed_fraction * summary.planned_trials,
        "attention_checks": fails_attention_checks(summary, rules),
        "too_fast": enough
        and summary.fast_answers > rules.max_fast_fraction * summary.answered_trials,
        "side_bias": enough
        and not is_single
        and max(summary.left_answers, summary.answered_trials - summary.left_answers)
        > rules.side_max_fraction * summary.answered_trials,
        "timing": enough
        and summary.disturbed_trials > rules.flagged_max_fraction * summary.answered_trials,
    }
    reasons = tuple(rule for rule, broken in breaks.items() if broken)
    return ParticipantSummary(**{**vars(summary), "reasons": reasons})


def fails_attention_checks(summary: ParticipantSummary, rules: PlannedExclusions) -> bool:
    """Where enough of it was planned to exclude by."""
    planned = summary.attention_checks_planned
    return planned >= rules.attention_checks_min_planned and not passes_attention_checks(
        summary, rules
    )


def passes_attention_checks(summary: ParticipantSummary, rules: PlannedExclusions) -> bool:
    """Or has not seen all of it yet."""
    needed = required_attention_checks_correct(rules, summary.attention_checks_planned)
    return not summary.saw_all_attention_checks or summary.attention_checks_correct >= needed


def required_attention_checks_correct(rules: PlannedExclusions, planned: int) -> int:
    """How many attention checks must be right: as planned, else eight of ten."""
    needed = rules.attention_checks_min_correct
    return planned - planned // TRIALS_PER_ALLOWED_MISS if needed is None else needed
