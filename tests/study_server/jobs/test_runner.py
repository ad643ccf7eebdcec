"""Every job is run once, by one process, whatever happens to the others."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from study_server.clock import now
from study_server.jobs import runner
from study_server.jobs.commands import SetProgress
from study_server.jobs.queue import list_jobs, request_job
from study_server.jobs.results import Finished, Postponed
from study_server.jobs.runner import JobType, run_due_jobs
from study_server.storage.engine import open_engine, read_session, write_transaction
from study_server.storage.models import Job
from study_server.vocabulary import JobKind, JobState

Run = Callable[[Engine, Job, SetProgress], Finished | Postponed]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], None]:
    """Return a function that replaces what a job does."""

    def replace(run: Run) -> None:
        job_type = JobType(is_due=lambda _db, _job: True, run=run)
        monkeypatch.setitem(runner.JOB_TYPES, JobKind.ERASE_TRACES, job_type)

    return replace


def request(engine: Engine, count: int = 1) -> None:
    with write_transaction(engine) as db:
        for number in range(count):
            payload = {"number": number}
            request_job(db, JobKind.ERASE_TRACES, requested_by="test", payload=payload)


def stored(engine: Engine) -> Job:
    with read_session(engine) as db:
        (job,) = list_jobs(db)
        return job


@contextmanager
def two_processes(engine: Engine) -> Iterator[tuple[Engine, Engine]]:
    """Yield two engines of one database, each of which stands for a process."""
    other = open_engine(engine.url)
    yield engine, other
    other.dispose()


def test_processes_that_run_jobs_at_the_same_time_run_each_once(
    engine: Engine, runs: Callable[[Run], None]
) -> None:
    done: list[int] = []

    def run(_engine: Engine, job: Job, _set_progress: SetProgress) -> Finished:
        done.append(job.id)
        return Finished("done")

    runs(run)
    request(engine, count=10)
    with two_processes(engine) as processes, ThreadPoolExecutor(4) as threads:
        list(threads.map(run_due_jobs, processes * 2))
    assert len(done) == len(set(done)) == 10
    with read_session(engine) as db:
        assert {(job.state, job.exit_status, job.progress) for job in list_jobs(db)} == {
            (JobState.DONE, 0, 1.0)
        }


def test_a_job_whose_process_shows_no_sign_of_life_for_a_minute_is_run_again(
    engine: Engine, runs: Callable[[Run], None]
) -> None:
    begun, late = threading.Event(), threading.Event()

    def hang(_engine: Engine, _job: Job, _set_progress: SetProgress) -> Finished:
        begun.set()
        late.wait(30)
        return Finished("too late")

    runs(hang)
    request(engine)
    slow = threading.Thread(target=run_due_jobs, args=(engine,))
    slow.start()
    assert begun.wait(30)
    runs(lambda *_: Finished("in time"))
    assert run_due_jobs(engine) == []  # its process lives
    with write_transaction(engine) as db:
        db.execute(update(Job).values(heartbeat_at=now() - timedelta(seconds=61)))
    ((_, result),) = run_due_jobs(engine)
    assert result == Finished("in time")
    late.set()
    slow.join(timeout=30)
    assert (
        stored(engine).message == "in time"
    )  # the process that was taken for dead changes nothing


def test_a_running_job_shows_that_its_process_is_alive(
    engine: Engine, runs: Callable[[Run], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "HEARTBEAT_S", 0.05)

    def run(engine: Engine, job: Job, _set_progress: SetProgress) -> Finished:
        for _ in range(600):
            beat = stored(engine).heartbeat_at
            if beat is not None and job.heartbeat_at is not None and beat > job.heartbeat_at:
                return Finished("alive")
            threading.Event().wait(0.05)
        return Finished("silent", exit_status=1)

    runs(run)
    request(engine)
    run_due_jobs(engine)
    assert stored(engine).message == "alive"


def test_a_postponed_job_waits_and_is_run_later(
    engine: Engine, runs: Callable[[Run], None]
) -> None:
    runs(lambda *_: Postponed("not now", timedelta(hours=1)))
    request(engine)
    run_due_jobs(engine)
    assert (stored(engine).state, stored(engine).message) == (JobState.WAITING, "not now")
    assert run_due_jobs(engine) == []
    with write_transaction(engine) as db:
        db.execute(update(Job).values(due_at=now()))
    runs(lambda *_: Finished("now"))
    run_due_jobs(engine)
    assert (stored(engine).state, stored(engine).message) == (JobState.DONE, "now")


def test_a_job_that_fails_says_where_and_stops_no_other(
    engine: Engine, runs: Callable[[Run], None]
) -> None:
    def fail_first(_engine: Engine, job: Job, _set_progress: SetProgress) -> Finished:
        return Finished(f"{1 / (job.id - 1)}")

    runs(fail_first)
    request(engine, count=2)
    run_due_jobs(engine)
    with read_session(engine) as db:
        first, second = list_jobs(db)
    assert (first.state, first.exit_status) == (JobState.FAILED, 1)
    assert first.message.startswith("ZeroDivisionError in ")
    assert second.state is JobState.DONE
