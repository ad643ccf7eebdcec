"""The rows that leave the database, table by table; those of trials a thousand at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, extract, func, select, text
from sqlalchemy.orm import Session

from study_server.export.codebook import PARTICIPANTS
from study_server.participants.scoring import attention_check_is_correct
from study_server.storage.models import (
    Environment,
    Incident,
    Participant,
    Response,
    Screening,
    Stimulus,
    Study,
    Trial,
    Unblinding,
)
from study_server.vocabulary import SCRIPT, Kind, Mode

AT_ONCE = 1000  # rows in memory
Row = dict[str, object]


def select_responses(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> Iterator[Row]:
    """A row a trial that was shown. blinded: live ones without what tells the truth."""
    hidden = dict.fromkeys(telling(study), "") if blinded else {}
    for row in _select_view(db, "responses_export", study, modes):
        yield row | hidden if row["mode"] == Mode.LIVE else row


def telling(study: Study) -> tuple[str, ...]:
    """What tells the truth; an image that is shown alone is real or fake by its method."""
    return ("truth", "method", "image") if study.presentation == "single" else ("truth",)


def select_timing(db: Session, study: Study, modes: Collection[Mode]) -> Iterator[Row]:
    """A row a trial that was shown."""
    return _select_view(db, "timing_export", study, modes)


def _select_view(db: Session, view: str, study: Study, modes: Collection[Mode]) -> Iterator[Row]:
    query = text(
        f"SELECT * FROM {view} WHERE study = :study AND mode IN :modes "
        "ORDER BY participant, position"
    ).bindparams(bindparam("modes", expanding=True))
    values = {"study": study.slug, "modes": [str(mode) for mode in modes]}
    rows = db.execute(query, values, execution_options={"yield_per": AT_ONCE})
    yield from map(dict, rows.mappings())


def list_incidents(db: Session, study: Study, modes: Collection[Mode]) -> list[Row]:
    query = (
        select(
            Participant.name.label("participant"),
            Participant.mode,
            Trial.kind,
            Stimulus.image,
            Incident.place,
            Incident.status,
            Incident.reported_at,
        )
        .select_from(Incident)
        .join(Trial)
        .join(Participant)
        .join(Stimulus, Stimulus.id == func.coalesce(Trial.fake_id, Trial.real_id))
        .where(Participant.study_id == study.id, Participant.mode.in_(modes))
        .order_by(Participant.name, Incident.reported_at)
    )
    rows = [dict(row) for row in db.execute(query).mappings()]
    return [row | {"study": study.slug, "reported_at": iso(row["reported_at"])} for row in rows]


LEAST_RT_MS = 100  # seeing and pressing take that long (Luce 1986, after Whelan 2008)
ROUNDING_MS = 1000


def list_participants(db: Session, study: Study, modes: Collection[Mode]) -> list[Row]:
    query = (
        select(Participant, Environment, Screening)
        .outerjoin(Environment)
        .outerjoin(Screening)
        .where(Participant.study_id == study.id, Participant.mode.in_(modes))
        .order_by(Participant.name)
    )
    counts, methods, inputs = _counts(db, study), _methods(db, study), _inputs(db, study)
    return [
        _participant(study, person, environment, screening)
        | counts[person.id]
        | {"methods": " ".join(methods[person.id]), "inputs": " ".join(inputs[person.id])}
        for person, environment, screening in db.execute(query)
    ]


def _participant(
    study: Study, person: Participant, environment: Environment | None, screening: Screening | None
) -> Row:
    row: Row = dict.fromkeys(PARTICIPANTS, "")
    for column in PARTICIPANTS:
        for table in (person, environment, screening):
            row[column] = getattr(table, column, row[column])
    for column in ("started_at", "finished_at"):
        row[column] = iso(row[column])
    return row | {"study": study.slug, "participant": person.name}


def iso(moment: object) -> str:
    return moment.isoformat("T", "milliseconds") if isinstance(moment, datetime) else ""


def _counts(db: Session, study: Study) -> dict[int, Row]:
    """By participant."""
    attention_checks = Trial.kind == Kind.ATTENTION
    right = attention_check_is_correct(study.question)
    query = (
        select(
            Trial.participant_id,
            func.count().label("trials_planned"),
            func.count(Response.trial_id).label("trials_answered"),
            func.count().filter(attention_checks).label("attention_checks_planned"),
            func.count().filter(attention_checks & right).label("attention_checks_correct"),
            func.count().filter(Response.rt_ms < LEAST_RT_MS).label("impossible_rt"),
            func.count().filter(_too_soon()).label("too_soon"),
            func.count().filter(Response.input == SCRIPT).label("scripted"),
        )
        .join(Participant)
        .outerjoin(Response)
        .where(Participant.study_id == study.id, Trial.voided.is_(False))
        .group_by(Trial.participant_id)
    )
    return {row.pop("participant_id"): row for row in map(dict, db.execute(query).mappings())}


def _too_soon() -> ColumnElement[bool]:
    """The answer came before its images can have been seen and answered, by the server's clock."""
    began, came = (
        extract("epoch", moment) for moment in (Trial.started_at, Response.received_at)
    )  # whole seconds on SQLite
    told_ms = Response.first_ms + func.coalesce(Response.second_ms, 0) + Response.rt_ms
    return 1000 * (came - began) + ROUNDING_MS < told_ms


def _methods(db: Session, study: Study) -> dict[int, list[str]]:
    query = (
        select(Trial.participant_id, Stimulus.method)
        .join(Stimulus, Trial.fake_id == Stimulus.id)
        .where(Stimulus.study_id == study.id, Trial.kind == Kind.TEST)
        .distinct()
        .order_by(Trial.participant_id, Stimulus.method)
    )
    return _by_participant(db.execute(query))


def _inputs(db: Session, study: Study) -> dict[int, list[str]]:
    query = (
        select(Trial.participant_id, Response.input)
        .join(Response)
        .join(Participant)
        .where(Participant.study_id == study.id, Trial.voided.is_(False), Response.input != "")
        .distinct()
        .order_by(Trial.participant_id, Response.input)
    )
    return _by_participant(db.execute(query))


def _by_participant(rows: Iterable[Sequence[Any]]) -> dict[int, list[str]]:
    told: dict[int, list[str]] = defaultdict(list)
    for participant_id, word in rows:
        told[participant_id].append(word)
    return told


def list_unblinding(db: Session, study: Study) -> list[Row]:
    """Who took the truth while the study was blinded, and when."""
    looks = select(Unblinding).where(Unblinding.study_id == study.id).order_by(Unblinding.id)
    return [
        {
            "study": study.slug,
            "unblinded_at": iso(look.unblinded_at),
            "by": look.by,
            "complete": look.complete,
        }
        for look in db.scalars(looks)
    ]
