"""Collect the rows of participants.csv, with counts of each participant's trials."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, extract, func, select
from sqlalchemy.orm import Session

from study_server.export.codebook import PARTICIPANT_COLUMNS
from study_server.export.rows import ExportRow, format_moment
from study_server.storage.models import (
    Environment,
    Identity,
    Participant,
    Response,
    Screening,
    Stimulus,
    Study,
    Trial,
    TrialStimulus,
)
from study_server.vocabulary import (
    FOIL_METHOD,
    REAL_METHOD,
    SCRIPT_INPUT,
    Mode,
    StimulusRole,
    TrialKind,
)

MIN_PLAUSIBLE_RT_MS = 100  # the fastest possible reaction (Luce 1986, cited in Whelan 2008)


CLOCK_TOLERANCE_MS = 1000  # SQLite's epoch has whole seconds


def list_participants(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> list[ExportRow]:
    """Return one row per participant.

    blinded: whether to leave out the methods of live participants who saw one image at a time. If
    there is one method per participant, it says what each answer is about.
    """
    is_hidden = blinded and study.presentation == "single"
    query = (
        select(Participant, Identity.person, Environment, Screening)
        .outerjoin(Identity)
        .outerjoin(Environment, Environment.participant_id == Participant.id)
        .outerjoin(Screening, Screening.participant_id == Participant.id)
        .where(Participant.study_id == study.id, Participant.mode.in_(modes))
        .order_by(Participant.public_id)
    )
    counts, methods, inputs = (
        _trial_counts(db, study),
        _tested_methods(db, study),
        _input_types(db, study),
    )
    return [
        _participant_row(study, participant, environment, screening)
        | counts[participant.id]
        | {
            "person": person or "",
            "methods": ""
            if is_hidden and participant.mode is Mode.LIVE
            else " ".join(methods[participant.id]),
            "inputs": " ".join(inputs[participant.id]),
        }
        for participant, person, environment, screening in db.execute(query)
    ]


def _participant_row(
    study: Study,
    participant: Participant,
    environment: Environment | None,
    screening: Screening | None,
) -> ExportRow:
    row: ExportRow = dict.fromkeys(PARTICIPANT_COLUMNS, "")
    for column in PARTICIPANT_COLUMNS:
        for table in (participant, environment, screening):
            row[column] = getattr(table, column, row[column])
    for column in ("started_at", "finished_at"):
        row[column] = format_moment(row[column])
    return row | {"study": study.slug, "participant": participant.public_id}


def _trial_counts(db: Session, study: Study) -> dict[int, ExportRow]:
    """Return the numbers of trials and of suspicious answers by participant."""
    attention_checks = Trial.kind == TrialKind.ATTENTION
    query = (
        select(
            Trial.participant_id,
            func.count().label("trials_planned"),
            func.count(Response.trial_id).label("trials_answered"),
            func.count().filter(attention_checks).label("attention_checks_planned"),
            func.count()
            .filter(attention_checks & Response.attention_passed)
            .label("attention_checks_correct"),
            func.count().filter(Response.rt_ms < MIN_PLAUSIBLE_RT_MS).label("impossible_rt"),
            func.count().filter(_is_implausibly_early()).label("too_soon"),
            func.count().filter(Response.input == SCRIPT_INPUT).label("scripted"),
        )
        .join(Participant)
        .outerjoin(Response)
        .where(Participant.study_id == study.id, Trial.voided.is_(False))
        .group_by(Trial.participant_id)
    )
    return {row.pop("participant_id"): row for row in map(dict, db.execute(query).mappings())}


def _is_implausibly_early() -> ColumnElement[bool]:
    """Return the condition that an answer arrived before its images could have been seen.

    The server's clock is compared with the exposures and response time that the browser claims.
    """
    started, received = (
        extract("epoch", moment) for moment in (Trial.started_at, Response.received_at)
    )
    claimed_ms = Response.first_ms + func.coalesce(Response.second_ms, 0) + Response.rt_ms
    return 1000 * (received - started) + CLOCK_TOLERANCE_MS < claimed_ms


def _tested_methods(db: Session, study: Study) -> dict[int, list[str]]:
    query = (
        select(Trial.participant_id, Stimulus.method)
        .join(TrialStimulus, TrialStimulus.trial_id == Trial.id)
        .join(Stimulus)
        .where(
            Stimulus.study_id == study.id,
            Stimulus.method.not_in((REAL_METHOD, FOIL_METHOD)),
            Trial.kind == TrialKind.TEST,
            TrialStimulus.role == StimulusRole.CANDIDATE,
        )
        .distinct()
        .order_by(Trial.participant_id, Stimulus.method)
    )
    return _group_by_participant(db.execute(query))


def _input_types(db: Session, study: Study) -> dict[int, list[str]]:
    query = (
        select(Trial.participant_id, Response.input)
        .join(Response)
        .join(Participant)
        .where(Participant.study_id == study.id, Trial.voided.is_(False), Response.input != "")
        .distinct()
        .order_by(Trial.participant_id, Response.input)
    )
    return _group_by_participant(db.execute(query))


def _group_by_participant(rows: Iterable[Sequence[Any]]) -> dict[int, list[str]]:
    values_by_participant: dict[int, list[str]] = defaultdict(list)
    for participant_id, value in rows:
        values_by_participant[participant_id].append(value)
    return values_by_participant
