"""The SQL statements of requests that occur in every trial, built once at import."""

from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import joinedload

from study_server.storage.models import Base, Participant, Response, Trial

SELECT_PARTICIPANT = select(Participant).where(Participant.token == bindparam("token"))
SELECT_PARTICIPANT_FOR_UPDATE = SELECT_PARTICIPANT.with_for_update(of=Participant).options(
    joinedload(Participant.study, innerjoin=True)
)
SELECT_TRIAL = (
    select(Trial)
    .where(Trial.token == bindparam("token"))
    .where(Trial.participant_id == bindparam("participant_id"))
    .options(joinedload(Trial.response))
)
SELECT_UNANSWERED_TRIALS = (
    select(Trial)
    .outerjoin(Response)
    .where(Trial.participant_id == bindparam("participant_id"), Trial.started_at.is_not(None))
    .where(Trial.voided.is_(False), Response.trial_id.is_(None))
    .order_by(Trial.place)
)
PARTICIPANT_TABLE, TRIAL_TABLE, RESPONSE_TABLE, STUDY_TABLE = (
    Base.metadata.tables[name] for name in ("participant", "trial", "response", "study")
)
TRIAL_STIMULUS_TABLE, STIMULUS_TABLE, JUDGMENT_TABLE = (
    Base.metadata.tables[name] for name in ("trial_stimulus", "stimulus", "judgment")
)
SELECT_LANGUAGE = select(PARTICIPANT_TABLE.c.language).where(
    PARTICIPANT_TABLE.c.token == bindparam("token")
)
LOCK_PARTICIPANT = (
    select(PARTICIPANT_TABLE.c.id)
    .where(PARTICIPANT_TABLE.c.token == bindparam("token"))
    .with_for_update()
)
SELECT_CURRENT_TRIAL = (
    select(
        # the fields of CurrentParticipant, in their order, then those of CurrentTrial
        *PARTICIPANT_TABLE.c["id", "study_id", "language", "outcome", "started_at", "last_seen_at"],
        STUDY_TABLE.c.protocol,
        *TRIAL_TABLE.c["id", "kind", "place", "attempt", "exposure_ms", "started_at", "voided"],
        RESPONSE_TABLE.c.trial_id.is_not(None),
    )
    .select_from(TRIAL_TABLE)
    .join(PARTICIPANT_TABLE)
    .join(STUDY_TABLE)
    .join(RESPONSE_TABLE, isouter=True)
    .where(
        TRIAL_TABLE.c.token == bindparam("trial_token"),
        PARTICIPANT_TABLE.c.token == bindparam("token"),
    )
)
UPDATE_PARTICIPANT = update(PARTICIPANT_TABLE).where(PARTICIPANT_TABLE.c.id == bindparam("row"))
UPDATE_LAST_SEEN = UPDATE_PARTICIPANT.values(last_seen_at=bindparam("at"))
UPDATE_OUTCOME = UPDATE_PARTICIPANT.values(outcome=bindparam("now_is"))
UPDATE_STARTED_AT = (
    update(TRIAL_TABLE)
    .where(TRIAL_TABLE.c.id == bindparam("row"))
    .values(started_at=bindparam("at"))
)
SELECT_TRIAL_AT_PLACE = select(*TRIAL_TABLE.c["id", "block"]).where(
    TRIAL_TABLE.c.participant_id == bindparam("participant_id"),
    TRIAL_TABLE.c.place == bindparam("place"),
    TRIAL_TABLE.c.voided.is_(False),
)
UPDATE_EXPOSURE = (
    update(TRIAL_TABLE)
    .where(TRIAL_TABLE.c.id == bindparam("row"))
    .values(exposure_ms=bindparam("shown_for_ms"))
)
IS_PARTICIPANTS_TRIAL = (
    TRIAL_TABLE.c.participant_id == bindparam("participant_id"),
    TRIAL_TABLE.c.voided.is_(False),
)
COUNT_TRIALS = (
    select(func.count()).select_from(TRIAL_TABLE).where(*IS_PARTICIPANTS_TRIAL).correlate(None)
)
PROGRESS_COLUMNS = (
    COUNT_TRIALS.join(RESPONSE_TABLE).scalar_subquery().label("answered"),
    COUNT_TRIALS.scalar_subquery().label("planned"),
)
SELECT_PROGRESS = select(*PROGRESS_COLUMNS)
UPCOMING = (
    select(
        *TRIAL_TABLE.c["id", "token", "kind", "place", "block", "exposure_ms"], *PROGRESS_COLUMNS
    )
    .select_from(TRIAL_TABLE)
    .join(RESPONSE_TABLE, isouter=True)
    .where(*IS_PARTICIPANTS_TRIAL, RESPONSE_TABLE.c.trial_id.is_(None))
    .order_by(TRIAL_TABLE.c.place)
    .limit(bindparam("limit"))
    .subquery()
)
# one row per stimulus of each trial
SELECT_UPCOMING_STIMULI: Select[Any] = (
    select(
        *UPCOMING.c["token", "kind", "place", "block", "exposure_ms", "answered", "planned"],
        *TRIAL_STIMULUS_TABLE.c["role", "appears"],
        STIMULUS_TABLE.c.caption,
    )
    .join(TRIAL_STIMULUS_TABLE, TRIAL_STIMULUS_TABLE.c.trial_id == UPCOMING.c.id)
    .join(STIMULUS_TABLE, STIMULUS_TABLE.c.id == TRIAL_STIMULUS_TABLE.c.stimulus_id)
    .order_by(UPCOMING.c.place, TRIAL_STIMULUS_TABLE.c.slot)
)
# one row per scale of each candidate
SELECT_JUDGED_CANDIDATES = (
    select(
        TRIAL_TABLE.c.id,
        TRIAL_STIMULUS_TABLE.c.slot,
        *STIMULUS_TABLE.c["image", "method"],
        *JUDGMENT_TABLE.c["scale", "value"],
    )
    .select_from(TRIAL_TABLE)
    .join(TRIAL_STIMULUS_TABLE)
    .join(STIMULUS_TABLE)
    .join(
        JUDGMENT_TABLE,
        (JUDGMENT_TABLE.c.trial_id == TRIAL_STIMULUS_TABLE.c.trial_id)
        & (JUDGMENT_TABLE.c.slot == TRIAL_STIMULUS_TABLE.c.slot),
    )
    .order_by(TRIAL_TABLE.c.place, TRIAL_STIMULUS_TABLE.c.slot)
)
