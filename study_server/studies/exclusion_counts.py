"""A summary of each participant, and the exclusion rules they meet so far.

The database counts what these rules need, in the way of the report, which also excludes single
trials by their response time (docs/formats.md). A test compares both over random studies.
"""

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Executable, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from study_server.participants.outcomes import abandoned_before, current_outcome, timed_out_before
from study_server.protocol.model import parse_stored_protocol, task_of
from study_server.storage.models import (
    Environment,
    Identity,
    Incident,
    Judgment,
    Participant,
    Response,
    Study,
    Trial,
)
from study_server.studies.design import PlannedExclusions
from study_server.vocabulary import (
    DISTURBANCE_FLAGS,
    SCRIPT_INPUT,
    Mode,
    Outcome,
    RecruitmentSource,
    TrialKind,
)

REASON_TEXTS = {
    "screened_out": "screened out",
    "returned": "returned the task",
    "repeated": "took part in another study before",
    "incomplete": "did not finish",
    "attention_checks": "failed the attention checks",
    "too_fast": "answered too fast",
    "side_bias": "almost always chose the same side",
    "alternation": "alternated between the two answers",
    "timing": "had too many disturbed trials",
}
# By default, one of this many attention checks may be answered wrong.
TRIALS_PER_ALLOWED_MISS = 5
# Answers to images that were shown again are exported as voided.
COUNTS = Trial.reshown.is_(False)
LEFT_JUDGMENT, RIGHT_JUDGMENT = aliased(Judgment), aliased(Judgment)
IS_MAIN = Trial.voided.is_(False) & Trial.kind.in_((TrialKind.TEST, TrialKind.ATTENTION))


@dataclass(frozen=True)
class ParticipantSummary:
    """The counts of one participant.

    Trials are test trials and attention checks, without voided ones; incidents are of all trials.
    left_answers, right_answers: answers that prefer one image of two; ties count for neither.
    completed_trials: answered trials without repeats. alternations: choices between two
    alternatives that differ from the previous one. took_part_before: in another linked study of
    this server, with an earlier first trial. attention_checks_shown: attention checks that have
    started. scripted_answers: answers from an event that the browser did not create itself.
    has_webdriver: whether the browser reports that it is automated. reasons: the exclusion rules
    that apply.
    """

    public_id: str
    source: RecruitmentSource
    outcome: Outcome
    started_at: datetime
    finished_at: datetime | None
    planned_trials: int
    answered_trials: int
    fast_answers: int
    left_answers: int
    right_answers: int
    disturbed_trials: int
    attention_checks_planned: int
    attention_checks_answered: int
    attention_checks_correct: int
    incident_count: int
    completed_trials: int
    alternations: int
    attention_checks_shown: int
    scripted_answers: int = 0
    has_webdriver: bool = False
    took_part_before: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def duration(self) -> timedelta | None:
        """The time from start to finish, or None if the participant has not finished."""
        return self.finished_at - self.started_at if self.finished_at else None

    @property
    def saw_all_attention_checks(self) -> bool:
        """True if the participant saw all planned attention checks."""
        return 0 < self.attention_checks_planned <= self.attention_checks_shown


def list_participant_summaries(
    db: Session, study: Study, mode: Mode = Mode.LIVE
) -> list[ParticipantSummary]:
    """Return summaries of all participants of a mode, the latest first."""
    rules = exclusion_rules_of(study)
    protocol = parse_stored_protocol(study.protocol)
    late, silent = timed_out_before(protocol), abandoned_before(protocol)
    alternations = _count_alternations(db, study)
    incidents, webdriver_ids = _count_incidents(db, study), _find_webdriver_ids(db, study)
    repeat_ids = _find_repeat_ids(db, study)
    summaries = []
    for row in db.execute(_count_query(study, mode, rules)):
        participant: Participant = row.Participant
        summary = ParticipantSummary(
            public_id=participant.public_id,
            source=participant.source,
            outcome=current_outcome(
                participant.outcome, participant.started_at, participant.last_seen_at, late, silent
            ),
            started_at=participant.started_at,
            finished_at=participant.finished_at,
            planned_trials=row.planned_trials,
            answered_trials=row.answered_trials,
            fast_answers=row.fast_answers,
            left_answers=row.left_answers,
            right_answers=row.right_answers,
            disturbed_trials=row.disturbed_trials,
            attention_checks_planned=rules.attention_checks_planned or 0,
            attention_checks_answered=row.attention_checks_answered,
            attention_checks_correct=row.attention_checks_correct,
            incident_count=incidents[participant.id],
            completed_trials=row.completed_trials,
            alternations=alternations[participant.id],
            attention_checks_shown=row.attention_checks_shown,
            scripted_answers=row.scripted_answers,
            has_webdriver=participant.id in webdriver_ids,
            took_part_before=participant.id in repeat_ids,
        )
        summaries.append(apply_rules(summary, rules))
    return summaries


def exclusion_rules_of(study: Study) -> PlannedExclusions:
    """Return the exclusion rules of the frozen plan, or the defaults before the freeze.

    Numbers of trials that the plan leaves open are those of the protocol.
    """
    plan = json.loads(study.design)["plan"] if study.design else {}
    protocol = parse_stored_protocol(study.protocol)
    counts = {
        "planned_trials": protocol.trials + protocol.attention_checks,
        "attention_checks_planned": protocol.attention_checks,
    }
    return PlannedExclusions.model_validate(counts | plan.get("exclusions", {}))


def _count_query(study: Study, mode: Mode, rules: PlannedExclusions) -> Executable:
    """Build the query for participants and their counts, labeled as in ParticipantSummary."""
    checks = (Trial.kind == TrialKind.ATTENTION) & Trial.repeat_of.is_(None)
    answered = Response.trial_id.is_not(None)
    shown = Trial.started_at.is_not(None) & COUNTS
    once = Trial.repeat_of.is_(None)
    disturbed = or_(*(getattr(Response, flag) for flag in DISTURBANCE_FLAGS))
    return (
        select(
            Participant,
            func.count(Trial.id).label("planned_trials"),
            func.count(Response.trial_id).label("answered_trials"),
            func.count().filter(Response.rt_ms < rules.fast_ms).label("fast_answers"),
            func.count().filter(LEFT_JUDGMENT.value < RIGHT_JUDGMENT.value).label("left_answers"),
            func.count().filter(LEFT_JUDGMENT.value > RIGHT_JUDGMENT.value).label("right_answers"),
            func.count().filter(disturbed).label("disturbed_trials"),
            func.count().filter(Response.input == SCRIPT_INPUT).label("scripted_answers"),
            func.count().filter(answered & once).label("completed_trials"),
            func.count().filter(checks & answered).label("attention_checks_answered"),
            func.count().filter(checks & shown).label("attention_checks_shown"),
            func.count()
            .filter(checks & Response.attention_passed)
            .label("attention_checks_correct"),
        )
        .select_from(Participant)
        .outerjoin(Trial, (Trial.participant_id == Participant.id) & IS_MAIN)
        .outerjoin(Response, (Response.trial_id == Trial.id) & COUNTS)
        .outerjoin(LEFT_JUDGMENT, _is_choice(study, LEFT_JUDGMENT, 0))
        .outerjoin(RIGHT_JUDGMENT, _is_choice(study, RIGHT_JUDGMENT, 1))
        .where(Participant.study_id == study.id, Participant.mode == mode)
        .group_by(Participant.id)
        .order_by(Participant.started_at.desc(), Participant.id.desc())
    )


def _count_alternations(db: Session, study: Study) -> Counter[int]:
    """Count the answers that differ from the participant's previous one, by participant id."""
    choice = LEFT_JUDGMENT.value - func.coalesce(RIGHT_JUDGMENT.value, 0)
    previous = func.lag(choice).over(
        partition_by=Trial.participant_id,
        order_by=(Trial.started_at, Trial.place, Trial.attempt),  # the order of the export
    )
    answers = (
        select(Trial.participant_id, choice.label("choice"), previous.label("previous"))
        .select_from(Trial)
        .join(Response)
        .join(Participant)
        .join(LEFT_JUDGMENT, _is_choice(study, LEFT_JUDGMENT, 0))
        .outerjoin(RIGHT_JUDGMENT, _is_choice(study, RIGHT_JUDGMENT, 1))
        .where(Participant.study_id == study.id, IS_MAIN, COUNTS)
        .subquery()
    )
    changed = answers.c.choice != answers.c.previous
    return Counter(db.scalars(select(answers.c.participant_id).where(changed)))


def _is_choice(study: Study, judgment: type[Judgment], slot: int) -> ColumnElement[bool]:
    """Return the condition that joins the judgment of a slot in trials with two alternatives."""
    protocol = parse_stored_protocol(study.protocol)
    scale = task_of(protocol).CHOICE_SCALE if protocol.candidate_count <= 2 else None
    return and_(
        judgment.trial_id == Response.trial_id, judgment.slot == slot, judgment.scale == scale
    )


def _count_incidents(db: Session, study: Study) -> Counter[int]:
    """Count the images that failed to load, by participant id."""
    query = select(Trial.participant_id).join(Incident).join(Participant)
    return Counter(db.scalars(query.where(Participant.study_id == study.id)))


def _find_webdriver_ids(db: Session, study: Study) -> set[int]:
    automated = Participant.study_id == study.id, Environment.webdriver.is_(True)
    return set(db.scalars(select(Environment.participant_id).join(Participant).where(*automated)))


def _find_repeat_ids(db: Session, study: Study) -> set[int]:
    """Return the ids of participants whose first trial in another linked study was earlier."""
    first_trials = (
        select(
            Identity.person,
            Identity.study_id,
            Identity.participant_id,
            func.min(Trial.started_at).label("began"),
        )
        .join(Trial, Trial.participant_id == Identity.participant_id)
        .where(Identity.person.is_not(None), Trial.started_at.is_not(None))
        .group_by(Identity.person, Identity.study_id, Identity.participant_id)
    )
    here, there = first_trials.subquery(), first_trials.subquery()
    query = select(here.c.participant_id).where(
        here.c.study_id == study.id,
        there.c.study_id != study.id,
        there.c.person == here.c.person,
        there.c.began < here.c.began,
    )
    return set(db.scalars(query))


def apply_rules(summary: ParticipantSummary, rules: PlannedExclusions) -> ParticipantSummary:
    """Return the summary with the exclusion rules that apply so far.

    Active participants do not count as incomplete, because they may still finish.
    """
    answered = summary.answered_trials
    enough = answered >= max(rules.min_answers, 1)
    planned = max(rules.planned_trials or 0, 1)
    larger_side = max(summary.left_answers, summary.right_answers)
    applies = {
        "screened_out": summary.outcome is Outcome.SCREENED_OUT,
        "returned": summary.outcome is Outcome.RETURNED,
        "repeated": summary.took_part_before and not rules.allow_repeated,
        "incomplete": summary.outcome not in (Outcome.ACTIVE, Outcome.SCREENED_OUT)
        and summary.completed_trials / planned < rules.min_completed_fraction,
        "attention_checks": fails_attention_checks(summary, rules),
        "too_fast": enough and summary.fast_answers / answered > rules.max_fast_fraction,
        "side_bias": enough and larger_side / answered > rules.side_max_fraction,
        "alternation": enough
        and answered > 1
        and summary.alternations / (answered - 1) > rules.alternation_max_fraction,
        "timing": enough and summary.disturbed_trials / answered > rules.flagged_max_fraction,
    }
    reasons = tuple(rule for rule, is_met in applies.items() if is_met)
    return replace(summary, reasons=reasons)


def fails_attention_checks(summary: ParticipantSummary, rules: PlannedExclusions) -> bool:
    """Return whether failed attention checks exclude this participant.

    They never do if fewer than `attention_checks_min_planned` were planned.
    """
    planned = summary.attention_checks_planned
    return planned >= rules.attention_checks_min_planned and not passes_attention_checks(
        summary, rules
    )


def passes_attention_checks(summary: ParticipantSummary, rules: PlannedExclusions) -> bool:
    """Return whether enough attention checks were correct, or some are not answered yet."""
    needed = required_attention_checks_correct(rules, summary.attention_checks_planned)
    return not summary.saw_all_attention_checks or summary.attention_checks_correct >= needed


def required_attention_checks_correct(rules: PlannedExclusions, planned: int) -> int:
    """Return how many attention checks must be correct: the plan's number, or 80% by default."""
    needed = rules.attention_checks_min_correct
    return planned - planned // TRIALS_PER_ALLOWED_MISS if needed is None else needed
