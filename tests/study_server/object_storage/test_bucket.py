"""A bucket gives back what was put there, and says in one line what it refuses, and why."""

from collections.abc import Iterator

import httpx
import pytest

from study_server.errors import StudyError
from study_server.object_storage.bucket import Bucket, open_bucket


def test_objects_can_be_stored_listed_and_deleted(bucket: Bucket) -> None:
    for name in ("one/a.png", "one/b.png", "two/c.png"):
        bucket.put(name, name.encode())
    assert bucket.get("one/b.png") == b"one/b.png"
    assert sorted(one.name for one in bucket.list("one")) == ["one/a.png", "one/b.png"]
    bucket.delete_folders(["one", "of nothing"])
    assert [one.name for one in bucket.list()] == ["two/c.png"]


def test_a_missing_object_is_named(bucket: Bucket, url: str) -> None:
    with pytest.raises(StudyError) as refused:
        bucket.get("one/a.png")
    assert str(refused.value) == f"{url}/one/a.png is missing; import the stimuli again"


def test_a_bucket_that_does_not_exist_is_named(url: str) -> None:
    with pytest.raises(StudyError, match=r"^s3://another/x: there is no such bucket; create it"):
        Bucket("s3://another/x").put("one", b"")


@pytest.fixture
def keys_count(storage: str) -> Iterator[None]:
    """Let the storage check keys, of which it knows none; otherwise it admits everybody."""
    reset = f"{storage}/moto-api/reset-auth"  # to the number of requests that are not checked
    httpx.post(reset, content="0").raise_for_status()
    yield
    httpx.post(reset, content="inf").raise_for_status()


@pytest.mark.usefixtures("keys_count")
def test_wrong_credentials_are_one_clear_line(bucket: Bucket) -> None:
    for action in (lambda: bucket.get("one"), lambda: list(bucket.list())):
        with pytest.raises(StudyError, match=r"the storage denies access; check AWS_ACC") as denied:
            action()
        assert "\n" not in str(denied.value)


def test_a_storage_that_cannot_be_reached_is_one_clear_line(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StudyError, match="the storage cannot be reached; check AWS_END") as lost:
        Bucket(url).get("one")
    assert str(lost.value).startswith(f"{url}: ")
    assert "\n" not in str(lost.value)


def test_without_an_address_there_is_no_bucket() -> None:
    assert open_bucket("") is None
