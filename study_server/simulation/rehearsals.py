"""Rehearsals of a study: request simulated participants, and count who has rehearsed."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.jobs.queue import find_newest_jobs, request_job
from study_server.protocol.model import Protocol, parse_stored_protocol
from study_server.storage.models import Job, Participant, Study
from study_server.vocabulary import JobKind, JobState, Mode, Outcome

MAX_PEOPLE = 2000  # per run; together they answer for about half an hour
DEFAULT_RATES = {"l2": 0.226, "mcl": 0.301}  # as `study simulate`
DEFAULT_STRENGTHS = {"l2": 0.0, "mcl": 0.4, "mcl-annealed": 0.6, "zhang2016": 0.5}
MAX_STRENGTH = 10.0  # log odds
UNFINISHED_STATES = (JobState.WAITING, JobState.RUNNING)


@dataclass(frozen=True)
class RehearsalCounts:
    """The participants of one mode who have started, and those who are complete."""

    started: int
    complete: int


def count_rehearsals(db: Session, study: Study) -> dict[Mode, RehearsalCounts]:
    """Count the preview and the simulated participants of a study."""
    query = (
        select(Participant.mode, Participant.outcome, func.count())
        .where(Participant.study_id == study.id, Participant.mode != Mode.LIVE)
        .group_by(Participant.mode, Participant.outcome)
    )
    counts = {(mode, outcome): people for mode, outcome, people in db.execute(query)}
    return {
        mode: RehearsalCounts(
            started=sum(counts.get((mode, outcome), 0) for outcome in Outcome),
            complete=counts.get((mode, Outcome.COMPLETE), 0),
        )
        for mode in (Mode.PREVIEW, Mode.SIMULATED)
    }


def describe_deletion(count: int) -> str:
    """Return what a deletion of rehearsals did, as a sentence without its subject."""
    return f"deleted {format_count(count, 'rehearsal participant', 'rehearsal participants')}"


def default_values(protocol: Protocol) -> dict[str, float]:
    """Return the values from which a simulation starts: a fooling rate or strength per method."""
    if protocol.has_truth:
        return {method: DEFAULT_RATES.get(method, 0.3) for method in protocol.methods}
    return {method: DEFAULT_STRENGTHS.get(method, 0.0) for method in protocol.methods}


def request_simulation(
    db: Session, study: Study, people: int, values: Mapping[str, float], by: str
) -> Job:
    """Request the job that lets simulated participants take part.

    values: the fooling rate of each method in (0, 1) for real or fake, else its strength on the
    scale of log odds. Raises StudyError if a value is missing or out of range, or if simulated
    participants are taking part already.
    """
    protocol = parse_stored_protocol(study.protocol)
    if not 1 <= people <= MAX_PEOPLE:
        raise StudyError(f"{people} participants: choose 1 to {MAX_PEOPLE:,}")
    _check_values(protocol, values)
    require_no_simulation(db, study)
    option = "rates" if protocol.has_truth else "strengths"
    return request_job(
        db,
        JobKind.SIMULATE,
        requested_by=by,
        study_id=study.id,
        payload={"people": people, option: dict(values)},
    )


def _check_values(protocol: Protocol, values: Mapping[str, float]) -> None:
    for method in protocol.methods:
        value = values.get(method)
        if value is None:
            raise StudyError(f"there is no value for method {method}")
        if protocol.has_truth and not 0 < value < 1:
            raise StudyError(f"{method}: a fooling rate must be above 0% and below 100%")
        if not protocol.has_truth and not -MAX_STRENGTH <= value <= MAX_STRENGTH:
            raise StudyError(f"{method}: a strength must lie between −10 and 10")


def require_no_simulation(db: Session, study: Study) -> None:
    """Raise StudyError if simulated participants are taking part, or are about to."""
    job = find_newest_jobs(db, study).get(JobKind.SIMULATE)
    if job is not None and job.state in UNFINISHED_STATES:
        raise StudyError("simulated participants are taking part; wait until they have finished")
