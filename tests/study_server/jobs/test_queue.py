"""Jobs wait once, and none is missed."""

import threading

import pytest
from sqlalchemy import Engine

from study_server.jobs.queue import list_jobs, request_job
from study_server.jobs.runner import run_due_jobs
from study_server.storage.engine import read_session, write_session, write_transaction
from study_server.vocabulary import JobKind, JobState


def request(engine: Engine, **payload: object) -> int:
    with write_transaction(engine) as db:
        return request_job(db, JobKind.ERASE_TRACES, requested_by="test", payload=payload).id


def test_equal_requests_wait_as_one_job(engine: Engine) -> None:
    assert request(engine) == request(engine)
    assert request(engine) != request(engine, other=True)


def test_a_request_after_a_job_has_run_is_another_job(engine: Engine) -> None:
    first = request(engine)
    run_due_jobs(engine)
    assert request(engine) != first
    with read_session(engine) as db:
        states = [job.state for job in list_jobs(db)]
        assert states == [JobState.DONE, JobState.WAITING]
        assert [job.state for job in list_jobs(db, JobState.WAITING)] == [JobState.WAITING]


@pytest.mark.slow(0.5)
def test_a_waiting_job_does_not_run_before_a_new_request_has_committed(engine: Engine) -> None:
    """Otherwise it could erase the traces of deleted rows before they have been deleted."""
    first = request(engine)
    with write_session(engine) as db:
        assert request_job(db, JobKind.ERASE_TRACES, requested_by="test").id == first
        runner = threading.Thread(target=run_due_jobs, args=(engine,))
        runner.start()
        runner.join(timeout=0.5)
        assert runner.is_alive()
        db.commit()
    runner.join(timeout=30)
    with read_session(engine) as db:
        assert [job.state for job in list_jobs(db)] == [JobState.DONE]
