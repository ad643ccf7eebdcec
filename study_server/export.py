"""responses.csv and, beside it, timing, incidents, participants, codebook: no parser needed."""

import csv
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.models import (
    Environment,
    Incident,
    Participant,
    Response,
    Stimulus,
    Study,
    Trial,
)
from study_server.words import Kind, Mode, State

VERSION = "hue-and-eye/1"
TIMING_CSV, INCIDENTS_CSV = "timing.csv", "incidents.csv"
PARTICIPANTS_CSV = "participants.csv"
CODEBOOK_CSV, DESIGN_JSON = "codebook.csv", "design.json"
BESIDE = (TIMING_CSV, INCIDENTS_CSV, PARTICIPANTS_CSV, CODEBOOK_CSV, DESIGN_JSON)
Row = dict[str, object]

RESPONSES = {
    "study": "slug of the study",
    "participant": "opaque id, never a crowd worker's",
    "outcome": "of the participant: active, complete, screened_out, abandoned, timed_out, returned",
    "mode": "live, preview, simulated",
    "kind": "qualification, practice, test, vigilance",
    "block": "0-based",
    "position": "0-based, counts the participant's trials in the order shown",
    "presentation": "sequential, simultaneous, single",
    "question": "fake (click the fake one) or real",
    "image": "photograph of the fake; single: of the only image",
    "method": "of the fake; single: of the only image (real is a method too)",
    "real_image": "photograph of the real one; the same as image when paired, empty when single",
    "repeat_of": "position of the trial this one repeats, else empty",
    "truth": "the fake's side, left or right; single: fake or real; empty in a blinded export",
    "answer": "the side clicked; single: fake or real; empty where there is none",
    "rt_ms": "event.timeStamp minus the timestamp of the frame that showed the answers",
    "exposure_ms": "asked for; empty where unlimited",
    "first_ms": "achieved exposure of the first image, or of all that are shown at once",
    "second_ms": "achieved exposure of the second image, where one follows",
    "flags": "space-separated: voided, hidden, blurred, resized, slow_frame, late",
    "started_at": "UTC, ISO 8601",
    "received_at": "UTC, ISO 8601",
    "design_sha256": "SHA-256 of design.json, empty before the freeze",
}

TIMING = {
    "study": "slug of the study",
    "participant": "as in the responses",
    "mode": "as in the responses",
    "position": "as in the responses",
    "first_side": "of a sequential pair, the side shown first; else empty",
    "first_frames": "animation frames of the first exposure",
    "second_frames": "animation frames of the second exposure",
    "early": "answers ignored because the buttons were not yet shown",
    "held": "answers ignored: of a key held down since before, or the second of a double click",
}

INCIDENTS = {
    "study": "slug of the study",
    "participant": "as in the responses",
    "mode": "as in the responses",
    "kind": "as in the responses, of the trial that was replaced unseen",
    "image": "as in the responses",
    "place": "of the image that could not be shown: left, right, center",
    "status": "of the HTTP reply; empty where what came was no image",
    "reported_at": "UTC, ISO 8601",
}

PARTICIPANTS = {
    "study": "slug of the study",
    "participant": "opaque id",
    "outcome": "as in the responses",
    "mode": "as in the responses",
    "methods": "what the participant's test trials show, space-separated",
    "trials_planned": "of all kinds; a voided trial and its replacement count once",
    "trials_answered": "of all kinds",
    "vigilance_planned": "vigilance trials in the plan",
    "vigilance_correct": "vigilance trials answered rightly",
    "source": "link, prolific, mturk, sona",
    "consent_version": "of the text agreed to: its language, and which text it was",
    "language": "of the browser",
    "refresh_hz": "estimated from animation frames",
    "device_pixel_ratio": "device pixels a CSS pixel",
    "viewport": "width x height in CSS pixels",
    "color_gamut": "srgb, p3 or rec2020, as the browser says",
    "dynamic_range": "standard or high, as the browser says",
    "inverted_colors": "1 where the system inverts colors",
    "forced_colors": "1 where the system forces colors",
    "night_light": "asked",
    "color_vision": "declared",
    "plates_correct": "screening plates read rightly",
    "comment": "what the participant wrote at the end",
    "started_at": "UTC, ISO 8601",
    "finished_at": "UTC, ISO 8601",
}


def export_study(
    db: Session, study: Study, out: Path, modes: Collection[Mode], unblind: bool
) -> tuple[int, int]:
    """Write responses to `out`; beside it timing, incidents, participants, codebook and design.

    While a study runs the truth of its live trials is left out, unless `unblind`.
    Returns how many (trials, participants) were written. Raises StudyError.
    """
    if out.name in BESIDE:
        raise StudyError(f"{out}: that name is taken by what stands beside the responses")
    blinded = study.state in (State.OPEN, State.PAUSED) and not unblind
    responses = _select(db, "responses_export", study, modes)
    responses = [_blind(row) if blinded else row for row in responses]
    people = _participants(db, study, modes)
    _write(out, RESPONSES, responses)
    timing = _select(db, "timing_export", study, modes)
    _write(out.with_name(TIMING_CSV), TIMING, timing)
    _write(out.with_name(INCIDENTS_CSV), INCIDENTS, _incidents(db, study, modes))
    _write(out.with_name(PARTICIPANTS_CSV), PARTICIPANTS, people)
    _write(out.with_name(CODEBOOK_CSV), ("file", "column", "meaning"), _codebook(), VERSION)
    if study.design is not None:
        out.with_name(DESIGN_JSON).write_text(study.design, encoding="utf-8")
    return len(responses), len(people)


def _select(db: Session, view: str, study: Study, modes: Collection[Mode]) -> list[Row]:
    query = text(f"SELECT * FROM {view} WHERE study = :study ORDER BY participant, position")
    rows = db.execute(query, {"study": study.slug}).mappings()
    return [dict(row) for row in rows if row["mode"] in modes]


def _blind(row: Row) -> Row:
    return row | {"truth": ""} if row["mode"] == Mode.LIVE else row


def _incidents(db: Session, study: Study, modes: Collection[Mode]) -> list[Row]:
    query = (
        select(
            Participant.name.label("participant"),
            Participant.mode,
            Trial.kind,
            Stimulus.image,
            Incident.place,
            Incident.status,
            Incident.reported_at,
        )
        .select_from(Incident)
        .join(Trial)
        .join(Participant)
        .join(Stimulus, Stimulus.id == func.coalesce(Trial.fake_id, Trial.real_id))
        .where(Participant.study_id == study.id, Participant.mode.in_(modes))
        .order_by(Participant.name, Incident.reported_at)
    )
    rows = [dict(row) for row in db.execute(query).mappings()]
    return [row | {"study": study.slug, "reported_at": _iso(row["reported_at"])} for row in rows]


def _participants(db: Session, study: Study, modes: Collection[Mode]) -> list[Row]:
    query = (
        select(Participant, Environment)
        .outerjoin(Environment)
        .where(Participant.study_id == study.id, Participant.mode.in_(modes))
        .order_by(Participant.name)
    )
    counts, methods = _counts(db, study), _methods(db, study)
    return [
        _participant(study, person, environment)
        | counts[person.id]
        | {"methods": " ".join(methods.get(person.id, []))}
        for person, environment in db.execute(query)
    ]


def _participant(study: Study, person: Participant, environment: Environment | None) -> Row:
    row: Row = dict.fromkeys(PARTICIPANTS, "")
    for column in PARTICIPANTS:
        for table in (person, environment):
            row[column] = getattr(table, column, row[column])
    for column in ("started_at", "finished_at"):
        row[column] = _iso(row[column])
    return row | {"study": study.slug, "participant": person.name}


def _iso(moment: object) -> str:
    return moment.isoformat("T", "milliseconds") if isinstance(moment, datetime) else ""


def _counts(db: Session, study: Study) -> dict[int, Row]:
    """By participant; vigilance is answered rightly as `question` has it."""
    vigilance = Trial.kind == Kind.VIGILANCE
    fake = func.coalesce(Trial.fake_side, "fake")  # a vigilance image shown alone is a foil
    found = Response.answer == fake
    right = found if study.question == "fake" else ~found
    query = (
        select(
            Trial.participant_id,
            func.count().label("trials_planned"),
            func.count(Response.trial_id).label("trials_answered"),
            func.count().filter(vigilance).label("vigilance_planned"),
            func.count().filter(vigilance & right).label("vigilance_correct"),
        )
        .join(Participant)
        .outerjoin(Response)
        .where(Participant.study_id == study.id, Trial.voided.is_(False))
        .group_by(Trial.participant_id)
    )
    return {row.pop("participant_id"): row for row in map(dict, db.execute(query).mappings())}


def _methods(db: Session, study: Study) -> dict[int, list[str]]:
    query = (
        select(Trial.participant_id, Stimulus.method)
        .join(Stimulus, Trial.fake_id == Stimulus.id)
        .where(Stimulus.study_id == study.id, Trial.kind == Kind.TEST)
        .distinct()
        .order_by(Trial.participant_id, Stimulus.method)
    )
    methods: dict[int, list[str]] = defaultdict(list)
    for participant_id, method in db.execute(query):
        methods[participant_id].append(method)
    return methods


def _codebook() -> list[Row]:
    return [
        {"file": file, "column": column, "meaning": meaning}
        for file, columns in (
            ("responses", RESPONSES),
            ("timing", TIMING),
            ("incidents", INCIDENTS),
            ("participants", PARTICIPANTS),
        )
        for column, meaning in columns.items()
    ]


def _write(file: Path, columns: Iterable[str], rows: Iterable[Row], first_line: str = "") -> None:
    """A CSV that is there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as handle:
            handle.write(f"{first_line}\n" if first_line else "")
            writer = csv.DictWriter(handle, list(columns), lineterminator="\n")
            writer.writeheader()
            writer.writerows({k: _plain(v) for k, v in row.items()} for row in rows)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return round(value, 3) if isinstance(value, float) else value
