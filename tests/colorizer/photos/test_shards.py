import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest

from colorizer.errors import ColorizerError
from colorizer.object_storage import find_file, list_files
from colorizer.photos.folders import find_photographs
from colorizer.photos.reading import read_square
from colorizer.photos.shards import find_shards, plan_shards, read_shards, write_shards
from tests.buckets import BUCKET, lead_to_storage, run_storage
from tests.colorizer.pictures import write_pictures

FILES = {f"{number:02}.jpg" for number in range(6)}
URL = f"s3://{BUCKET}/shards"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_pictures(folder, 6)
    for file in folder.iterdir():
        os.utime(file, (0, 0))
    return folder


@pytest.fixture(scope="module")
def storage_address() -> Iterator[str]:
    with run_storage() as address:
        yield address


@pytest.fixture
def storage(storage_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lead obstore to the storage; return its address."""
    lead_to_storage(monkeypatch, storage_address)
    return storage_address


def pack(photos: Path, out: str, shard_bytes: int = 8000) -> list[bool]:
    plans = plan_shards(find_photographs(photos), shard_bytes)
    assert len(plans) > 1
    return list(write_shards(photos, plans, out))


def unpack(place: str, scratch: Path, wanted: set[str] = FILES) -> dict[str, bytes]:
    return dict(read_shards(find_shards([place]), wanted, scratch))


def contents(photos: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in photos.iterdir()}


def test_shards_return_the_photographs_that_were_packed(photos: Path, tmp_path: Path) -> None:
    pack(photos, str(tmp_path / "out"))
    assert unpack(str(tmp_path / "out"), tmp_path / "cache") == contents(photos)
    one = unpack(str(tmp_path / "out"), tmp_path / "cache", {"04.jpg"})
    assert list(one) == ["04.jpg"]
    assert not list((tmp_path / "cache").iterdir())


def test_the_layout_is_that_of_webdataset(photos: Path, tmp_path: Path) -> None:
    pack(photos, str(tmp_path / "out"))
    names = []
    for shard in sorted((tmp_path / "out").iterdir()):
        with tarfile.open(shard) as tar:
            names += tar.getnames()
            assert {member.mtime for member in tar} == {0}
    assert names == [f"{n:09}.{suffix}" for n in range(6) for suffix in ("json", "jpg")]


def test_the_same_photographs_give_the_same_bytes(photos: Path, tmp_path: Path) -> None:
    copies = shutil.copytree(photos, tmp_path / "copies")
    for file in copies.iterdir():
        os.utime(file, (1e9, 1e9))
    pack(photos, str(tmp_path / "one"))
    pack(copies, str(tmp_path / "two"))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_only_missing_and_outdated_shards_are_written_again(photos: Path, tmp_path: Path) -> None:
    copies, out = shutil.copytree(photos, tmp_path / "copies"), tmp_path / "out"
    count = len(pack(copies, str(out)))
    assert pack(copies, str(out)) == [False] * count
    (out / "000001.tar").unlink()
    content = (out / "000000.tar").read_bytes()
    (out / "000000.tar").write_bytes(content[:-512])
    assert pack(copies, str(out)) == [True, True] + [False] * (count - 2)
    assert (out / "000000.tar").read_bytes() == content
    (copies / "05.jpg").touch()
    assert pack(copies, str(out))[-1]
    with pytest.raises(ColorizerError, match=r"not one of the \d shards of these photographs"):
        pack(copies, str(out), shard_bytes=12_000)


def test_shards_go_to_object_storage_and_back(photos: Path, tmp_path: Path, storage: str) -> None:
    written = pack(photos, URL)
    assert all(written)
    assert not any(pack(photos, URL))
    assert [file.place for file in list_files(URL)] == [
        f"{URL}/{number:06}.tar" for number in range(len(written))
    ]
    first, pattern = f"{URL}/000000.tar", f"{URL}/{{000001..{len(written) - 1:06}}}.tar"
    shards = find_shards([first, pattern])
    assert dict(read_shards(shards, FILES, tmp_path / "cache")) == contents(photos)
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("cut", r"000001\.tar: not a shard of .* or incomplete \(its end is missing\)"),
        ("cut at a photograph", r"000001\.tar: not a shard of .*\(its end is missing\)"),
        ("empty", r"000001\.tar: not a shard of"),
        ("another tar file", r"000001\.tar: not a shard of .*a\.jpg has no a\.json before it"),
        ("twice", r"contains 0\d\.jpg for the second time"),
        ("removed", r"\d of 6 photographs of the split, such as 0\d\.jpg, are in none of the"),
    ],
)
def test_a_damaged_set_of_shards_is_refused_by_name(
    damage: str, message: str, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    pack(photos, str(out))
    shard = out / "000001.tar"
    content = shard.read_bytes()
    if damage == "cut":
        shard.write_bytes(content[: len(content) // 2])
    elif damage == "cut at a photograph":
        shard.write_bytes(content[:1024])
    elif damage == "empty":
        shard.write_bytes(b"")
    elif damage == "another tar file":
        with tarfile.open(shard, "w") as tar:
            tar.addfile(tarfile.TarInfo("a.jpg"), io.BytesIO())
    elif damage == "twice":
        shard.write_bytes((out / "000000.tar").read_bytes())
    else:
        shard.unlink()
    with pytest.raises(ColorizerError, match=message) as raised:
        unpack(str(out), tmp_path / "cache")
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("absent", r"^absent: no \.tar files; run `colorizer shard` first$"),
        ("absent/{00..02}.tar", r"^absent/00\.tar: no such shard; check --shards$"),
        ("absent/{02..00}.tar", r"the range is empty"),
        (f"{URL}/absent.tar", rf"^{URL}/absent\.tar: no such shard"),
        (
            "s3://nowhere/photos",
            r"^s3://nowhere/photos: The specified bucket does not exist; ch",
        ),
        ("swift://photos/", r"^swift://photos/: .*Unable to recognise URL"),
    ],
)
def test_shards_that_do_not_exist_are_named(place: str, message: str, storage: str) -> None:
    with pytest.raises(ColorizerError, match=message) as raised:
        find_shards([place])
    assert "\n" not in str(raised.value)


@pytest.mark.slow(0.8)
def test_an_unreachable_storage_is_named(monkeypatch: pytest.MonkeyPatch, storage: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ColorizerError, match=f"^{URL}/0.tar: .*error sending request; check"):
        find_file(f"{URL}/0.tar")


def test_the_reason_for_missing_credentials_is_given(
    monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ColorizerError, match=f"^{URL}: .*Missing AccessKeyId; check the URL,"):
        list_files(URL)


def enforce_permissions(storage: str, *, after_requests: int) -> None:
    body = str(after_requests).encode()
    headers = {"Content-Type": "text/plain"}
    urlopen(Request(f"{storage}/moto-api/reset-auth", body, headers, method="POST")).close()


def test_a_storage_that_refuses_the_credentials_is_named(photos: Path, storage: str) -> None:
    enforce_permissions(storage, after_requests=0)
    try:
        with pytest.raises(ColorizerError, match=f"^{URL}/0.tar: .*403 Forbidden.*; check the URL"):
            find_file(f"{URL}/0.tar")
        with pytest.raises(ColorizerError, match=f"^{URL}/refused: .*Key Id .*not exist.*; check"):
            pack(photos, f"{URL}/refused")
    finally:
        enforce_permissions(storage, after_requests=10**9)
    assert not list_files(f"{URL}/refused")


def test_a_photograph_is_read_from_its_bytes(photos: Path) -> None:
    file = photos / "03.jpg"
    assert np.array_equal(read_square(file.read_bytes(), 48), read_square(file, 48))


def test_the_json_has_the_path_within_the_folder(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "photos" / "album")
    pack(tmp_path / "photos", str(tmp_path / "out"))
    with tarfile.open(tmp_path / "out" / "000000.tar") as tar:
        first = tar.extractfile("000000000.json")
        assert first is not None
        assert json.load(first) == {"file": "album/00.jpg"}
