"""Files in a folder or in object storage (S3, Google Cloud, Azure), by path or by URL.

URLs need the extra `s3`, obstore. It reads credentials, region and endpoint from the environment,
such as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from colorizer.errors import ColorizerError
from colorizer.files import atomic_write

if TYPE_CHECKING:
    from obstore.store import ObjectStore

CHUNK_BYTES = 8 * 1024 * 1024  # of a download


class StoredFile(NamedTuple):
    """A file or object. place: its path or URL; changed_at: seconds since 1970."""

    place: str
    bytes: int
    changed_at: float


def is_url(place: str) -> bool:
    """Return True for a URL, False for a path."""
    return "://" in place


def join(folder: str, name: str) -> str:
    """Return the path or the URL of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_url(folder) else str(Path(folder, name))


def list_files(folder: str) -> list[StoredFile]:
    """Return the files of a folder, or below a URL, sorted by name; an absent folder has none."""
    if not is_url(folder):
        paths = Path(folder).iterdir() if Path(folder).is_dir() else ()
        return sorted(_describe(path) for path in paths if path.is_file())
    with _storage_errors(folder):
        import obstore

        objects = obstore.list_with_delimiter(_open_store(folder))["objects"]
        names = [(x["path"].rpartition("/")[2], x) for x in objects]
        return sorted(
            StoredFile(join(folder, name), x["size"], x["last_modified"].timestamp())
            for name, x in names
        )


def find_file(place: str) -> StoredFile | None:
    """Return a file or object, or None if it does not exist."""
    if not is_url(place):
        return _describe(Path(place)) if Path(place).is_file() else None
    folder, _, name = place.rpartition("/")
    with _storage_errors(place):
        import obstore

        try:
            found = obstore.head(_open_store(folder), name)
        except FileNotFoundError:
            return None
        return StoredFile(place, found["size"], found["last_modified"].timestamp())


def fetch(place: str, path: Path) -> Path:
    """Download an object to `path` and return that; for a file, return where it is.

    Raises ColorizerError if it is missing.
    """
    if not is_url(place):
        return Path(place)
    source, _, name = place.rpartition("/")
    with _storage_errors(place):
        import obstore

        stream = obstore.get(_open_store(source), name).stream(min_chunk_size=CHUNK_BYTES)
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            for chunk in stream:
                file.write(chunk)
    return path


class Storage:
    """A folder, or the objects below a URL, whose files are read and written by their names.

    One object uses one connection pool. All methods raise ColorizerError that names the URL if the
    storage cannot be reached or refuses.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._store: ObjectStore | None = None
        if is_url(place):
            with _storage_errors(place):
                self._store = _open_store(place)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it does not exist."""
        if self._store is None:
            path = Path(self.place, name)
            return path.read_bytes() if path.is_file() else None
        with _storage_errors(self.place):
            import obstore

            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file; it appears complete or not at all."""
        if self._store is None:
            with atomic_write(Path(self.place, name)) as temporary:
                temporary.write_bytes(content)
            return
        with _storage_errors(join(self.place, name)):
            import obstore

            obstore.put(self._store, name, content)

    def delete(self, name: str) -> None:
        """Delete a file, if it exists."""
        if self._store is None:
            Path(self.place, name).unlink(missing_ok=True)
            return
        with _storage_errors(join(self.place, name)), suppress(FileNotFoundError):
            import obstore

            obstore.delete(self._store, name)

    def list(self) -> dict[str, StoredFile]:
        """Return all files by their names, which are paths relative to the folder or URL."""
        if self._store is None:
            paths = (path for path in Path(self.place).rglob("*") if path.is_file())
            return {path.relative_to(self.place).as_posix(): _describe(path) for path in paths}
        with _storage_errors(self.place):
            import obstore

            return {
                x["path"]: StoredFile(
                    join(self.place, x["path"]), x["size"], x["last_modified"].timestamp()
                )
                for batch in obstore.list(self._store)
                for x in batch
            }


@contextmanager
def publish(place: str) -> Iterator[Path]:
    """Yield a temporary path; if the block succeeds, its file appears at `place`, complete."""
    if not is_url(place):
        with atomic_write(Path(place)) as temporary:
            yield temporary
        return
    folder, _, name = place.rpartition("/")
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch, name)
        with _storage_errors(place):
            import obstore

            obstore.put(_open_store(folder), name, Path(scratch, name))


def _describe(path: Path) -> StoredFile:
    state = path.stat()
    return StoredFile(str(path), state.st_size, state.st_mtime)


def _open_store(url: str) -> "ObjectStore":
    from obstore.store import from_url

    return from_url(
        url,
        client_options={"allow_http": True},  # an endpoint with http:// was chosen on purpose
        retry_config={"max_retries": 4, "retry_timeout": timedelta(minutes=1)},
    )


@contextmanager
def _storage_errors(place: str) -> Iterator[None]:
    """Raise errors of the storage as ColorizerError, in one line that names the URL."""
    try:
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise ColorizerError(
            f"{place}: URLs need obstore; run `pip install 'hue-and-eye[s3]'`"
        ) from error
    try:
        yield
    except FileNotFoundError as error:
        raise ColorizerError(f"{place}: no such object; check the URL") from error
    except (BaseError, PermissionError) as error:
        raise ColorizerError(
            f"{place}: {_shorten(str(error))}; check the URL, the credentials and the endpoint"
        ) from error


def _shorten(text: str) -> str:
    """Return the reason in an error of obstore, without the request and its details."""
    first, *_ = text.split("\n\nDebug source")
    message = re.search("<Message>(.*?)</Message>", first)
    return message[1].rstrip(".") if message else " ".join(first.split()).rpartition(" - ")[2]
