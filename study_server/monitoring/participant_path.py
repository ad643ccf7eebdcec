"""One participant's path through the study: what they were shown, and what they answered.

While the study is blinded, the path of a live participant contains no truth, no method and no
image, and in a staircase nothing from which the correctness of answers could be computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from study_server.counts import format_count
from study_server.monitoring.answer_texts import format_answer
from study_server.protocol.model import Protocol, parse_stored_protocol, task_of
from study_server.storage.models import (
    Environment,
    Identity,
    Incident,
    LinkParameter,
    Participant,
    QuestionAnswer,
    Response,
    Screening,
    Study,
    SubmittedPage,
    Trial,
    TrialStimulus,
)
from study_server.studies.trial_counts import FRAME_MS
from study_server.studies.unblinding import is_blinded
from study_server.tasks.task import JudgedCandidate
from study_server.vocabulary import DISTURBANCE_FLAGS, Mode, QuestionPage, StimulusRole, TrialKind


@dataclass(frozen=True)
class PathEvent:
    """An event on a participant's path. at: None if the time is not stored."""

    at: datetime | None
    text: str


@dataclass(frozen=True)
class TrialRow:
    """A trial that was shown, or that failed to load.

    number: in the order of their start, from 1. planned_ms: None: until the answer, or hidden.
    achieved_ms: the exposures of the first and the second image. is_off: whether one was off by
    more than a frame. images, is_correct: empty and None while they are hidden.
    """

    number: int
    place: int
    attempt: int
    kind: TrialKind
    started_at: datetime | None
    planned_ms: int | None
    achieved_ms: tuple[float, ...]
    is_off: bool
    rt_ms: int | None
    input: str
    answer: str
    flags: tuple[str, ...]
    incident: str
    images: tuple[str, ...]
    is_correct: bool | None


@dataclass(frozen=True)
class ParticipantPath:
    """A participant's path. has_truth: whether it shows methods; has_moments: exposures, too."""

    participant: Participant
    environment: Environment | None
    is_anonymous: bool
    has_truth: bool
    has_moments: bool
    events: Sequence[PathEvent]
    trials: Sequence[TrialRow]
    planned_trials: int
    question_answers: Sequence[tuple[str, str]]
    link_parameters: Sequence[tuple[str, str]]


def load_path(db: Session, study: Study, participant: Participant) -> ParticipantPath:
    """Return the path of a participant, without what blinding hides."""
    protocol = parse_stored_protocol(study.protocol)
    has_truth = participant.mode is not Mode.LIVE or not is_blinded(db, study)
    has_moments = has_truth or protocol.staircase is None
    trials = _load_trials(db, participant)
    incidents = _load_incidents(db, participant)
    rows = [
        _build_row(number, trial, protocol, incidents.get(trial.id), has_truth, has_moments)
        for number, trial in enumerate(_sort_by_time(trials, incidents), start=1)
    ]
    return ParticipantPath(
        participant=participant,
        environment=db.get(Environment, participant.id),
        is_anonymous=db.get(Identity, participant.id) is None,
        has_truth=has_truth,
        has_moments=has_moments,
        events=_list_events(db, participant, rows, has_moments),
        trials=rows,
        planned_trials=sum(not trial.voided for trial in trials),
        question_answers=_list_question_answers(db, participant, protocol),
        link_parameters=_list_link_parameters(db, participant),
    )


def _load_trials(db: Session, participant: Participant) -> Sequence[Trial]:
    """Return all trials with what belongs to them, in a few statements."""
    stimuli = selectinload(Trial.stimuli).selectinload(TrialStimulus.stimulus)
    response = selectinload(Trial.response).selectinload(Response.judgments)
    query = select(Trial).where(Trial.participant_id == participant.id).options(stimuli, response)
    return db.scalars(query.order_by(Trial.place, Trial.attempt)).all()


def _load_incidents(db: Session, participant: Participant) -> dict[int, Incident]:
    query = select(Incident).join(Trial).where(Trial.participant_id == participant.id)
    return {incident.trial_id: incident for incident in db.scalars(query)}


def _sort_by_time(trials: Sequence[Trial], incidents: Mapping[int, Incident]) -> list[Trial]:
    """Return the trials that started or failed to load, in the order in which they did."""
    moments = {trial.id: trial.started_at for trial in trials if trial.started_at is not None}
    moments |= {id_: one.reported_at for id_, one in incidents.items() if id_ not in moments}
    shown = [trial for trial in trials if trial.id in moments]
    return sorted(shown, key=lambda trial: (moments[trial.id], trial.place, trial.attempt))


def _build_row(
    number: int,
    trial: Trial,
    protocol: Protocol,
    incident: Incident | None,
    has_truth: bool,
    has_moments: bool,
) -> TrialRow:
    response = trial.response
    achieved = [response.first_ms, response.second_ms] if response else []
    achieved_ms = tuple(ms for ms in achieved if ms is not None)
    planned = trial.exposure_ms
    return TrialRow(
        number=number,
        place=trial.place + 1,
        attempt=trial.attempt + 1,
        kind=trial.kind,
        started_at=trial.started_at if has_moments else None,
        planned_ms=planned if has_moments else None,
        achieved_ms=achieved_ms if has_moments else (),
        is_off=planned is not None and any(abs(ms - planned) > FRAME_MS for ms in achieved_ms),
        rt_ms=response.rt_ms if response else None,
        input=response.input if response else "",
        answer=format_answer(protocol, response.judgments) if response else "",
        flags=_list_flags(trial, response),
        incident=_describe_incident(incident),
        images=_list_images(trial) if has_truth else (),
        is_correct=_is_correct(protocol, trial) if has_truth and response else None,
    )


def _list_flags(trial: Trial, response: Response | None) -> tuple[str, ...]:
    flags = [flag.replace("_", " ") for flag in DISTURBANCE_FLAGS if getattr(response, flag, False)]
    states = {"voided": trial.voided, "shown again": trial.reshown}
    return (*(state for state, applies in states.items() if applies), *flags)


def _describe_incident(incident: Incident | None) -> str:
    if incident is None:
        return ""
    status = f"HTTP status {incident.http_status}" if incident.http_status else "not an image"
    return f"image {incident.slot + 1} failed to load ({status})"


def _list_images(trial: Trial) -> tuple[str, ...]:
    return tuple(
        f"{one.stimulus.method} ({one.stimulus.image})"
        + (", reference" if one.role is StimulusRole.REFERENCE else "")
        for one in trial.stimuli
    )


def _is_correct(protocol: Protocol, trial: Trial) -> bool | None:
    """Return whether the answer was correct; None without an answer, or if the task has none."""
    if trial.response is None:
        return None
    values = {
        slot: {one.scale: one.value for one in trial.response.judgments if one.slot == slot}
        for slot in range(len(trial.candidates))
    }
    judged = [
        JudgedCandidate(slot, stimulus.image, stimulus.method, values[slot])
        for slot, stimulus in enumerate(trial.candidates)
    ]
    return task_of(protocol).is_correct(judged)


def _list_events(
    db: Session, participant: Participant, trials: Sequence[TrialRow], has_moments: bool
) -> list[PathEvent]:
    """Return the events in the order of the path, each with its time if that is stored."""
    pages = select(SubmittedPage).where(SubmittedPage.participant_id == participant.id)
    submitted = {page.page: page.submitted_at for page in db.scalars(pages)}
    events = [PathEvent(participant.started_at, "gave consent")]
    screening = db.get(Screening, participant.id)
    if screening is not None:
        events.append(PathEvent(None, f"answered the screening: {_describe_screening(screening)}"))
    if QuestionPage.BEFORE in submitted:
        at = submitted[QuestionPage.BEFORE]
        events.append(PathEvent(at, "answered the questions before the trials"))
    answered = sum(row.rt_ms is not None for row in trials)
    if trials:
        text = f"{format_count(answered, 'trial', 'trials')} answered, from the first trial on"
        events.append(PathEvent(trials[0].started_at if has_moments else None, text))
    if QuestionPage.AFTER in submitted:
        at = submitted[QuestionPage.AFTER]
        events.append(PathEvent(at, "answered the questions after the trials"))
    end = PathEvent(participant.finished_at, "finished")
    return [*events, end if end.at else PathEvent(participant.last_seen_at, "last seen")]


def _describe_screening(screening: Screening) -> str:
    parts = []
    if screening.color_vision is not None:
        parts.append(f"color vision {screening.color_vision}")
    if screening.night_light is not None:
        parts.append(f"night light {screening.night_light}")
    if screening.plates_correct is not None:
        plates = format_count(screening.plates_correct, "color plate", "color plates")
        parts.append(f"{plates} correct")
    return ", ".join(parts)


def _list_question_answers(
    db: Session, participant: Participant, protocol: Protocol
) -> list[tuple[str, str]]:
    """Return the questions, by their text, and the answers, in the order of the protocol."""
    query = select(QuestionAnswer).where(QuestionAnswer.participant_id == participant.id)
    answers = {answer.name: answer.value for answer in db.scalars(query)}
    language = protocol.languages[0]
    return [
        (question.text_in(language, language), answers[question.name] or "preferred not to say")
        for question in protocol.questions
        if question.name in answers
    ]


def _list_link_parameters(db: Session, participant: Participant) -> list[tuple[str, str]]:
    own = LinkParameter.participant_id == participant.id
    query = select(LinkParameter).where(own).order_by(LinkParameter.name)
    return [(parameter.name, parameter.value) for parameter in db.scalars(query)]
