import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from colorizer.cluster.batch import ClusterBatch
from colorizer.cluster.parts import open_parts
from colorizer.errors import ColorizerError
from colorizer.object_storage import Storage
from colorizer.stimuli.manifest import Shard, clear_manifest
from tests.buckets import BUCKET, lead_to_storage, run_storage
from tests.colorizer.cluster.batches import (
    PHOTOS_PER_PART,
    SETTINGS,
    collect,
    make_alone,
    make_in_parts,
    make_in_turn,
    read_stimuli,
    write_photographs,
)
from tests.colorizer.conftest import CPU
from tests.colorizer.pictures import write_pictures

URL = f"s3://{BUCKET}/stimuli"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_photographs(folder)
    return folder


@pytest.fixture
def copies(photos: Path, tmp_path: Path) -> Path:
    """Return a folder with hard links to the photographs, to which others can be added."""
    (tmp_path / "photos").mkdir()
    for file in photos.iterdir():
        os.link(file, tmp_path / "photos" / file.name)
    return tmp_path / "photos"


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with run_storage() as address:
        lead_to_storage(monkeypatch, address)
        yield


def times(out: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in out.glob("foil/*.png")}


def test_parts_make_the_bytes_and_the_manifest_of_one_process(photos: Path, tmp_path: Path) -> None:
    refused = make_alone(collect(photos), tmp_path / "alone")
    assert [refusal.file for refusal in refused] == ["03.jpg", "05.jpg"]
    assert make_in_parts(collect(photos), tmp_path / "parts") == refused
    alone = read_stimuli(tmp_path / "alone")
    assert len(alone) == 15
    assert read_stimuli(tmp_path / "parts") == alone


@pytest.mark.slow(0.6)
def test_object_storage_gets_the_same_bytes(photos: Path, tmp_path: Path, storage: None) -> None:
    bucket = Storage(f"s3://{BUCKET}/photographs")
    for file in photos.iterdir():
        bucket.write(f"album 1/{file.name}", file.read_bytes())
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "album 1").symlink_to(photos)
    refused = make_alone(collect(tmp_path / "photos"), tmp_path / "alone")
    assert make_in_parts(collect(bucket.place), URL) == refused
    stored = Storage(URL)
    names = {name for name in stored.list() if not name.startswith("manifest.parts/")}
    files = {file for file in (tmp_path / "alone").rglob("*") if file.suffix in (".png", ".csv")}
    assert len(files) == 15
    assert names == {file.relative_to(tmp_path / "alone").as_posix() for file in files}
    for name in names:
        assert stored.read(name) == (tmp_path / "alone" / name).read_bytes()


def test_a_stopped_batch_goes_on_with_the_missing_parts(photos: Path, tmp_path: Path) -> None:
    make_alone(collect(photos), tmp_path / "alone")
    out = tmp_path / "out"
    batch = ClusterBatch(collect(photos), SETTINGS, str(out), CPU)
    making = batch.make(make_in_turn(batch), PHOTOS_PER_PART)
    assert next(making).image == "08"
    making.close()
    before = times(out)
    assert list(before) == ["08"]
    with pytest.raises(ColorizerError, match="the rows of 8 of 9 photographs are not there"):
        batch.write_manifest()
    make_in_parts(collect(photos), out)
    assert times(out) | before == times(out)
    assert read_stimuli(out) == read_stimuli(tmp_path / "alone")


@pytest.mark.slow(0.6)
def test_only_what_a_new_photograph_or_setting_changes_is_made_again(
    copies: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make_in_parts(collect(copies), out)
    before = times(out)
    make_in_parts(collect(copies), out)
    assert times(out) == before
    write_pictures(tmp_path / "more", 10)
    (tmp_path / "more" / "09.jpg").rename(copies / "09.jpg")
    make_in_parts(collect(copies), out)
    after = times(out)
    renewed = {image for image in before if after[image] != before[image]}
    assert 0 < len(renewed) < len(before)  # those to which 09 can lend its colors
    make_in_parts(collect(copies), out, replace(SETTINGS, seed=1))
    assert all(times(out)[image] != time for image, time in after.items())
    make_in_parts(collect(copies), out)
    make_alone(collect(copies), tmp_path / "alone")
    assert read_stimuli(out) == read_stimuli(tmp_path / "alone")


def test_a_replaced_photograph_is_made_again_even_by_an_older_one(
    copies: Path, tmp_path: Path
) -> None:
    make_in_parts(collect(copies), tmp_path / "out")
    before = read_stimuli(tmp_path / "out")
    (copies / "02.jpg").unlink()
    os.utime(copies / "01.jpg", (1e9, 1e9))
    (copies / "01.jpg").rename(copies / "02.jpg")
    make_in_parts(collect(copies), tmp_path / "out")
    assert read_stimuli(tmp_path / "out")["real/02.png"] != before["real/02.png"]
    assert b"\n01," not in (tmp_path / "out" / "manifest.csv").read_bytes()


def test_a_foil_gets_the_colors_of_a_later_lender_if_the_first_are_gray(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    write_pictures(photos, 12)
    for number in range(10):
        file = photos / f"{number:02}.jpg"
        Image.open(file).convert("L").save(file)
    refused = make_alone(collect(photos), tmp_path / "alone")
    assert len(refused) == 10
    assert make_in_parts(collect(photos), tmp_path / "parts") == refused
    assert read_stimuli(tmp_path / "parts") == read_stimuli(tmp_path / "alone")


def test_a_single_photograph_is_refused_and_leaves_no_manifest(tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 1)
    (refusal,) = make_in_parts(collect(tmp_path / "photos"), tmp_path / "out")
    assert "no other photograph" in refusal.reason
    assert not (tmp_path / "out" / "manifest.csv").exists()


def test_a_damaged_part_is_named(photos: Path, tmp_path: Path) -> None:
    make_in_parts(collect(photos), tmp_path / "out")
    part = min((tmp_path / "out" / "manifest.parts").iterdir())
    content = part.read_bytes()
    for damaged in (content[:100], b""):
        part.write_bytes(damaged)
        with pytest.raises(ColorizerError, match=f"{part.name}: not a complete Parquet file"):
            make_in_parts(collect(photos), tmp_path / "out")
    part.unlink()
    with pytest.raises(ColorizerError, match=r"manifest\.parts: the rows of \d of 9 photographs"):
        ClusterBatch(collect(photos), SETTINGS, str(tmp_path / "out"), CPU).write_manifest()


def test_a_photograph_in_two_parts_is_listed_once(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_in_parts(collect(photos), out)
    manifest = (out / "manifest.csv").read_bytes()
    parts = open_parts(str(out))
    for name in parts.list():
        parts.write(f"copy-{name}", parts.read(name) or b"")
    ClusterBatch(collect(photos), SETTINGS, str(out), CPU).write_manifest()
    assert (out / "manifest.csv").read_bytes() == manifest


def test_stimuli_of_the_other_engine_are_never_mixed(photos: Path, tmp_path: Path) -> None:
    make_alone(collect(photos), tmp_path / "alone")
    with pytest.raises(ColorizerError, match="stimuli that were made without --engine ray"):
        ClusterBatch(collect(photos), SETTINGS, str(tmp_path / "alone"), CPU)
    make_in_parts(collect(photos), tmp_path / "parts")
    with pytest.raises(ColorizerError, match="stimuli that were made with --engine ray"):
        clear_manifest(tmp_path / "parts", Shard())


@pytest.mark.slow(1.7)
@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "error sending request"),
        ("AWS_ACCESS_KEY_ID", None, "Missing AccessKeyId"),
    ],
)
def test_a_storage_that_cannot_be_used_is_named(
    variable: str,
    value: str | None,
    reason: str,
    photos: Path,
    storage: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    for call in (lambda: collect(URL), lambda: make_in_parts(collect(photos), URL)):
        with pytest.raises(ColorizerError, match=f"^{URL}.*{reason}.*check the URL") as raised:
            call()
        assert not re.search("\n", str(raised.value))
