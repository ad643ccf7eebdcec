"""Jobs that run a command of this project, such as `study simulate`, as a process of its own.

With STUDY_PROGRESS=json, a command reports its progress on stderr, in lines such as
{"progress": 0.4}. The last other line becomes the message of a job that failed.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.jobs.results import Finished
from study_server.storage.engine import read_session
from study_server.storage.models import Job, Study

LIMIT_S = 3600.0  # a command that takes longer is ended
JSON_PROGRESS = {"STUDY_PROGRESS": "json"}
SetProgress = Callable[[float], None]


def is_always_due(_db: Session, _job: Job) -> bool:
    """Return True: these jobs wait for no special moment."""
    return True


def run_simulation(engine: Engine, job: Job, set_progress: SetProgress) -> Finished:
    """Let simulated participants take part.

    Payload: `people`, and `rates` or `strengths` by method, as for `study simulate`. Raises
    StudyError if the command fails.
    """
    payload = json.loads(job.payload)
    values = [
        f"--{option}=" + ",".join(f"{method}={value}" for method, value in payload[option].items())
        for option in ("rates", "strengths")
        if payload.get(option)
    ]
    arguments = [slug_of(engine, job), str(payload["people"]), f"--seed={job.id}", *values]
    run_command(["study_server", "simulate", *arguments], set_progress)
    people = format_count(payload["people"], "participant has", "participants have")
    return Finished(f"{people} been simulated")


def run_report(engine: Engine, job: Job, set_progress: SetProgress) -> Finished:
    """Write the report on the participants of the payload's `mode`; raises StudyError."""
    mode = json.loads(job.payload)["mode"]
    run_command(["study_server", "report", slug_of(engine, job), f"--mode={mode}"], set_progress)
    return Finished("the report has been made")


def run_monitor(engine: Engine, job: Job, set_progress: SetProgress) -> Finished:
    """Compute the interim estimates; raises StudyError."""
    by = f"--by={job.requested_by}"
    run_command(["study_server", "monitor", slug_of(engine, job), by], set_progress)
    return Finished("the interim estimates have been computed")


def slug_of(engine: Engine, job: Job) -> str:
    """Return the slug of a job's study."""
    with read_session(engine) as db:
        study = db.get_one(Study, job.study_id)
        return study.slug


def run_command(arguments: Sequence[str], set_progress: SetProgress) -> None:
    """Run `python -m ARGUMENTS` with the settings of this process.

    Raises StudyError with the last line of its stderr if it fails or takes longer than LIMIT_S.
    """
    last_line = ""
    with _started([sys.executable, "-m", *arguments]) as process:
        for line in process.stderr or ():
            progress = _read_progress(line)
            if progress is None:
                last_line = line.strip() or last_line
            else:
                set_progress(progress)
    if process.returncode:
        reason = last_line or f"it ended with status {process.returncode}"
        raise StudyError(f"{' '.join(arguments[:2])}: {reason}")


@contextmanager
def _started(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """Start a command, and end it when the block or the time is over."""
    with subprocess.Popen(
        command,
        env=os.environ | JSON_PROGRESS,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        timer = threading.Timer(LIMIT_S, process.kill)
        timer.start()
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
            timer.cancel()


def _read_progress(line: str) -> float | None:
    """Return the share that is done, or None if the line says something else."""
    try:
        return min(max(float(json.loads(line)["progress"]), 0.0), 1.0)
    except (ValueError, KeyError, TypeError):
        return None
