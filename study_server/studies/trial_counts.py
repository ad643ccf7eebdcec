"""The counts of a participant's trials, which the pages and the exclusion rules need.

The database counts, in the way of the report (docs/formats.md).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from study_server.protocol.model import parse_stored_protocol, task_of
from study_server.storage.models import (
    Environment,
    Incident,
    Judgment,
    Participant,
    Response,
    Study,
    Trial,
)
from study_server.vocabulary import DISTURBANCE_FLAGS, SCRIPT_INPUT, TrialKind

IDS_PER_STATEMENT = 1000
TOUCH_INPUTS = ("touch", "pen")  # as in the report
FRAME_MS = 1000 / 60  # at 60 Hz, as in the report
ERROR_STEP_MS = 0.5
# Answers to images that were shown again are exported as voided.
COUNTS = Trial.reshown.is_(False)
LEFT_JUDGMENT, RIGHT_JUDGMENT = aliased(Judgment), aliased(Judgment)
IS_MAIN = Trial.voided.is_(False) & Trial.kind.in_((TrialKind.TEST, TrialKind.ATTENTION))


@dataclass  # not frozen, because a page makes thousands of its subclass
class TrialCounts:
    """The counts of one participant.

    Trials are test trials and attention checks, without voided ones; incidents are of all trials.
    left_answers, right_answers: answers that prefer one image of two; ties count for neither.
    completed_trials: answered trials without repeats. alternations: choices between two
    alternatives that differ from the previous one. attention_checks_shown: attention checks that
    have started. scripted_answers: answers from an event that the browser did not create itself.
    has_webdriver: whether the browser reports that it is automated. touch_answers: answers by
    touch or pen. all_answers, all_planned: trials of every kind, without voided ones. responses:
    all stored responses. exposures: images that were shown for a planned time; exposures_off: those
    that were off by more than a frame.
    """

    planned_trials: int
    answered_trials: int
    fast_answers: int
    left_answers: int
    right_answers: int
    disturbed_trials: int
    attention_checks_answered: int
    attention_checks_correct: int
    attention_checks_shown: int
    completed_trials: int
    alternations: int
    incident_count: int
    scripted_answers: int = 0
    has_webdriver: bool = False
    touch_answers: int = 0
    all_answers: int = 0
    all_planned: int = 0
    responses: int = 0
    exposures: int = 0
    exposures_off: int = 0


# The fields of TrialCounts, of which a page reads thousands.
CountsByName = Mapping[str, Any]
# The numbers of exposures by their absolute error, as a number of steps of ERROR_STEP_MS.
ExposureErrors = Mapping[int, int]


def count_trials(
    db: Session, study: Study, ids: Collection[int], fast_ms: float
) -> dict[int, TrialCounts]:
    """Return the counts of these participants of a study, by id.

    fast_ms: the response time below which an answer is too fast.
    """
    counts: dict[int, TrialCounts] = {}
    for batch in split_ids(ids):
        rows = db.execute(_count_query(study, batch, fast_ms)).mappings()
        alternations = _count_alternations(db, study, batch)
        incidents = _count_incidents(db, batch)
        automated = _find_automated(db, batch)
        for row in map(dict, rows):
            id_ = row.pop("id")
            counts[id_] = TrialCounts(
                **row,
                alternations=alternations[id_],
                incident_count=incidents[id_],
                has_webdriver=id_ in automated,
            )
    return counts


def split_ids(ids: Collection[int]) -> Iterator[list[int]]:
    """Yield the ids in batches that a statement can take as parameters."""
    ordered = iter(sorted(ids))
    while batch := list(islice(ordered, IDS_PER_STATEMENT)):
        yield batch


def _count_query(study: Study, ids: Sequence[int], fast_ms: float) -> Executable:
    """Build the query for the counts of participants, labeled as in TrialCounts."""
    checks = IS_MAIN & (Trial.kind == TrialKind.ATTENTION) & Trial.repeat_of.is_(None)
    answered = Response.trial_id.is_not(None)
    main, valid = IS_MAIN & answered & COUNTS, Trial.voided.is_(False)
    shown = Trial.started_at.is_not(None) & COUNTS
    disturbed = or_(*(getattr(Response, flag) for flag in DISTURBANCE_FLAGS))
    left, right = LEFT_JUDGMENT.value, RIGHT_JUDGMENT.value
    conditions = {
        "planned_trials": IS_MAIN,
        "answered_trials": main,
        "fast_answers": main & (Response.rt_ms < fast_ms),
        "left_answers": main & (left < right),
        "right_answers": main & (left > right),
        "disturbed_trials": main & disturbed,
        "scripted_answers": main & (Response.input == SCRIPT_INPUT),
        "touch_answers": main & Response.input.in_(TOUCH_INPUTS),
        "completed_trials": main & Trial.repeat_of.is_(None),
        "attention_checks_answered": checks & answered & COUNTS,
        "attention_checks_shown": checks & shown,
        "attention_checks_correct": checks & COUNTS & Response.attention_passed,
        "all_answers": valid & answered,
        "all_planned": valid & Trial.id.is_not(None),
        "responses": answered,
    }
    first, second = (_find_error(shown) for shown in (Response.first_ms, Response.second_ms))
    return (
        select(
            Participant.id,
            *(func.count().filter(one).label(name) for name, one in conditions.items()),
            _count_both(main, first.is_not(None), second.is_not(None)).label("exposures"),
            _count_both(main, first > FRAME_MS, second > FRAME_MS).label("exposures_off"),
        )
        .select_from(Participant)
        .outerjoin(Trial, Trial.participant_id == Participant.id)
        .outerjoin(Response, Response.trial_id == Trial.id)
        .outerjoin(LEFT_JUDGMENT, _is_choice(study, LEFT_JUDGMENT, 0))
        .outerjoin(RIGHT_JUDGMENT, _is_choice(study, RIGHT_JUDGMENT, 1))
        .where(Participant.id.in_(ids))
        .group_by(Participant.id)
    )


def _find_error(
    shown: InstrumentedAttribute[float] | InstrumentedAttribute[float | None],
) -> ColumnElement[float]:
    """Return the absolute error of an exposure in ms; NULL if its image stayed until the answer."""
    return func.abs(shown - Trial.exposure_ms)


def _count_both(
    main: ColumnElement[bool], first: ColumnElement[bool], second: ColumnElement[bool]
) -> ColumnElement[int]:
    """Return the number of first and second images for which a condition holds."""
    return func.count().filter(main & first) + func.count().filter(main & second)


def _is_choice(study: Study, judgment: type[Judgment], slot: int) -> ColumnElement[bool]:
    """Return the condition that joins the judgment of a slot in trials with two alternatives."""
    protocol = parse_stored_protocol(study.protocol)
    scale = task_of(protocol).CHOICE_SCALE if protocol.candidate_count <= 2 else None
    return and_(
        judgment.trial_id == Response.trial_id, judgment.slot == slot, judgment.scale == scale
    )


def _count_alternations(db: Session, study: Study, ids: Sequence[int]) -> Counter[int]:
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
        .join(LEFT_JUDGMENT, _is_choice(study, LEFT_JUDGMENT, 0))
        .outerjoin(RIGHT_JUDGMENT, _is_choice(study, RIGHT_JUDGMENT, 1))
        .where(Trial.participant_id.in_(ids), IS_MAIN, COUNTS)
        .subquery()
    )
    person, changed = answers.c.participant_id, answers.c.choice != answers.c.previous
    rows = db.execute(select(person, func.count()).where(changed).group_by(person))
    return Counter({row[0]: row[1] for row in rows})


def _count_incidents(db: Session, ids: Sequence[int]) -> Counter[int]:
    """Count the images that failed to load, by participant id."""
    query = select(Trial.participant_id).join(Incident).where(Trial.participant_id.in_(ids))
    return Counter(db.scalars(query))


def _find_automated(db: Session, ids: Sequence[int]) -> set[int]:
    """Return the ids of the participants whose browsers report that they are automated."""
    automated = Environment.webdriver.is_(True), Environment.participant_id.in_(ids)
    return set(db.scalars(select(Environment.participant_id).where(*automated)))


def count_exposure_errors(db: Session, ids: Collection[int]) -> dict[int, ExposureErrors]:
    """Return the exposure errors of the images that these participants saw, by id.

    Images that stay until the answer have none.
    """
    errors: dict[int, dict[int, int]] = {id_: {} for id_ in ids}
    for batch in split_ids(ids):
        parts = [_list_errors(batch, shown) for shown in (Response.first_ms, Response.second_ms)]
        listed = union_all(*parts).subquery()
        person, steps = listed.c.participant_id, listed.c.steps
        counted = select(person, steps, func.count().label("images")).group_by(person, steps)
        for row in db.execute(counted):
            errors[row.participant_id][int(row.steps)] = row.images
    return dict(errors)


def _list_errors(
    ids: Sequence[int], shown: InstrumentedAttribute[float] | InstrumentedAttribute[float | None]
) -> Select[Any]:
    error = _find_error(shown)
    return (
        select(Trial.participant_id, func.round(error / literal(ERROR_STEP_MS)).label("steps"))
        .join(Response)
        .where(Trial.participant_id.in_(ids), IS_MAIN, COUNTS, error.is_not(None))
    )
