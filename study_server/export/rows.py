"""Read the rows of each exported table; rows of trials are fetched in batches."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, extract, func, select, text
from sqlalchemy.orm import Session

from study_server.export.codebook import PARTICIPANT_COLUMNS
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import (
    Environment,
    Identity,
    Incident,
    Participant,
    Response,
    Screening,
    Stimulus,
    Study,
    Trial,
    TrialStimulus,
    Unblinding,
)
from study_server.vocabulary import (
    FOIL_METHOD,
    REAL_METHOD,
    SCRIPT_INPUT,
    Mode,
    QuestionType,
    StimulusRole,
    TrialKind,
)

ROWS_PER_FETCH = 1000
ExportRow = dict[str, object]


def iterate_responses(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> Iterator[ExportRow]:
    """Yield one row per trial that was shown.

    blinded: whether to leave out the truth of live trials.
    """
    rows = _iterate_view(db, "responses_export", study, modes)
    return _hide_in_live_rows(rows, truth_columns(study)) if blinded else rows


def _hide_in_live_rows(rows: Iterator[ExportRow], columns: Collection[str]) -> Iterator[ExportRow]:
    """Yield the rows, with empty cells in these columns of live trials."""
    hidden = dict.fromkeys(columns, "")
    for row in rows:
        yield row | hidden if row["mode"] == Mode.LIVE else row


def truth_columns(study: Study) -> tuple[str, ...]:
    """Return the columns that reveal the truth.

    A single image's method says if it is real. In a staircase, so do the exposures, and the moments
    from which they can be computed, because a wrong answer makes the next exposure longer.
    """
    columns = ("truth", "method", "image") if study.presentation == "single" else ("truth",)
    moments = ("exposure_ms", "first_ms", "started_at", "received_at")
    return (*columns, *moments) if _has_staircase(study) else columns


def _has_staircase(study: Study) -> bool:
    return parse_stored_protocol(study.protocol).staircase is not None


def iterate_judgments(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> Iterator[ExportRow]:
    """Yield one row per candidate of each trial that was shown, and per scale of its answer.

    blinded: whether to leave out the methods of live trials.
    """
    rows = _iterate_view(db, "judgments_export", study, modes, order="position, slot, scale")
    return _hide_in_live_rows(rows, method_columns(study)) if blinded else rows


def method_columns(study: Study) -> tuple[str, ...]:
    """Return the columns of judgments that reveal a candidate's method.

    So does its image, unless all candidates of a trial are made from the same one, and the exposure
    of a staircase, as `truth_columns` explains.
    """
    protocol = parse_stored_protocol(study.protocol)
    shares_images = protocol.paired and not protocol.is_single
    columns = ("method",) if shares_images else ("method", "image")
    return (*columns, "shown_ms") if protocol.staircase else columns


def iterate_timing(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> Iterator[ExportRow]:
    """Yield one row per trial that was shown.

    blinded: whether to leave out the exposures of live trials in a staircase, which reveal the
    truth.
    """
    rows = _iterate_view(db, "timing_export", study, modes)
    is_hidden = blinded and _has_staircase(study)
    return _hide_in_live_rows(rows, ["first_frames"]) if is_hidden else rows


def iterate_questionnaire(
    db: Session, study: Study, modes: Collection[Mode]
) -> Iterator[ExportRow]:
    """Yield one row per answer to the study's own questions; numbers are numbers."""
    for row in _iterate_view(db, "questionnaire_export", study, modes, order="name"):
        is_number = row["type"] == QuestionType.NUMBER and row["value"]
        yield row | {"value": _to_number(str(row["value"]))} if is_number else row


def iterate_link_parameters(
    db: Session, study: Study, modes: Collection[Mode]
) -> Iterator[ExportRow]:
    """Yield one row per query parameter of the entry link that was stored."""
    return _iterate_view(db, "link_parameters_export", study, modes, order="name")


def _to_number(value: str) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number


def _iterate_view(
    db: Session, view: str, study: Study, modes: Collection[Mode], order: str = "position"
) -> Iterator[ExportRow]:
    query = text(
        f"SELECT * FROM {view} WHERE study = :study AND mode IN :modes "
        f"ORDER BY participant, {order}"
    ).bindparams(bindparam("modes", expanding=True))
    values = {"study": study.slug, "modes": [str(mode) for mode in modes]}
    rows = db.execute(query, values, execution_options={"yield_per": ROWS_PER_FETCH})
    yield from map(dict, rows.mappings())


def list_incidents(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> list[ExportRow]:
    """Return one row per incident, ordered by participant and time.

    blinded: whether to leave out live images that reveal their method, because the trial that
    replaces an interrupted one has the same methods.
    """
    is_hidden = blinded and "image" in method_columns(study)
    query = (
        select(
            Participant.public_id.label("participant"),
            Participant.mode,
            Trial.kind,
            Stimulus.image,
            Incident.slot,
            Incident.http_status.label("status"),
            Incident.reported_at,
        )
        .select_from(Incident)
        .join(Trial)
        .join(Participant)
        .join(
            TrialStimulus,
            (TrialStimulus.trial_id == Trial.id) & (TrialStimulus.slot == Incident.slot),
        )
        .join(Stimulus)
        .where(Participant.study_id == study.id, Participant.mode.in_(modes))
        .order_by(Participant.public_id, Incident.reported_at)
    )
    rows = [dict(row) for row in db.execute(query).mappings()]
    return [
        row
        | {"study": study.slug, "reported_at": format_moment(row["reported_at"])}
        | ({"image": ""} if is_hidden and row["mode"] == Mode.LIVE else {})
        for row in rows
    ]


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


def format_moment(moment: object) -> str:
    """Format a datetime as ISO 8601 with milliseconds; anything else as an empty string."""
    return moment.isoformat("T", "milliseconds") if isinstance(moment, datetime) else ""


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


def list_unblinding(db: Session, study: Study) -> list[ExportRow]:
    """Return one row per unblinding while the study was blinded."""
    unblindings = select(Unblinding).where(Unblinding.study_id == study.id).order_by(Unblinding.id)
    return [
        {
            "study": study.slug,
            "unblinded_at": format_moment(unblinding.unblinded_at),
            "by": unblinding.unblinded_by,
            "complete": unblinding.complete_count,
        }
        for unblinding in db.scalars(unblindings)
    ]


def list_changes(db: Session, study: Study) -> list[ExportRow]:
    """Return one row per change of a setting after the freeze, the oldest first."""
    query = text("SELECT * FROM changes_export WHERE study = :study ORDER BY changed_at")
    return [dict(row) for row in db.execute(query, {"study": study.slug}).mappings()]
