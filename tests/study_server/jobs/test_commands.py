"""Jobs that run commands of this project: they report progress, and say why they failed."""

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from study_server.errors import StudyError
from study_server.jobs.commands import run_command
from study_server.jobs.queue import find_newest_jobs, request_job
from study_server.jobs.runner import run_due_jobs
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Job, Participant
from study_server.studies.lookup import find_study
from study_server.vocabulary import JobKind, JobState, Mode


@pytest.fixture
def study_engine(app: Flask, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Return the database of the short study, which commands of this process use, too."""
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_INSTANCE", str(app.extensions["settings"].instance_folder))
    engine: Engine = app.extensions["engine"]
    return engine


def request_simulation(engine: Engine, **payload: object) -> None:
    with write_transaction(engine) as db:
        study = find_study(db, "short")
        request_job(db, JobKind.SIMULATE, requested_by="ada", study_id=study.id, payload=payload)


def newest(engine: Engine) -> Job:
    with read_session(engine) as db:
        return find_newest_jobs(db, find_study(db, "short"))[JobKind.SIMULATE]


@pytest.mark.slow(5)
def test_simulated_participants_take_part_in_the_background(study_engine: Engine) -> None:
    request_simulation(study_engine, people=2, rates={"l2": 0.2, "mcl": 0.3})
    ((_, result),) = run_due_jobs(study_engine)
    assert result.message == "2 participants have been simulated"
    assert (newest(study_engine).state, newest(study_engine).progress) == (JobState.DONE, 1)
    with read_session(study_engine) as db:
        modes = list(db.scalars(select(Participant.mode)))
    assert modes == [Mode.SIMULATED, Mode.SIMULATED]


@pytest.mark.slow(3.3)
def test_a_command_that_fails_says_why_and_can_be_requested_again(study_engine: Engine) -> None:
    request_simulation(study_engine, people=1, rates={"l2": 0.2})
    run_due_jobs(study_engine)
    job = newest(study_engine)
    assert job.state is JobState.FAILED
    assert "no value for method mcl" in job.message
    request_simulation(study_engine, people=1, rates={"l2": 0.2})
    assert newest(study_engine).id != job.id


@pytest.mark.slow(3.6)
def test_a_report_that_cannot_be_made_says_why(study_engine: Engine) -> None:
    with write_transaction(study_engine) as db:
        study = find_study(db, "short")
        request_job(
            db, JobKind.REPORT, requested_by="ada", study_id=study.id, payload={"mode": "live"}
        )
        request_job(db, JobKind.MONITOR, requested_by="ada", study_id=study.id)
    (_, report), (_, monitor) = run_due_jobs(study_engine)
    assert "the study is blinded until it is closed" in report.message
    assert "nobody has taken part yet" in monitor.message


def test_the_progress_of_a_command_is_read_from_its_errors() -> None:
    shares: list[float] = []
    with pytest.raises(StudyError, match="too many arguments"):
        run_command(["tests.study_server.jobs.speaking"], shares.append)
    assert shares == [0.25, 1.0]
