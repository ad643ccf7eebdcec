"""The thread of a server process that runs background jobs."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from study_server.jobs.runner import run_due_jobs

POLL_S = 5.0


def start_job_thread(engine: Engine, on_error: Callable[[SQLAlchemyError], None]) -> None:
    """Run due jobs every few seconds until the process ends. on_error: logs a database error."""

    def keep_running() -> None:
        while True:
            time.sleep(POLL_S)
            try:
                run_due_jobs(engine)
            except SQLAlchemyError as error:
                on_error(error)

    threading.Thread(target=keep_running, name="jobs", daemon=True).start()
