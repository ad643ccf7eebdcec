"""The thread of a server process that fetches what the server lacks of a bucket's stimuli."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from study_server.object_storage.bucket import open_bucket
from study_server.object_storage.mirror import mirror_stimuli
from study_server.settings import Settings

PAUSE_S, MAX_PAUSE_S = 15.0, 600.0


def start_mirror_thread(
    engine: Engine,
    settings: Settings,
    on_error: Callable[[SQLAlchemyError], None],
    report: Callable[[str], None],
) -> None:
    """Fetch missing stimuli now and every few seconds, if STUDY_STIMULI_URL is set.

    After a failure, the pause doubles each time, because a study is then fetched anew. on_error:
    logs a database error. report: logs a line about a study whose stimuli the bucket does not give.
    Raises StudyError if obstore is not installed.
    """
    bucket = open_bucket(settings.stimuli_url)
    if bucket is None:
        return

    def keep_mirroring() -> None:
        pause_s = PAUSE_S
        while True:
            problems: list[str] = []
            try:
                mirror_stimuli(engine, settings.stimuli_folder, bucket, problems.append)
            except SQLAlchemyError as error:
                on_error(error)
            for problem in problems:
                report(problem)
            pause_s = min(2 * pause_s, MAX_PAUSE_S) if problems else PAUSE_S
            time.sleep(pause_s)

    threading.Thread(target=keep_mirroring, name="mirror", daemon=True).start()
