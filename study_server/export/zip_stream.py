"""Write files while their content is generated: to a folder, or to a zip sent in pieces."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from study_server.errors import StudyError
from study_server.files import atomic_write

TextPieces = Iterable[str]  # a file's text in pieces
FileContents = Iterable[tuple[str, TextPieces]]  # by path; each content is read once, in order
PIECE_BYTES = 64 * 1024  # bytes


def write_folder(files: FileContents, folder: Path) -> None:
    """Write all files to a new folder, or none. Raises StudyError if the folder exists."""
    if folder.exists():
        raise StudyError(f"{folder} already exists; use another folder, or remove it")
    with atomic_write(folder) as temporary:
        for path, content in files:
            file = temporary / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", encoding="utf-8", newline="") as handle:
                handle.writelines(content)


def stream_zip(files: FileContents) -> Iterator[bytes]:
    """Yield a zip in pieces; the same content gives the same bytes."""
    buffer = _ZipBuffer()
    with ZipFile(buffer, "w") as archive:
        for path, content in files:
            entry = ZipInfo(path)
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as handle:
                for text in content:
                    handle.write(text.encode())
                    yield from buffer.drain(PIECE_BYTES)
    yield from buffer.drain(0)


class _ZipBuffer:
    """A write-only buffer for streaming a zip: `drain` yields and clears what has been written."""

    def __init__(self) -> None:
        self._content = bytearray()

    def write(self, content: bytes) -> int:
        """Append bytes, and return their number."""
        self._content += content
        return len(content)

    def flush(self) -> None:
        """Do nothing; `drain` empties the buffer."""

    def close(self) -> None:
        """Do nothing; `drain` empties the buffer."""

    def drain(self, least: int) -> Iterator[bytes]:
        """Yield and clear the content if it has more than `least` bytes."""
        if len(self._content) > least:
            yield bytes(self._content)
            self._content.clear()
