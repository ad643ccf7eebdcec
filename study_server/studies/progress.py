"""The progress of a study, in numbers that reveal nothing about its rates."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median

from sqlalchemy.orm import Session

from study_server.storage.models import Study
from study_server.studies import lookup
from study_server.studies.exclusion_counts import (
    ParticipantSummary,
    list_participant_summaries,
    passes_attention_checks,
)
from study_server.studies.exclusion_rules import exclusion_rules_of
from study_server.studies.unblinding import is_blinded, planned_participants
from study_server.vocabulary import Mode, Outcome, StudyState


@dataclass(frozen=True)
class StudyProgress:
    """The progress of the participants of one mode. Shares are in [0, 1].

    started: participants who ever started, including withdrawn ones. unsuitable_count: browsers
    that were turned away before consent because of their device. planned: planned number of
    complete participants. participants_by_outcome of live participants also counts previews and
    simulations. median_minutes: median duration of complete participants.
    attention_check_pass_rate: share of participants who passed, among those who answered all
    attention checks. attention_checks_exclude: whether failures exclude participants.
    disturbed_share: share of answered test trials and attention checks. incident_count: images that
    failed to load. excluded_by_rule: number of participants that meet each exclusion rule.
    excluded_count: number of participants that meet any rule.
    """

    study: str
    state: StudyState
    is_frozen: bool
    is_blinded: bool
    started: int
    unsuitable_count: int
    planned: int | None
    participants_by_outcome: dict[str, int]
    response_count: int
    median_minutes: float | None
    attention_check_pass_rate: float | None
    attention_checks_exclude: bool
    disturbed_share: float | None
    incident_count: int
    excluded_by_rule: dict[str, int]
    excluded_count: int

    def as_json(self) -> dict[str, object]:
        """Return the fields as a dict for JSON."""
        return asdict(self)


def measure_progress(
    db: Session,
    study: Study,
    mode: Mode = Mode.LIVE,
    summaries: Sequence[ParticipantSummary] | None = None,
) -> StudyProgress:
    """Measure the progress of a study.

    summaries: those of all participants of this mode; loaded if None.
    """
    people = list_participant_summaries(db, study, mode) if summaries is None else summaries
    rules, is_live = exclusion_rules_of(study), mode is Mode.LIVE
    passed = [
        passes_attention_checks(person, rules)
        for person in people
        if person.saw_all_attention_checks
    ]
    answered = sum(person.answered_trials for person in people)
    return StudyProgress(
        study=study.slug,
        state=study.state,
        is_frozen=study.design is not None,
        is_blinded=is_blinded(db, study),
        started=len(people) + (study.withdrawn_count if is_live else 0),
        unsuitable_count=study.unsuitable_count if is_live else 0,
        planned=planned_participants(study),
        participants_by_outcome=lookup.count_by_outcome(db, study)
        if is_live
        else count_outcomes(people),
        response_count=sum(person.responses for person in people),
        median_minutes=_median_minutes(people),
        attention_check_pass_rate=_share_or_none(sum(passed), len(passed)),
        attention_checks_exclude=any(
            p.attention_checks_planned >= rules.attention_checks_min_planned for p in people
        ),
        disturbed_share=_share_or_none(sum(person.disturbed_trials for person in people), answered),
        incident_count=sum(person.incident_count for person in people),
        excluded_by_rule=dict(Counter(reason for person in people for reason in person.reasons)),
        excluded_count=sum(bool(person.reasons) for person in people),
    )


def count_outcomes(people: Iterable[ParticipantSummary]) -> dict[str, int]:
    """Count participants by outcome."""
    counts = Counter(person.outcome for person in people)
    return {str(outcome): counts[outcome] for outcome in Outcome}


def _median_minutes(people: Sequence[ParticipantSummary]) -> float | None:
    took = [p.duration for p in people if p.outcome is Outcome.COMPLETE and p.duration is not None]
    return median(duration / timedelta(minutes=1) for duration in took) if took else None


def _share_or_none(part: int, whole: int) -> float | None:
    return part / whole if whole else None
