"""A summary of each participant, and the exclusion rules they meet so far.

The report also excludes single trials by their response time (docs/formats.md). A test compares
both over random studies.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Executable, func, select
from sqlalchemy.orm import Session

from study_server.participants.outcomes import current_outcome_column
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Identity, Participant, Study, Trial
from study_server.studies.design import PlannedExclusions
from study_server.studies.exclusion_rules import (
    exclusion_rules_of,
    required_attention_checks_correct,
)
from study_server.studies.stored_counts import load_counts
from study_server.studies.trial_counts import CountsByName, TrialCounts, count_trials
from study_server.vocabulary import Mode, Outcome, RecruitmentSource

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
TOUCH_SCREEN, MOUSE_OR_KEYBOARD = "touch screen", "mouse or keyboard"


@dataclass(kw_only=True)
class ParticipantSummary(TrialCounts):
    """A participant and the counts of their trials.

    took_part_before: in another linked study of this server, with an earlier first trial. reasons:
    the exclusion rules that apply.
    """

    public_id: str
    source: RecruitmentSource
    outcome: Outcome
    started_at: datetime
    finished_at: datetime | None
    attention_checks_planned: int
    id: int = 0
    language: str = "en"
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

    @property
    def device(self) -> str:
        """The kind of device, as in the report: by the input of the answers; empty without any."""
        if not self.answered_trials:
            return ""
        return TOUCH_SCREEN if self.touch_answers else MOUSE_OR_KEYBOARD

    @property
    def is_automated(self) -> bool:
        """True if there are signs of automation, which exclude nobody."""
        return self.has_webdriver or self.scripted_answers > 0


def list_participant_summaries(
    db: Session, study: Study, mode: Mode = Mode.LIVE, at_most: int | None = None
) -> list[ParticipantSummary]:
    """Return summaries of all participants of a mode, the latest first.

    at_most: as for `load_counts`, which leaves out participants whose trials are not counted yet.
    """
    people = Participant.study_id == study.id, Participant.mode == mode
    return _summarize(db, study, load_counts(db, study, mode, at_most), *people)


def summarize_participant(
    db: Session, study: Study, participant: Participant
) -> ParticipantSummary:
    """Return the summary of one participant."""
    fast_ms = exclusion_rules_of(study).fast_ms
    counts = vars(count_trials(db, study, [participant.id], fast_ms)[participant.id])
    own = {participant.id: counts}
    (summary,) = _summarize(db, study, own, Participant.id == participant.id)
    return summary


def _summarize(
    db: Session,
    study: Study,
    counts: Mapping[int, CountsByName],
    *conditions: ColumnElement[bool],
) -> list[ParticipantSummary]:
    rules = exclusion_rules_of(study)
    repeat_ids, checks = _find_repeat_ids(db, study), rules.attention_checks_planned or 0
    summaries = []
    outcome_now = current_outcome_column(parse_stored_protocol(study.protocol))
    for id_, public_id, source, outcome, language, started_at, finished_at in db.execute(
        _select_people(outcome_now, conditions)
    ):
        if id_ not in counts:  # they are not counted yet, or have enrolled in the meantime
            continue
        summary = ParticipantSummary(
            **counts[id_],
            id=id_,
            public_id=public_id,
            source=source,
            outcome=Outcome(outcome),
            language=language,
            started_at=started_at,
            finished_at=finished_at,
            attention_checks_planned=checks,
            took_part_before=id_ in repeat_ids,
        )
        summary.reasons = find_reasons(summary, rules)
        summaries.append(summary)
    return summaries


def _select_people(
    outcome_now: ColumnElement[str], conditions: Iterable[ColumnElement[bool]]
) -> Executable:
    columns = (
        Participant.id, Participant.public_id, Participant.source, outcome_now,
        Participant.language, Participant.started_at, Participant.finished_at,
    )  # fmt: skip
    newest_first = Participant.started_at.desc(), Participant.id.desc()
    return select(*columns).where(*conditions).order_by(*newest_first)


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


def find_reasons(summary: ParticipantSummary, rules: PlannedExclusions) -> tuple[str, ...]:
    """Return the exclusion rules that apply so far.

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
    return tuple(rule for rule, is_met in applies.items() if is_met)


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
