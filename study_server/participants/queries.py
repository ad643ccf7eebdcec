"""The SQL statements that requests at every trial use, built once."""

from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import joinedload

from study_server.storage.models import Base, Participant, Response, Trial

# the statements of every request, built once
PARTICIPANT = select(Participant).where(Participant.token == bindparam("token"))
PARTICIPANT_LOCKED = PARTICIPANT.with_for_update(of=Participant).options(
    joinedload(Participant.study, innerjoin=True)
)
TRIAL = (
    select(Trial)
    .where(Trial.token == bindparam("token"))
    .where(Trial.participant_id == bindparam("participant_id"))
    .options(joinedload(Trial.response))
)
UNDER_WAY = (
    select(Trial)
    .outerjoin(Response)
    .where(Trial.participant_id == bindparam("participant_id"), Trial.started_at.is_not(None))
    .where(Trial.voided.is_(False), Response.trial_id.is_(None))
    .order_by(Trial.slot)
)
PEOPLE, TRIALS, ANSWERS, STUDIES = (
    Base.metadata.tables[name] for name in ("participant", "trial", "response", "study")
)
LANGUAGE = select(PEOPLE.c.language).where(PEOPLE.c.token == bindparam("token"))
LOCK = select(PEOPLE.c.id).where(PEOPLE.c.token == bindparam("token")).with_for_update()
SHOWING = (
    select(
        *PEOPLE.c["id", "language", "outcome", "started_at", "last_seen_at"],  # as Person has them
        STUDIES.c.protocol,
        *TRIALS.c["id", "kind", "attempt", "fake_id", "fake_side", "started_at", "voided"],
        ANSWERS.c.answer,  # as Showing has them
    )
    .select_from(TRIALS)
    .join(PEOPLE)
    .join(STUDIES)
    .join(ANSWERS, isouter=True)
    .where(TRIALS.c.token == bindparam("trial_token"), PEOPLE.c.token == bindparam("token"))
)
NOTE_PERSON = update(PEOPLE).where(PEOPLE.c.id == bindparam("row"))
NOTE_SEEN = NOTE_PERSON.values(last_seen_at=bindparam("at"))
NOTE_OUTCOME = NOTE_PERSON.values(outcome=bindparam("now_is"))
NOTE_START = (
    update(TRIALS).where(TRIALS.c.id == bindparam("row")).values(started_at=bindparam("at"))
)
OF_PERSON = TRIALS.c.participant_id == bindparam("participant_id"), TRIALS.c.voided.is_(False)
COUNT = select(func.count()).select_from(TRIALS).where(*OF_PERSON).correlate(None)
HOW_FAR = (
    COUNT.join(ANSWERS).scalar_subquery().label("answered"),
    COUNT.scalar_subquery().label("planned"),
)
PROGRESS = select(*HOW_FAR)
AHEAD: Select[Any] = (
    select(*TRIALS.c["token", "kind", "slot", "exposure_ms", "fake_side", "first_side"], *HOW_FAR)
    .select_from(TRIALS)
    .join(ANSWERS, isouter=True)
    .where(*OF_PERSON, ANSWERS.c.trial_id.is_(None))
    .order_by(TRIALS.c.slot)
    .limit(bindparam("limit"))
)
