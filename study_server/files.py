"""Files and folders that are either whole or absent."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PRIVATE_MODE = 0o600  # only the owner can read and write


@contextmanager
def atomic_write(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to `path` and rename it to `path` if the block succeeds.

    If the block fails, what it wrote is removed and `path` stays as it was. The caller may create
    a file or a folder; a folder cannot replace one that has files in it.
    private: create the file so that only its owner can read it, whatever it replaces.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        if private:
            temporary.touch(mode=PRIVATE_MODE)
        yield temporary
        temporary.replace(path)
    finally:
        remove_path(temporary)


def remove_path(path: Path) -> None:
    """Delete a file, or a folder with its files; do nothing if there is neither."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def make_private(path: Path, *, create: bool = False) -> None:
    """Let only the owner read and write a file, if it exists and belongs to this user.

    create: create an empty file if there is none and the folder allows it.
    """
    with suppress(OSError):  # whoever opens the file next reports what is wrong with it
        if create and not path.exists():
            path.touch(mode=PRIVATE_MODE)
        if path.is_file() and path.stat().st_mode & 0o777 != PRIVATE_MODE:
            path.chmod(PRIVATE_MODE)
