"""Receive the file of a form piece by piece, because it may be larger than the memory."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from flask import request
from werkzeug.exceptions import BadRequest
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from study_server.files import atomic_write

PIECE_BYTES = 256 * 1024
MAX_BUFFERED_BYTES = 4 * PIECE_BYTES  # while the decoder looks for the next boundary
MAX_FIELDS_BYTES = 64 * 1024  # of all fields before the file
Part = Field | File


def receive_file(path: Path, check_fields: Callable[[Mapping[str, str]], None]) -> int:
    """Write the file of the request's form to `path`; return its size in bytes.

    check_fields: called with the fields before the file, before anything is written; may raise.
    Raises BadRequest if the form has no file or was cut off, and OSError, for example if the disk
    is full.
    """
    parts = _read_parts()
    fields: dict[str, str] = {}
    for part, data in parts:
        if isinstance(part, File):
            check_fields(fields)
            return _write(path, part, data, parts)
        fields[part.name] = fields.get(part.name, "") + data.decode("utf-8", "replace")
        if sum(map(len, fields.values())) > MAX_FIELDS_BYTES:
            raise BadRequest("the fields of the form are too long")
    raise BadRequest("the form has no file")


def _write(path: Path, file: File, first: bytes, parts: Iterator[tuple[Part, bytes]]) -> int:
    """Write a file whose first bytes were read; whatever follows it in the form is ignored."""
    size = len(first)
    with atomic_write(path, private=True) as temporary, temporary.open("wb") as target:
        target.write(first)
        for part, data in parts:
            if part is file:
                size += target.write(data)
    return size


def _read_parts() -> Iterator[tuple[Part, bytes]]:
    """Yield the contents of the request's form in pieces, each with the part it belongs to."""
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise BadRequest("the form has no file")
    decoder = MultipartDecoder(boundary.encode(), MAX_BUFFERED_BYTES)
    part: Part | None = None
    try:
        while True:
            piece = request.stream.read(PIECE_BYTES)
            decoder.receive_data(piece or None)
            while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
                if isinstance(event, Field | File):
                    part = event
                elif isinstance(event, Data) and part is not None:
                    yield part, event.data
            if isinstance(event, Epilogue):
                return
    except ValueError as error:
        raise BadRequest("the upload was cut off") from error
