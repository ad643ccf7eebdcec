"""Store the planned trials of a participant."""

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from study_server.protocol.schedule import PlannedTrial
from study_server.storage.bulk_insert import Insertion, insert_and_read, insert_rows
from study_server.storage.models import Participant
from study_server.vocabulary import StimulusRole

StimulusIds = Mapping[tuple[str, str], int]  # (image, method) -> id of the stimulus


def insert_trials(
    db: Session,
    participant: Participant,
    planned_trials: Sequence[tuple[int, int, PlannedTrial]],
    ids: StimulusIds,
) -> list[int]:
    """Store planned trials, each with its place in the plan and its attempt; return their ids."""
    rows: list[dict[str, object]] = [
        {
            "participant_id": participant.id,
            "place": place,
            "attempt": attempt,
            "kind": planned.kind,
            "block": planned.block,
            "token": secrets.token_urlsafe(16),
            "exposure_ms": planned.exposure_ms,
            "repeat_of": planned.repeat_of,
            "voided": False,
        }
        for place, attempt, planned in planned_trials
    ]
    stored = insert_and_read(db.connection(), Insertion("trial", rows), "place, attempt, id")
    trial_ids = {(place, attempt): id_ for place, attempt, id_ in stored}
    stimuli = [
        row
        for place, attempt, planned in planned_trials
        for row in stimulus_rows(trial_ids[place, attempt], planned, ids)
    ]
    insert_rows(db.connection(), Insertion("trial_stimulus", stimuli))
    return [trial_ids[place, attempt] for place, attempt, _ in planned_trials]


def stimulus_rows(
    trial_id: int, planned: PlannedTrial, ids: StimulusIds
) -> list[dict[str, object]]:
    """Return the rows of the stimuli of a planned trial."""
    rows: list[dict[str, object]] = [
        {
            "trial_id": trial_id,
            "slot": slot,
            "stimulus_id": ids[key],
            "role": StimulusRole.CANDIDATE,
            "appears": appears,
        }
        for slot, (key, appears) in enumerate(zip(planned.candidates, planned.appears, strict=True))
    ]
    if planned.reference is not None:
        reference = {"stimulus_id": ids[planned.reference], "role": StimulusRole.REFERENCE}
        rows.append({"trial_id": trial_id, "slot": len(rows), **reference, "appears": 0})
    return rows
