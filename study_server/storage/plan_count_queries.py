"""Read the counters of planned trials, which enrollment balances."""

from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from study_server.storage.models import MethodCount, PairCount, Stimulus, StimulusCount, Study
from study_server.vocabulary import Mode

# The queries of each enrollment, built once at import. Two queries for the stimuli and their views:
# before PostgreSQL knows how many rows there are, it may join them row by row.
SELECT_STIMULI = select(Stimulus.image, Stimulus.method, Stimulus.id).where(
    Stimulus.study_id == bindparam("study_id")
)
SELECT_VIEWS = select(StimulusCount.stimulus_id, StimulusCount.trials).where(
    StimulusCount.study_id == bindparam("study_id"), StimulusCount.mode == bindparam("mode")
)
SELECT_PAIRS = select(PairCount.method_a, PairCount.method_b, PairCount.trials).where(
    PairCount.study_id == bindparam("study_id"), PairCount.mode == bindparam("mode")
)


class PlannedStimuli(NamedTuple):
    """The ids of a study's stimuli and the test trials planned for each, by (image, method)."""

    ids: dict[tuple[str, str], int]
    views: dict[tuple[str, str], int]


def load_planned_stimuli(db: Session, study: Study, mode: Mode) -> PlannedStimuli:
    """Return the ids of a study's stimuli, and the test trials planned for each."""
    connection = db.connection()
    stimuli = connection.execute(SELECT_STIMULI, {"study_id": study.id})
    views = connection.execute(SELECT_VIEWS, {"study_id": study.id, "mode": mode})
    ids = {(image, method): id_ for image, method, id_ in stimuli}
    trials = {row.stimulus_id: row.trials for row in views}
    return PlannedStimuli(ids, {key: trials.get(id_, 0) for key, id_ in ids.items()})


def count_pairs(db: Session, study: Study, mode: Mode) -> dict[tuple[str, str], int]:
    """Return the test trials planned for each pair of methods, which is in alphabetical order."""
    rows = db.connection().execute(SELECT_PAIRS, {"study_id": study.id, "mode": mode})
    return {(a, b): trials for a, b, trials in rows}


def count_participants(db: Session, study: Study, mode: Mode) -> dict[str, int]:
    """Return the participants who are assigned to each method and fill a place."""
    query = select(MethodCount.method, MethodCount.participants).where(
        MethodCount.study_id == study.id, MethodCount.mode == mode, MethodCount.method != ""
    )
    return {row.method: row.participants for row in db.execute(query)}


def count_places_taken(db: Session, study: Study, mode: Mode = Mode.LIVE) -> int:
    """Return the number of participants who are complete or under way."""
    query = select(func.sum(MethodCount.participants)).where(
        MethodCount.study_id == study.id, MethodCount.mode == mode
    )
    return db.scalar(query) or 0
