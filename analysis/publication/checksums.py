"""Verify the files of a published study."""

import hashlib
from pathlib import Path

CHECKSUM_FILE = "SHA256SUMS"


class PublicationError(ValueError):
    """A folder is not a published study, or it is not as it was published."""


def verify_files(folder: Path) -> int:
    """Check the SHA-256 of every file that was published; return their number.

    Raises PublicationError for the first file that is missing or has changed.
    """
    lines = _read_lines(folder / CHECKSUM_FILE)
    for line in lines:
        digest, _, name = line.partition("  ")
        file = folder / name
        if not name or not file.resolve().is_relative_to(folder.resolve()):
            raise PublicationError(f"{folder / CHECKSUM_FILE}: {line!r} is not a checksum and file")
        if not file.is_file():
            raise PublicationError(f"{file}: missing; download the published study again")
        if hash_file(file) != digest:
            raise PublicationError(
                f"{file}: not as it was published (its SHA-256 differs); download it again"
            )
    return len(lines)


def hash_file(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _read_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PublicationError(
            f"{file}: cannot be read, so {file.parent} is not a study that `study publish` wrote"
        ) from error
