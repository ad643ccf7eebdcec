"""Score answers: correct counts, attention checks, exposures, feedback and completion codes."""

import hashlib
import hmac
from collections import defaultdict

from sqlalchemy import ColumnElement, Connection, bindparam, select, update
from sqlalchemy.orm import Session

from study_server.participants.current_trial import CurrentTrial
from study_server.participants.queries import (
    RESPONSE_TABLE,
    SELECT_JUDGED_CANDIDATES,
    SELECT_TRIAL_AT_PLACE,
    STIMULUS_TABLE,
    TRIAL_STIMULUS_TABLE,
    TRIAL_TABLE,
    UPDATE_EXPOSURE,
)
from study_server.protocol.model import parse_stored_protocol, task_of
from study_server.protocol.staircase import next_exposure
from study_server.storage.models import Participant
from study_server.tasks.task import Feedback, JudgedCandidate
from study_server.vocabulary import Outcome, TrialKind

UPDATE_ATTENTION_PASSED = (
    update(RESPONSE_TABLE)
    .where(RESPONSE_TABLE.c.trial_id == bindparam("row"))
    .values(attention_passed=bindparam("is_passed"))
)


def is_qualified(db: Session, participant: Participant) -> bool:
    """Return whether enough qualification trials were answered correctly."""
    protocol = parse_stored_protocol(participant.study.protocol)
    correct, answered = count_correct(db, participant, TrialKind.QUALIFICATION)
    return correct >= protocol.qualification_min_correct * answered


def count_correct(
    db: Session, participant: Participant, kind: TrialKind = TrialKind.TEST
) -> tuple[int, int]:
    """Return (correct, answered) trials of a kind, without voided and repeated trials."""
    task = task_of(parse_stored_protocol(participant.study.protocol))
    judged = _load_judged_candidates(
        db.connection(),
        TRIAL_TABLE.c.participant_id == participant.id,
        TRIAL_TABLE.c.kind == kind,
        TRIAL_TABLE.c.voided.is_(False),
        TRIAL_TABLE.c.repeat_of.is_(None),
    )
    results = [task.is_correct(candidates) for candidates in judged.values()]
    return sum(result is True for result in results), len(results)


def final_score(db: Session, participant: Participant) -> dict[str, int] | None:
    """Return the numbers of correct answers and of test trials; None if answers cannot be right."""
    if not task_of(parse_stored_protocol(participant.study.protocol)).HAS_TRUTH:
        return None
    correct, trials = count_correct(db, participant)
    return {"correct": correct, "trials": trials}


def _load_judged_candidates(
    db: Connection, *conditions: ColumnElement[bool]
) -> dict[int, list[JudgedCandidate]]:
    """Return the candidates of answered trials that meet the conditions, by trial and slot."""
    judged: dict[int, dict[int, JudgedCandidate]] = defaultdict(dict)
    values: dict[tuple[int, int], dict[str, float]] = defaultdict(dict)
    for trial, slot, image, method, scale, value in db.execute(
        SELECT_JUDGED_CANDIDATES.where(*conditions)
    ):
        values[trial, slot][scale] = value
        judged[trial][slot] = JudgedCandidate(slot, image, method, values[trial, slot])
    return {trial: list(candidates.values()) for trial, candidates in judged.items()}


def decide_attention_check(db: Connection, trial: CurrentTrial) -> None:
    """Store whether an attention check that has just been answered was passed.

    Attention checks of a participant that show the same source images are decided together.
    """
    shown = (
        select(STIMULUS_TABLE.c.image)
        .join(TRIAL_STIMULUS_TABLE)
        .where(TRIAL_STIMULUS_TABLE.c.trial_id == trial.id)
    )
    judged = _load_judged_candidates(
        db,
        TRIAL_TABLE.c.participant_id == trial.participant.id,
        TRIAL_TABLE.c.kind == TrialKind.ATTENTION,
        TRIAL_TABLE.c.voided.is_(False),
        STIMULUS_TABLE.c.image.in_(shown),
    )
    candidates = [one for trial_candidates in judged.values() for one in trial_candidates]
    is_passed = task_of(trial.participant.protocol).passes_attention_check(candidates)
    if is_passed is not None:
        db.execute(
            UPDATE_ATTENTION_PASSED, [{"row": row, "is_passed": is_passed} for row in judged]
        )


def decide_next_exposure(db: Connection, trial: CurrentTrial) -> None:
    """Store the exposure of the trial after an answered test trial of a staircase.

    Voided trials and those shown again after too many interruptions do not count as answers.
    """
    staircase = trial.participant.protocol.staircase
    if staircase is None or trial.kind is not TrialKind.TEST:
        return
    following = db.execute(
        SELECT_TRIAL_AT_PLACE,
        {"participant_id": trial.participant.id, "place": trial.place + 1},
    ).one_or_none()
    if following is None:
        return
    judged = _load_judged_candidates(
        db,
        TRIAL_TABLE.c.participant_id == trial.participant.id,
        TRIAL_TABLE.c.block == following.block,
        TRIAL_TABLE.c.kind == TrialKind.TEST,
        TRIAL_TABLE.c.voided.is_(False),
        TRIAL_TABLE.c.reshown.is_(False),
    )
    is_correct = task_of(trial.participant.protocol).is_correct
    exposure_ms = next_exposure(staircase, (is_correct(one) is True for one in judged.values()))
    db.execute(UPDATE_EXPOSURE, {"row": following.id, "shown_for_ms": exposure_ms})


def build_feedback(db: Connection, trial: CurrentTrial) -> Feedback | None:
    """Return the feedback to an answered trial, or None for kinds of trials that have none."""
    if not trial.participant.protocol.gives_feedback(trial.kind):
        return None
    judged = _load_judged_candidates(db, TRIAL_TABLE.c.id == trial.id)
    return task_of(trial.participant.protocol).give_feedback(judged[trial.id])


def completion_code(participant: Participant) -> str | None:
    """Return the completion code, or None unless the participant is complete."""
    if participant.outcome is not Outcome.COMPLETE:
        return None
    digest = hmac.digest(
        participant.study.identity_key, f"code:{participant.public_id}".encode(), hashlib.sha256
    )
    return digest.hex()[:10].upper()
