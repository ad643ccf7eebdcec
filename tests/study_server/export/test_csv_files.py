"""Tests of the exported tables."""

import csv
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, insert, select

from study_server.clock import now
from study_server.export.codebook import PARTICIPANT_COLUMNS, RESPONSE_COLUMNS, TABLE_COLUMNS
from study_server.export.csv_files import build_tables, export_study, format_csv
from study_server.participants import enrollment, replacement
from study_server.participants.responses import SubmittedResponse
from study_server.simulation.simulated_people import SimulatedPopulation
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Trial, TrialStimulus
from study_server.studies.lookup import find_study
from study_server.studies.unblinding import decide_blinding
from study_server.vocabulary import (
    Mode,
    Outcome,
    RecruitmentSource,
    StudyState,
    TrialFlag,
    TrialKind,
)
from tests.conftest import short_protocol, simulate
from tests.study_server.acting import (
    LEFT,
    RIGHT,
    begin,
    fake_of,
    fake_slot,
    name_fake,
    other,
    respond,
    upcoming,
)

Rows = list[dict[str, str]]


def export(engine: Engine, out: Path, unblind_for: str = "") -> tuple[Rows, Rows]:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        export_study(db, study, out, list(Mode), decide_blinding(db, study, unblind_for))
    tables = []
    for file in (out, out.with_name("participants.csv")):
        with file.open(newline="") as handle:
            tables.append(list(csv.DictReader(handle)))
    return tables[0], tables[1]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "exports" / "responses.csv"


def test_a_row_describes_a_trial_as_the_participant_answered_it(app: Flask, out: Path) -> None:
    engine = app.extensions["engine"]
    with write_transaction(engine) as db:
        participant = enrollment.enroll_participant(
            db, find_study(db, "short"), "p", Mode.LIVE, RecruitmentSource.LINK
        )
        (trial, *_) = upcoming(db, participant)
        flags = [TrialFlag.BLURRED, TrialFlag.SLOW_FRAME]
        answer = SubmittedResponse(RIGHT, rt_ms=640, first_ms=100.25, second_ms=99.5, flags=flags)
        respond(db, participant, trial, answer)
        truth = ("left", "right")[fake_slot(trial) or 0]
        image, name = fake_of(trial).image, participant.public_id
    responses, _ = export(engine, out, "ada")
    (row,) = responses
    assert list(row) == list(RESPONSE_COLUMNS)
    expected = {
        "study": "short", "participant": name, "outcome": "active", "mode": "live",
        "kind": "practice", "block": "0", "position": "0", "task": "real_or_fake",
        "candidates": "2", "presentation": "sequential",
        "question": "fake", "image": image, "real_image": image, "repeat_of": "",
        "truth": truth, "answer": "right", "rt_ms": "640", "exposure_ms": "100",
        "first_ms": "100.25", "second_ms": "99.5", "flags": "blurred slow_frame",
        "design_sha256": "",
    }  # fmt: skip
    assert {k: row[k] for k in expected} == expected
    assert row["received_at"].endswith("+00:00")
    assert len(row["received_at"]) == len("2026-01-05T10:00:00.123+00:00")


def test_a_voided_trial_is_exported_where_it_was_shown(app: Flask, out: Path) -> None:
    engine = app.extensions["engine"]
    with write_transaction(engine) as db:
        participant = enrollment.enroll_participant(
            db, find_study(db, "short"), "p", Mode.LIVE, RecruitmentSource.LINK
        )
        (trial, *_) = upcoming(db, participant)
        begin(db, participant, trial)
        replacement.void_interrupted_trials(db, participant)
        (again, *_) = upcoming(db, participant)
        respond(db, participant, again, SubmittedResponse(LEFT, 1, 1, 1))
    responses, people = export(engine, out)
    shown = [(row["position"], row["flags"], row["answer"]) for row in responses]
    assert shown == [("0", "voided", ""), ("1", "", "left")]
    assert (people[0]["trials_planned"], people[0]["trials_answered"]) == ("7", "1")


def test_the_truth_of_live_trials_is_withheld_while_the_study_runs(app: Flask, out: Path) -> None:
    engine = app.extensions["engine"]
    with write_transaction(engine) as db:
        participant = enrollment.enroll_participant(
            db, find_study(db, "short"), "p", Mode.LIVE, RecruitmentSource.LINK
        )
        (trial, *_) = upcoming(db, participant)
        respond(db, participant, trial, SubmittedResponse(LEFT, 1, 1, 1))
    assert [row["truth"] for row in export(engine, out)[0]] == [""]
    assert export(engine, out, "ada")[0][0]["truth"] in ("left", "right")
    with write_transaction(engine) as db:
        find_study(db, "short").state = StudyState.CLOSED
    assert export(engine, out)[0][0]["truth"] in ("left", "right")


@pytest.mark.slow(0.4)
def test_participants_are_counted_with_their_attention_checks(app: Flask, out: Path) -> None:
    engine = app.extensions["engine"]
    simulate(app, "short", 3, SimulatedPopulation({"l2": 0.226, "mcl": 0.301}))
    responses, people = export(engine, out)
    assert [list(person) for person in people] == [list(PARTICIPANT_COLUMNS)] * 3
    for person in people:
        mine = [row for row in responses if row["participant"] == person["participant"]]
        attention_checks = [row for row in mine if row["kind"] == "attention"]
        right = sum(row["answer"] == row["truth"] for row in attention_checks)
        assert person["outcome"] == Outcome.COMPLETE
        assert (person["trials_planned"], person["trials_answered"]) == ("7", "7")
        assert (person["attention_checks_planned"], person["attention_checks_correct"]) == (
            "1",
            str(right),
        )
        assert {person["methods"]} == {row["method"] for row in mine if row["kind"] == "test"}
        assert (person["refresh_hz"], person["inverted_colors"]) == ("60.0", "0")


def test_a_study_asking_for_the_real_one_counts_attention_checks_by_that(
    app: Flask, out: Path
) -> None:
    engine = app.extensions["engine"]
    with write_transaction(engine) as db:
        study, protocol = find_study(db, "short"), short_protocol(question="real")
        study.question, study.protocol = "real", protocol.canonical_json()
        participant = enrollment.enroll_participant(
            db, find_study(db, "short"), "p", Mode.LIVE, RecruitmentSource.LINK
        )
        for trial in db.scalars(select(Trial).order_by(Trial.place)):
            side = other(name_fake(trial))
            respond(db, participant, trial, SubmittedResponse(side, 1, 1, 1))
    _, (person,) = export(engine, out)
    assert person["attention_checks_correct"] == "1"


def test_the_codebook_names_every_column_under_its_version(app: Flask, out: Path) -> None:
    export(app.extensions["engine"], out)
    first, header, *rows = out.with_name("codebook.csv").read_text().splitlines()
    assert (first, header) == ("hue-and-eye/2", "file,column,meaning")
    assert len(rows) == sum(map(len, TABLE_COLUMNS.values()))


def test_an_export_that_fails_leaves_the_files_of_before(
    app: Flask, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = app.extensions["engine"]
    export(engine, out)
    before = {file: file.read_bytes() for file in out.parent.iterdir()}

    def write_half(_: object) -> Iterator[str]:
        yield "header\r\n"
        raise OSError("disk full")

    monkeypatch.setattr("study_server.export.csv_files.format_csv", write_half)
    with pytest.raises(OSError, match="full"):
        export(engine, out)
    assert {file: file.read_bytes() for file in out.parent.iterdir()} == before


@pytest.mark.parametrize(
    ("comment", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-", "'-"),
        ("@sum", "'@sum"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("'=1", "''=1"),
        ("'tis", "'tis"),
        ("a=1", "a=1"),
        ("a;=1+1;b", "a;'=1+1;b"),
        ("a; -1", "a;' -1"),
    ],
)
def test_no_text_is_a_formula(comment: str, cell: str, app: Flask, out: Path) -> None:
    engine = app.extensions["engine"]
    with write_transaction(engine) as db:
        enrollment.enroll_participant(
            db, find_study(db, "short"), "p", Mode.LIVE, RecruitmentSource.LINK
        ).comment = comment
    _, (person,) = export(engine, out)
    assert person["comment"] == cell


@pytest.mark.slow(2)
def test_many_trials_leave_in_little_memory(app: Flask) -> None:
    trials = 10_000
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        participant = enrollment.enroll_participant(
            db, study, "p", Mode.LIVE, RecruitmentSource.LINK
        )
        (trial, *_) = upcoming(db, participant)
        shown = {
            "participant_id": participant.id, "attempt": 0, "kind": TrialKind.TEST, "block": 1,
            "started_at": now(), "voided": False,
        }  # fmt: skip
        places = range(100, 100 + trials)
        rows = [shown | {"place": place, "token": str(place)} for place in places]
        ids = db.scalars(insert(Trial).returning(Trial.id), rows).all()
        images = list(enumerate(one.id for one in trial.candidates))
        stimuli = [
            {"trial_id": id_, "slot": slot, "stimulus_id": stimulus}
            for id_ in ids
            for slot, stimulus in images
        ]
        db.execute(insert(TrialStimulus), stimuli)
        (responses, *_) = build_tables(db, study, list(Mode), blinded=True)
        tracemalloc.start()
        written = sum(1 for _ in format_csv(responses))
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert written == 1 + trials
    assert peak_bytes < 5_000_000  # all rows at once are more than ten times that


def test_until_the_freeze_the_protocol_is_exported_as_a_draft(app: Flask, out: Path) -> None:
    engine = app.extensions["engine"]
    export(engine, out)
    draft = json.loads(out.with_name("draft.json").read_text())
    assert (draft["schema"], draft["study"]) == ("hue-and-eye/draft/1", "short")
    assert draft["protocol"]["trials"] == 4
    assert not out.with_name("design.json").exists()
    with write_transaction(engine) as db:
        find_study(db, "short").design = '{"plan": {}}'
    export(engine, out)
    assert out.with_name("design.json").exists()
    assert not out.with_name("draft.json").exists()


def test_a_byte_order_mark_is_written_on_request(app: Flask, out: Path) -> None:
    with read_session(app.extensions["engine"]) as db:
        export_study(db, find_study(db, "short"), out, tuple(Mode), blinded=True, bom=True)
    for file in out.parent.glob("*.csv"):
        assert file.read_bytes().startswith(b"\xef\xbb\xbf"), file.name
    assert out.read_text(encoding="utf-8-sig").startswith("study,participant,person,")
