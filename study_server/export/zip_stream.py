"""Files that are made while they are written: into a folder, or into a zip sent in pieces."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from study_server.errors import StudyError
from study_server.files import atomic_write

TextPieces = Iterable[str]  # a file's text in pieces
FileContents = Iterable[tuple[str, TextPieces]]  # by path, each read once and in turn
PIECE_BYTES = 64 * 1024  # bytes


def write_folder(files: FileContents, folder: Path) -> None:
    """The whole folder or none. Raises StudyError where there is one already."""
    if folder.exists():
        raise StudyError(f"{folder} is already there; give another folder, or remove it")
    with atomic_write(folder) as temporary:
        for path, content in files:
            file = temporary / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", encoding="utf-8", newline="") as handle:
                handle.writelines(content)


def stream_zip(files: FileContents) -> Iterator[bytes]:
    """The zip in pieces; the same content is the same bytes."""
    sink = _ZipBuffer()
    with ZipFile(sink, "w") as archive:
        for path, content in files:
            entry = ZipInfo(path)
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as handle:
                for text in content:
                    handle.write(text.encode())
                    yield from sink.drain(PIECE_BYTES)
    yield from sink.drain(0)


class _ZipBuffer:
    """Where a zip is written to that nobody keeps: it cannot seek, and is emptied on the way."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, content: bytes) -> int:
        self._held += content
        return len(content)

    def flush(self) -> None:
        """Do nothing; `drain` empties the sink."""

    def close(self) -> None:
        """Do nothing; `drain` empties the sink."""

    def drain(self, least: int) -> Iterator[bytes]:
        """What has come, once it is so many bytes."""
        if len(self._held) > least:
            yield bytes(self._held)
            self._held.clear()
