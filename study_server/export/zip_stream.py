"""Files that are made while they are written: into a folder, or into a zip sent in pieces."""

import io
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

from study_server.errors import StudyError

Content = Iterable[str]  # a file's text in pieces
Files = Iterable[tuple[str, Content]]  # by path, each read once and in turn
PIECE = 64 * 1024  # bytes


def write_folder(files: Files, folder: Path) -> None:
    """The whole folder or none. Raises StudyError where there is one already."""
    if folder.exists():
        raise StudyError(f"{folder} is already there; give another folder, or remove it")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for path, content in files:
            file = part / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", encoding="utf-8", newline="") as handle:
                handle.writelines(content)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def stream_zip(files: Files) -> Iterator[bytes]:
    """The zip in pieces; the same content is the same bytes."""
    sink = _Sink()
    with ZipFile(sink, "w") as archive:
        for path, content in files:
            entry = ZipInfo(path)
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as handle:
                for text in content:
                    handle.write(text.encode())
                    yield from sink.take(PIECE)
    yield from sink.take(0)


class _Sink(io.RawIOBase):
    """Where a zip is written to that nobody keeps: it cannot seek, and is emptied on the way."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: "ReadableBuffer") -> int:
        self._held += content
        return memoryview(content).nbytes

    def take(self, least: int) -> Iterator[bytes]:
        """What has come, once it is so many bytes."""
        if len(self._held) > least:
            yield bytes(self._held)
            self._held.clear()
