"""Read the rows of each exported table; rows of trials are fetched in batches."""

from collections.abc import Collection, Iterator
from datetime import datetime

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import (
    Incident,
    Participant,
    Stimulus,
    Study,
    Trial,
    TrialStimulus,
    Unblinding,
)
from study_server.vocabulary import Mode, QuestionType

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


def format_moment(moment: object) -> str:
    """Format a datetime as ISO 8601 with milliseconds; anything else as an empty string."""
    return moment.isoformat("T", "milliseconds") if isinstance(moment, datetime) else ""


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
