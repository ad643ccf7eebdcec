"""Traces are erased from the database's files while nobody is answering, or after 23 hours."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text, update

from study_server.clock import now
from study_server.jobs.erasure import is_erasure_overdue
from study_server.jobs.queue import list_jobs
from study_server.jobs.runner import run_due_jobs
from study_server.storage import engine as database
from study_server.storage.engine import erase_deleted_data, read_session, write_transaction
from study_server.storage.models import Job, Participant
from study_server.vocabulary import JobState
from tests.study_server.browsing import consent


def age_job(engine: Engine, **age: float) -> None:
    with write_transaction(engine) as db:
        db.execute(update(Job).values(created_at=now() - timedelta(**age), due_at=now()))


def see_participants(engine: Engine, **ago: float) -> None:
    with write_transaction(engine) as db:
        db.execute(update(Participant).values(last_seen_at=now() - timedelta(**ago)))


def withdraw(app: Flask) -> None:
    client = app.test_client()
    assert client.post(f"{consent(client)}/withdraw").status_code == 200


def test_traces_are_erased_as_soon_as_nobody_is_answering(app: Flask, client: FlaskClient) -> None:
    engine = app.extensions["engine"]
    consent(client)
    withdraw(app)
    assert run_due_jobs(engine) == []
    see_participants(engine, seconds=61)
    ((job, _),) = run_due_jobs(engine)
    with read_session(engine) as db:
        assert db.get_one(Job, job.id).state is JobState.DONE


def test_traces_are_erased_within_a_day_although_people_are_answering(
    app: Flask, client: FlaskClient
) -> None:
    engine = app.extensions["engine"]
    consent(client)
    withdraw(app)
    age_job(engine, hours=22.9)
    assert run_due_jobs(engine) == []
    age_job(engine, hours=23.1)
    assert len(run_due_jobs(engine)) == 1
    with read_session(engine) as db:
        assert not is_erasure_overdue(db)


def test_health_names_traces_that_should_have_been_erased(app: Flask, client: FlaskClient) -> None:
    withdraw(app)
    assert client.get("/healthz").get_json()["jobs"] == "ok"
    age_job(app.extensions["engine"], hours=24.1)
    reply = client.get("/healthz")
    assert (reply.status_code, reply.get_json()["jobs"]) == (503, "late: run `study jobs run`")


@pytest.mark.slow(0.9)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_open_reader_postpones_the_erasure_and_delays_nobody(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite would keep every writer out until the reader ends, or for 20 s."""
    engine = app.extensions["engine"]
    monkeypatch.setattr(database, "LOG_ATTEMPTS", 5)
    withdraw(app)
    with read_session(engine) as reader:
        reader.scalars(select(Job.id)).all()
        with ThreadPoolExecutor(1) as thread:
            erasing = thread.submit(run_due_jobs, engine)
            slowest_s = 0.0
            while not erasing.done():
                began = time.monotonic()
                see_participants(engine)
                slowest_s = max(slowest_s, time.monotonic() - began)
        assert slowest_s < 1
    with read_session(engine) as db:
        (job,) = list_jobs(db)
        assert (job.state, job.message[:14]) == (JobState.WAITING, "other programs")
    age_job(engine)
    run_due_jobs(engine)
    with read_session(engine) as db:
        assert [job.state for job in list_jobs(db)] == [JobState.DONE]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_database_waits_for_locks_again_after_an_erasure(app: Flask) -> None:
    engine = app.extensions["engine"]
    assert erase_deleted_data(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 20000
        connection.exec_driver_sql("SELECT 1")
        driver = connection.connection.driver_connection
        assert driver is not None
        assert driver.in_transaction


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_trace_is_left_in_the_tables_of_postgresql(app: Flask, client: FlaskClient) -> None:
    """A plain VACUUM would leave the bytes of the deleted rows where they are."""
    engine = app.extensions["engine"]
    token = consent(client).rpartition("/")[2].encode()
    consent(app.test_client())
    assert token in table_files(engine)
    with engine.connect() as old_snapshot:
        old_snapshot = old_snapshot.execution_options(isolation_level="REPEATABLE READ")
        old_snapshot.execute(select(Participant.id)).all()
        assert client.post(f"/p/{token.decode()}/withdraw").status_code == 200
        assert not erase_deleted_data(engine)
    assert token in table_files(engine)
    assert erase_deleted_data(engine)
    assert token not in table_files(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "0"


def table_files(engine: Engine) -> bytes:
    """Return the bytes of the table of participants and of its index by token."""
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection:
        connection.execute(text("CHECKPOINT"))
        folder = Path(str(connection.execute(text("SHOW data_directory")).scalar()))
        names = ("participant", "uq_participant_token")
        query = text("SELECT pg_relation_filepath(:name)")
        files = [folder / str(connection.execute(query, {"name": n}).scalar()) for n in names]
    return b"".join(file.read_bytes() for file in files)
