"""Whose turn it is to write to a SQLite database.

SQLite knows no queue: who finds it taken asks again after up to 100 ms, and under load some ask for
seconds. So the threads of a process queue here, and processes ask every half a millisecond.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

ASK_EVERY_S = 0.0005


class Turn:
    """To write to the database in `file`; processes agree on it by a lock on a file beside it.

    SQLite's own lock is what keeps writers apart: without the turn they only wait longer. file:
    None where the database is in memory.
    """

    def __init__(self, file: Path | None) -> None:
        self.beside = file and file.with_name(f"{file.name}-turn")
        self._threads = threading.Lock()
        self._lock: int | None = None  # the open file, of whoever has the turn

    def take(self, timeout_s: float) -> bool:
        """Wait for it; False: it was not to be had in time."""
        until = time.monotonic() + timeout_s
        if not self._threads.acquire(timeout=timeout_s):
            return False
        self._lock = self._open()
        while self._lock is not None and not _is_mine(self._lock):
            if time.monotonic() > until:
                self.give_back()
                return False
            time.sleep(ASK_EVERY_S)
        return True

    def give_back(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            _let_go(lock)
        self._threads.release()

    def _open(self) -> int | None:
        """None: there is no room for the file, or it is not ours to open."""
        try:
            flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC  # whoever may read it may lock it
            return os.open(self.beside, flags, 0o644) if self.beside else None
        except OSError:
            return None


def _is_mine(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # files cannot be locked here; SQLite's own lock is there
    return True


def _let_go(file: int) -> None:
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough where a fork has it open too
    os.close(file)
