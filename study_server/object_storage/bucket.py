"""A bucket of an S3-compatible object storage, through obstore.

obstore is an extra: `pip install 'hue-and-eye[server,s3]'`. It reads the credentials, the region
and the address of the storage from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and
AWS_ENDPOINT_URL. No address of an object is ever given to a browser.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from study_server.errors import StudyError

CONNECT_TIMEOUT, REQUEST_TIMEOUT = timedelta(seconds=5), timedelta(seconds=30)
MAX_RETRIES = 2
NO_BUCKET = "NoSuchBucket"  # in the storage's reply
DENIED = ("PermissionDenied", "Unauthenticated")  # in the names of obstore's errors
DENIED_STATUS = re.compile(r"status code: 40[13]")  # obstore has no error for a denied list
MAX_REASON = 160  # characters of the storage's own words in a message


class StoredObject(NamedTuple):
    """An object: its name below the address of the bucket, and when it was written."""

    name: str
    modified_at: datetime


class Bucket:
    """The objects below an address such as s3://bucket/prefix.

    Each method raises StudyError that names the address, or the object, if the storage refuses.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore.store import S3Store
        except ModuleNotFoundError as error:
            raise StudyError(
                "STUDY_STIMULI_URL needs obstore: pip install 'hue-and-eye[server,s3]'"
            ) from error
        self.url = url
        self._api: Any = obstore
        with self._explaining(""):
            self._store = S3Store.from_url(
                url,
                client_options={
                    "allow_http": True,  # for a storage in one's own network
                    "connect_timeout": CONNECT_TIMEOUT,
                    "timeout": REQUEST_TIMEOUT,
                },
                retry_config={"max_retries": MAX_RETRIES},
            )

    def put(self, name: str, content: bytes) -> None:
        """Store an object."""
        with self._explaining(name):
            self._api.put(self._store, name, content)

    def get(self, name: str) -> bytes:
        """Return the content of an object."""
        with self._explaining(name):
            return bytes(self._api.get(self._store, name).bytes())

    def list(self, folder: str = "") -> Iterator[StoredObject]:
        """Yield the objects below a folder, or all."""
        with self._explaining(folder):
            for batch in self._api.list(self._store, folder or None):
                for one in batch:
                    yield StoredObject(one["path"], one["last_modified"])

    def require(self, folder: str, names: Iterable[str]) -> None:
        """Raise StudyError that names the first of these objects of a folder which is missing."""
        present = {one.name for one in self.list(folder)}
        for name in names:
            if name not in present:
                raise StudyError(self._describe_missing(name))

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that do not exist are no error."""
        with self._explaining(""):
            self._api.delete(self._store, list(names))

    def delete_folders(self, folders: Iterable[str]) -> None:
        """Delete all objects below these folders."""
        for folder in folders:
            self.delete([one.name for one in self.list(folder)])

    def address(self, name: str) -> str:
        """Return the address of an object, for a message."""
        return f"{self.url}/{name}" if name else self.url

    @contextmanager
    def _explaining(self, name: str) -> Iterator[None]:
        """Turn an error of obstore into one line that says what to do."""
        try:
            yield
        except (FileNotFoundError, ValueError, self._api.exceptions.BaseError) as error:
            raise StudyError(self._explain(name, error)) from error

    def _describe_missing(self, name: str) -> str:
        return f"{self.address(name)} is missing; import the stimuli again"

    def _explain(self, name: str, error: Exception) -> str:
        if isinstance(error, FileNotFoundError) and NO_BUCKET not in str(error):
            return self._describe_missing(name)
        is_denied = any(word in type(error).__name__ for word in DENIED)
        if is_denied or DENIED_STATUS.search(str(error)):
            return (
                f"{self.url}: the storage denies access; check AWS_ACCESS_KEY_ID, "
                "AWS_SECRET_ACCESS_KEY and the rights of that key"
            )
        if NO_BUCKET in str(error):
            return f"{self.url}: there is no such bucket; create it, or change STUDY_STIMULI_URL"
        reason = " ".join(str(error).split())[:MAX_REASON]
        return (
            f"{self.url}: the storage cannot be reached; check AWS_ENDPOINT_URL, AWS_REGION and "
            f"the network ({reason})"
        )


@cache
def open_bucket(url: str) -> Bucket | None:
    """Return the bucket of STUDY_STIMULI_URL, or None if stimuli are kept in a folder only.

    Raises StudyError if obstore is not installed.
    """
    return Bucket(url) if url else None
