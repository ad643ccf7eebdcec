"""Counters of what was planned for participants who fill a place, which enrollment balances.

For each mode of a study: the test trials in which each stimulus is a candidate and in which each
pair of methods competes, and the participants by assigned method. A transaction that changes a plan
or an outcome subtracts what it changes, makes the change, and adds what there is then.
"""

from collections import Counter as Tally
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.orm import Session

from study_server.storage.bulk_insert import Insertion, insert_rows
from study_server.storage.models import Participant, Stimulus, Study
from study_server.vocabulary import Outcome

# Outcomes that fill a place: only these participants are counted.
PLACE_TAKING_OUTCOMES = (Outcome.ACTIVE, Outcome.COMPLETE)
IDS_PER_STATEMENT = 5000
FILLS_A_PLACE = f"""
participant.outcome IN ({", ".join(f"'{outcome}'" for outcome in PLACE_TAKING_OUTCOMES)})
"""
IS_COUNTED = f"""
{FILLS_A_PLACE} AND trial.kind = 'test' AND NOT trial.voided AND trial.repeat_of IS NULL
"""
CANDIDATES = """
trial JOIN participant ON participant.id = trial.participant_id
JOIN trial_stimulus AS one ON one.trial_id = trial.id AND one.role = 'candidate'
JOIN stimulus AS a ON a.id = one.stimulus_id
"""
OF_PARTICIPANTS, OF_TRIAL, OF_STUDY = (
    "participant.id IN :ids",
    "trial.id IN :ids",
    "participant.study_id IN :ids",
)
LOCK_COUNTERS = text("SELECT pg_advisory_xact_lock(:study_id)")


@dataclass(frozen=True)
class Counter:
    """A table of counts, and the query that makes them.

    keys, value: the columns of the table. columns, source: what the query groups, and by what.
    """

    table: str
    keys: str
    columns: str
    value: str
    source: str

    def recount(self, condition: str) -> str:
        """Return the query that recounts what meets a condition, in the order of the keys."""
        return (
            f"SELECT {self.columns}, :sign * COUNT(*) FROM {self.source} AND {condition} "
            f"GROUP BY {self.columns} ORDER BY {self.columns}"
        )

    def add(self, condition: str) -> str:
        """Return the statement that adds to the counters what meets a condition."""
        counted = self.recount(condition)
        return f"INSERT INTO {self.table} ({self.keys}, {self.value}) {counted} {self.on_conflict}"

    @property
    def on_conflict(self) -> str:
        """Return the clause that adds to the counts which exist."""
        return (
            f"ON CONFLICT ({self.keys}) DO UPDATE SET "
            f"{self.value} = {self.table}.{self.value} + excluded.{self.value}"
        )

    def build_insertion(
        self, owner: tuple[Any, ...], counts: Mapping[tuple[Any, ...], int]
    ) -> Insertion:
        """Return the rows that add counts to those of an owner.

        owner: the values of the first keys; counts: by the others.
        """
        names = [*self.keys.split(", "), self.value]
        rows = [
            dict(zip(names, (*owner, *key, count), strict=True))
            for key, count in sorted(counts.items())  # the order in which all lock the counters
        ]
        return Insertion(self.table, rows, self.on_conflict)


STIMULI = Counter(
    table="stimulus_count",
    keys="study_id, mode, stimulus_id",
    columns="participant.study_id, participant.mode, a.id",
    value="trials",
    source=f"{CANDIDATES} WHERE {IS_COUNTED}",
)
PAIRS = Counter(
    table="pair_count",
    keys="study_id, mode, method_a, method_b",
    columns="participant.study_id, participant.mode, a.method, b.method",
    value="trials",
    source=f"""{CANDIDATES}
JOIN trial_stimulus AS two ON two.trial_id = trial.id AND two.role = 'candidate'
JOIN stimulus AS b ON b.id = two.stimulus_id AND a.method < b.method
WHERE {IS_COUNTED}""",
)
METHODS = Counter(
    table="method_count",
    keys="study_id, mode, method",
    columns="participant.study_id, participant.mode, COALESCE(participant.assigned_method, '')",
    value="participants",
    source=f"participant WHERE {FILLS_A_PLACE}",
)


class PlannedCandidate(NamedTuple):
    """A candidate of a planned trial."""

    stimulus_id: int
    method: str


def add_plan(
    db: Connection, participant: Participant, tests: Sequence[Sequence[PlannedCandidate]]
) -> None:
    """Count the plan of a new participant, who fills a place.

    tests: the candidates of each test trial that is not a repeat. `add_participants` would count
    the same, but other enrollments would wait while PostgreSQL plans and runs its joins.
    """
    stimuli = Tally((one.stimulus_id,) for trial in tests for one in trial)
    pairs = Tally(
        pair
        for trial in tests
        for pair in combinations(sorted(one.method for one in trial), 2)
        if pair[0] < pair[1]
    )
    owner = participant.study_id, participant.mode
    _lock(db, participant.study_id)
    assigned = {(participant.assigned_method or "",): 1}
    insert_rows(
        db,
        STIMULI.build_insertion(owner, stimuli),
        PAIRS.build_insertion(owner, pairs),
        METHODS.build_insertion(owner, assigned),
    )


def add_participants(db: Connection, study_id: int, ids: Collection[int]) -> None:
    """Count the plans of these participants, as far as they fill a place."""
    _change(db, study_id, (STIMULI, PAIRS, METHODS), OF_PARTICIPANTS, ids, 1)


def subtract_participants(db: Connection, study_id: int, ids: Collection[int]) -> None:
    """Stop counting the plans of these participants, as far as they fill a place."""
    _change(db, study_id, (STIMULI, PAIRS, METHODS), OF_PARTICIPANTS, ids, -1)


def add_trial(db: Connection, study_id: int, trial_id: int) -> None:
    """Count a trial, if it is a test trial of a participant who fills a place."""
    _change(db, study_id, (STIMULI, PAIRS), OF_TRIAL, [trial_id], 1)


def subtract_trial(db: Connection, study_id: int, trial_id: int) -> None:
    """Stop counting a trial, if it is a test trial of a participant who fills a place."""
    _change(db, study_id, (STIMULI, PAIRS), OF_TRIAL, [trial_id], -1)


def _change(
    db: Connection,
    study_id: int,
    counters: Collection[Counter],
    condition: str,
    ids: Collection[int],
    sign: int,
) -> None:
    if not ids:
        return
    _lock(db, study_id)
    ordered = sorted(ids)
    for start in range(0, len(ordered), IDS_PER_STATEMENT):
        for counter in counters:
            batch = ordered[start : start + IDS_PER_STATEMENT]
            db.execute(_bind(counter.add(condition)), {"ids": batch, "sign": sign})


def _lock(db: Connection, study_id: int) -> None:
    """Let one transaction at a time change the counters of a study, until it ends.

    Transactions that change the same counters in different orders would deadlock. Callers lock all
    participants that they change before this. SQLite has one writer at a time.
    """
    if db.dialect.name == "postgresql":
        db.execute(LOCK_COUNTERS, {"study_id": study_id})


def _bind(statement: str) -> Any:
    return text(statement).bindparams(bindparam("ids", expanding=True))


def find_differences(db: Session, study: Study) -> list[str]:
    """Return a line for each counter of a study that differs from a recount."""
    images = {
        row.id: f"{row.image} by {row.method}"
        for row in db.execute(
            select(Stimulus.id, Stimulus.image, Stimulus.method).where(
                Stimulus.study_id == study.id
            )
        )
    }
    lines = []
    for counter in (STIMULI, PAIRS, METHODS):
        stored, counted = _read(db, counter, study), _count_again(db, counter, study)
        for key in sorted(stored.keys() | counted.keys()):
            was, is_now = stored.get(key, 0), counted.get(key, 0)
            if was != is_now:
                mode, *names = key
                what = " and ".join(images.get(name, str(name)) for name in names) or "everybody"
                lines.append(f"{what} ({mode}): {counter.value} {was}, recounted {is_now}")
    return lines


def count_again(db: Connection, study_id: int) -> None:
    """Recount the counters of a study, and store the result."""
    _lock(db, study_id)
    for counter in (STIMULI, PAIRS, METHODS):
        db.execute(
            text(f"DELETE FROM {counter.table} WHERE study_id = :study_id"), {"study_id": study_id}
        )
        db.execute(_bind(counter.add(OF_STUDY)), {"ids": [study_id], "sign": 1})


def _read(db: Session, counter: Counter, study: Study) -> Mapping[tuple[Any, ...], int]:
    rows = db.execute(
        text(f"SELECT {counter.keys}, {counter.value} FROM {counter.table} WHERE study_id = :id"),
        {"id": study.id},
    )
    return {tuple(row[1:-1]): row[-1] for row in rows}


def _count_again(db: Session, counter: Counter, study: Study) -> Mapping[tuple[Any, ...], int]:
    rows = db.execute(_bind(counter.recount(OF_STUDY)), {"ids": [study.id], "sign": 1})
    return {tuple(row[1:-1]): row[-1] for row in rows}
