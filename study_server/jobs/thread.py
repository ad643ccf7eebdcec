"""The thread of a server process that runs background jobs, and keeps what pages need ready."""

import itertools
import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from study_server.jobs.runner import run_due_jobs

POLL_S = 5.0
POLLS_PER_UPKEEP = 12  # once a minute


def start_job_thread(
    engine: Engine,
    on_error: Callable[[SQLAlchemyError], None],
    keep_up: Callable[[Engine], object],
) -> None:
    """Run due jobs every few seconds until the process ends, and keep_up once a minute.

    on_error: logs a database error.
    """

    def keep_running() -> None:
        for poll in itertools.count():
            time.sleep(POLL_S)
            try:
                run_due_jobs(engine)
                if poll % POLLS_PER_UPKEEP == 0:
                    keep_up(engine)
            except SQLAlchemyError as error:
                on_error(error)

    threading.Thread(target=keep_running, name="jobs", daemon=True).start()
