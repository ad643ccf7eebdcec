"""Withdrawal deletes every trace of a participant."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, text, update

from study_server.clock import now
from study_server.errors import StudyError
from study_server.jobs.queue import list_jobs
from study_server.participants import enrollment, identities, participation, withdrawal
from study_server.participants.enrollment import WithdrawnError
from study_server.participants.responses import SubmittedResponse
from study_server.participants.withdrawal import (
    anonymize_participants,
    delete_participant,
    delete_rehearsals,
    find_by_public_id,
)
from study_server.storage.engine import (
    erase_deleted_data,
    open_engine,
    read_session,
    write_session,
    write_transaction,
)
from study_server.storage.models import Base, Identity, Participant, Withdrawal
from study_server.storage.plan_counts import find_differences
from study_server.storage.schema import ensure_current_schema
from study_server.studies.lookup import count_by_outcome, find_study
from study_server.vocabulary import JobKind, JobState, Mode, Outcome, RecruitmentSource
from tests.conftest import short_protocol
from tests.imported_studies import open_study
from tests.study_server.acting import LEFT, respond, upcoming

OF_A_PERSON = ("participant", "identity", "environment", "trial", "response")


@pytest.fixture
def study(engine: Engine, manifest: Path, tmp_path: Path) -> str:
    return open_study(engine, short_protocol(), manifest, tmp_path / "instance")


def take_part(engine: Engine, person: str, mode: Mode = Mode.LIVE) -> str:
    """Answer everything and leave a comment; return the participant's id."""
    with write_transaction(engine) as db:
        participant = enrollment.enroll_participant(
            db, find_study(db, "short"), person, mode, RecruitmentSource.LINK
        )
        participant.comment = f"written by {person} " * 20
        screen = {
            "language": "en", "refresh_hz": 60, "device_pixel_ratio": 1, "viewport": "800x600",
            "color_gamut": "srgb", "inverted_colors": False, "forced_colors": False,
        }  # fmt: skip
        participation.store_environment(db, participant, **screen)
        for trial in upcoming(db, participant):
            answer = SubmittedResponse(LEFT, rt_ms=812, first_ms=100, second_ms=100)
            respond(db, participant, trial, answer)
        return participant.public_id


def secrets_of(engine: Engine, name: str) -> list[bytes]:
    """Return all strings that identify this participant: ids, tokens and their hash."""
    with read_session(engine) as db:
        person = find_by_public_id(db, find_study(db, "short"), name)
        query = text("SELECT token FROM trial WHERE participant_id = :id")
        tokens = db.scalars(query, {"id": person.id}).all()
        identity = db.get_one(Identity, person.id)
        words = [name, person.token, person.comment[:20], identity.external_id_digest, *tokens]
    return [word.encode() for word in words]


def leave(engine: Engine, name: str) -> None:
    with write_session(engine) as db:
        delete_participant(db, find_by_public_id(db, find_study(db, "short"), name))


def rows(engine: Engine) -> dict[str, int]:
    with read_session(engine) as db:
        return {
            table: db.scalar(select(func.count()).select_from(Base.metadata.tables[table])) or 0
            for table in OF_A_PERSON
        }


def test_withdrawal_deletes_every_row_of_the_participant_only(engine: Engine, study: str) -> None:
    stays = take_part(engine, "stays")
    before = rows(engine)
    leaves = take_part(engine, "leaves")
    assert all(rows(engine)[table] == 2 * before[table] for table in OF_A_PERSON)
    leave(engine, leaves)
    assert rows(engine) == before
    with read_session(engine) as db:
        assert db.scalars(select(Participant.public_id)).all() == [stays]
        assert count_by_outcome(db, find_study(db, "short"))["withdrawn"] == 1
        assert db.scalar(text("SELECT COUNT(*) FROM responses_export")) == 7


def test_deleted_previews_do_not_count_as_withdrawals(engine: Engine, study: str) -> None:
    leave(engine, take_part(engine, "tester", Mode.PREVIEW))
    with read_session(engine) as db:
        assert find_study(db, "short").withdrawn_count == 0


def test_rehearsals_are_deleted_in_steps_and_live_participants_are_kept(
    engine: Engine, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withdrawal, "PARTICIPANTS_PER_TRANSACTION", 2)
    for number, mode in enumerate((Mode.LIVE, *[Mode.PREVIEW, Mode.SIMULATED] * 2)):
        take_part(engine, str(number), mode)
    with write_session(engine) as db:
        assert delete_rehearsals(db, find_study(db, "short")) == 4
        assert delete_rehearsals(db, find_study(db, "short")) == 0
    with read_session(engine) as db:
        assert db.scalars(select(Participant.mode)).all() == [Mode.LIVE]
        assert find_differences(db, find_study(db, "short")) == []
        assert [job.kind for job in list_jobs(db)] == [JobKind.ERASE_TRACES]


def test_a_place_is_free_again_after_a_withdrawal(engine: Engine, study: str) -> None:
    names = [take_part(engine, person) for person in ("a", "b")]
    with read_session(engine) as db:
        method = find_by_public_id(db, find_study(db, "short"), names[0]).assigned_method
    leave(engine, names[0])
    with read_session(engine) as db:
        successor = take_part(engine, "c")
        assert find_by_public_id(db, find_study(db, "short"), successor).assigned_method == method


def test_nobody_takes_part_again_after_a_withdrawal(engine: Engine, study: str) -> None:
    """Otherwise the screening could be tried again until it is passed."""
    leave(engine, take_part(engine, "leaves"))
    with pytest.raises(WithdrawnError):
        take_part(engine, "leaves")
    assert set(rows(engine).values()) == {0}
    take_part(engine, "stays")


def test_nothing_that_is_kept_of_a_withdrawal_was_known_before(engine: Engine, study: str) -> None:
    name = take_part(engine, "leaves")
    traces = secrets_of(engine, name)
    leave(engine, name)
    with read_session(engine) as db:
        kept = db.scalars(select(Withdrawal)).one()
        words = f"{kept.digest} {kept.withdrawn_on}".encode()
    assert not any(trace in words for trace in traces)
    assert b"00:00:00" in words  # the day alone


def test_previews_can_be_repeated_after_a_withdrawal(engine: Engine, study: str) -> None:
    for _ in range(2):
        leave(engine, take_part(engine, "tester", Mode.PREVIEW))


def test_anonymization_forgets_withdrawals_too(engine: Engine, study: str) -> None:
    leave(engine, take_part(engine, "leaves"))
    with write_transaction(engine) as db:
        anonymize_participants(db, find_study(db, "short"), now() - timedelta(days=2))
    with pytest.raises(WithdrawnError):
        take_part(engine, "leaves")
    with write_transaction(engine) as db:
        anonymize_participants(db, find_study(db, "short"), now() + timedelta(days=1))
    take_part(engine, "leaves")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_withdrawals_and_enrollments_at_once_do_not_lock_each_other_out(
    engine: Engine, study: str
) -> None:
    """An enrollment locks the study first, a withdrawal its participant."""
    names = [take_part(engine, f"person {number}") for number in range(4)]

    def enroll(number: int) -> None:
        with write_transaction(engine) as db:
            enrollment.enroll_participant(
                db, find_study(db, "short"), f"new {number}", Mode.LIVE, RecruitmentSource.LINK
            )

    with write_transaction(engine) as db:  # they have lapsed, so that an enrollment updates them
        hours_ago = now() - timedelta(hours=30)
        db.execute(update(Participant).values(outcome=Outcome.ACTIVE, last_seen_at=hours_ago))
    with write_session(engine) as leaving:
        locked = leaving.scalars(
            select(Participant).where(Participant.public_id == names[0]).with_for_update()
        ).one()
        with ThreadPoolExecutor(1) as other:
            enrolling = other.submit(enroll, 0)
            time.sleep(0.3)
            delete_participant(leaving, locked)
            enrolling.result(timeout=20)


@pytest.fixture
def crowded(sqlite_url: str, manifest: Path, tmp_path: Path) -> Iterator[Engine]:
    """A database whose pages have been split often, as inserts between others do."""
    engine = open_engine(sqlite_url)
    ensure_current_schema(engine)
    open_study(engine, short_protocol(), manifest, tmp_path / "instance")
    names = [take_part(engine, f"person {number}") for number in range(60)]
    rng = Random(0)
    with write_transaction(engine) as db:
        for name in rng.sample(names, 30):
            person = find_by_public_id(db, find_study(db, "short"), name)
            person.comment = f"written by {name} " * rng.randrange(20, 200)
    yield engine
    engine.dispose()


def test_no_trace_of_the_participant_is_left_in_the_files(crowded: Engine, tmp_path: Path) -> None:
    with read_session(crowded) as db:
        names = db.scalars(select(Participant.public_id)).all()[::6]
    traces = {name: secrets_of(crowded, name) for name in names}
    files = (tmp_path / "study.sqlite", tmp_path / "study.sqlite-wal")
    content = b"".join(file.read_bytes() for file in files)
    assert all(trace in content for name in names for trace in traces[name])
    for name in names:
        leave(crowded, name)
    assert erase_deleted_data(crowded)
    content = b"".join(file.read_bytes() for file in files)
    assert [name for name in names for trace in traces[name] if trace in content] == []
    assert b"PRIMARY KEY" in content  # it is the database that was searched


def test_a_withdrawal_and_an_anonymization_request_the_erasure_of_traces_once(
    engine: Engine, study: str
) -> None:
    for person in ("a", "b", "c"):
        leave(engine, take_part(engine, person))
    take_part(engine, "d")
    with write_transaction(engine) as db:
        assert anonymize_participants(db, find_study(db, "short"), now()) == 1
    with read_session(engine) as db:
        (job,) = list_jobs(db)
        assert (job.kind, job.state) == (JobKind.ERASE_TRACES, JobState.WAITING)


def test_an_unknown_participant_is_an_error(engine: Engine, study: str) -> None:
    with pytest.raises(StudyError, match="no participant 'p0'"):
        leave(engine, "p0")


def test_anonymized_participants_cannot_be_identified(engine: Engine, study: str) -> None:
    old, young = take_part(engine, "old"), take_part(engine, "young")
    before = rows(engine)
    traces = secrets_of(engine, old)
    with write_transaction(engine) as db:
        study_row = find_study(db, "short")
        find_by_public_id(db, study_row, old).last_seen_at = now() - timedelta(days=31)
        db.flush()
        assert anonymize_participants(db, study_row, now() - timedelta(days=30)) == 1
        assert anonymize_participants(db, study_row, now() - timedelta(days=30)) == 0
    assert rows(engine) == before | {"identity": 1}
    with read_session(engine) as db:
        person = find_by_public_id(db, find_study(db, "short"), old)
        assert person.token.encode() not in traces
        assert (
            identities.find_by_external_id(
                db, find_study(db, "short"), "old", RecruitmentSource.LINK
            )
            is None
        )
        known = identities.find_by_external_id(
            db, find_study(db, "short"), "young", RecruitmentSource.LINK
        )
        assert known is not None
        assert known.public_id == young


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_deletes_only_when_its_button_is_pressed(
    client: FlaskClient, base: str, app: Flask
) -> None:
    engine = app.extensions["engine"]
    assert f"{base}/withdraw" in client.get(base).text
    page = client.get(f"{base}/withdraw")
    assert "delete your data" in page.text
    assert rows(engine)["participant"] == 1
    assert re.search(rf'method="post" action="{base}/withdraw"', page.text)
    done = client.post(f"{base}/withdraw")
    assert (done.status_code, "Your data have been deleted" in done.text) == (200, True)
    assert set(rows(engine).values()) == {0}
    for address in (base, f"{base}/withdraw", f"{base}/trials"):
        assert client.get(address).status_code == 404
    again = client.get("/s/short")
    assert "Someone has withdrawn from this study" in again.text
    assert "Take part" not in again.text
