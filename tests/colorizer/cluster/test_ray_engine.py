import os
import subprocess
import sys
from pathlib import Path

import pytest

from colorizer.cli import main
from colorizer.cluster import ray_engine
from colorizer.object_storage import Storage
from tests.buckets import BUCKET, lead_to_storage, run_storage
from tests.colorizer.cluster.batches import collect, make_alone, write_photographs
from tests.colorizer.pictures import write_pictures
from tests.ports import free_port

SCRIPT = """
import sys
from colorizer.cli import main
from colorizer.cluster.part_maker import WorkerSetup
from colorizer.cluster.plan import plan_photographs
from colorizer.cluster.ray_engine import make_parts, start_ray
from colorizer.errors import ColorizerError
from tests.colorizer.cluster.batches import SETTINGS, collect
from tests.colorizer.conftest import CPU

photos, out = sys.argv[1:]
try:
    main(["batch", "--engine", "ray", "--photos", photos, "--out", out, "--methods", "real,foil",
          "--size", "64", "--device", "cpu", "--json"])
except SystemExit as exit_:
    print(exit_.code)
parts = [plan_photographs(collect(photos), SETTINGS)]
with start_ray(None):
    try:
        list(make_parts(parts, WorkerSetup(SETTINGS, photos, "s3://nowhere/out", CPU), {}))
    except ColorizerError as error:
        print(error)
"""


@pytest.mark.slow(20)
def test_ray_makes_the_bytes_of_one_process_and_names_what_stops_a_worker(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos")
    make_alone(collect(tmp_path / "photos"), tmp_path / "alone")
    with run_storage() as address, pytest.MonkeyPatch.context() as patch:
        lead_to_storage(patch, address)
        photos, out = (Storage(f"s3://{BUCKET}/ray/{name}") for name in ("photos", "out"))
        for file in (tmp_path / "photos").iterdir():
            photos.write(file.name, file.read_bytes())
        command = [sys.executable, "-c", SCRIPT, photos.place, out.place]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        stored = {name: out.read(name) for name in out.list()}
    summary, code, reason = done.stdout.splitlines()
    assert '"images": 7, "stimuli": 14, "refused": 2' in summary, done.stderr
    assert code == "1"
    assert "refused 03.jpg: gray photograph; there are no colors to remove\n" in done.stderr
    assert "refused 05.jpg: not an image" in done.stderr
    for file in (*tmp_path.glob("alone/*/*.png"), tmp_path / "alone" / "manifest.csv"):
        assert stored[file.relative_to(tmp_path / "alone").as_posix()] == file.read_bytes()
    assert len(stored) == 14 + 2  # the manifest and one part
    assert reason.startswith("s3://nowhere/out/")
    assert reason.endswith("no such object; check the URL")


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["batch", "--methods", "real", "--photos", "photos", "--quiet", *arguments])
    assert exit_info.value.code == 2


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pictures(tmp_path / "photos", 1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow(3)
def test_a_cluster_that_does_not_answer_is_named_in_time(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray_engine, "CONNECTION_TIMEOUT_S", 2)
    address = f"127.0.0.1:{free_port()}"
    run("--engine", "ray", "--address", address, "--out", "out")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"colorizer: --address {address}: no Ray cluster (no reply within 2 s);")
    assert not (here / "out").exists()


def test_without_ray_the_extra_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "colorizer.cluster.ray_engine")
    run("--engine", "ray")
    expected = "colorizer: --engine ray needs ray; run `pip install 'hue-and-eye[colorizer,ray]'`\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "s3://bucket/out"], "--out s3://bucket/out: URLs need --engine ray"),
        (["--address", "auto"], "--address needs --engine ray"),
        (["--engine", "ray", "--shard", "1/2"], "--shard: --engine ray divides the photographs"),
    ],
)
def test_options_of_the_other_engine_are_refused(
    arguments: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*arguments)
    assert capsys.readouterr().err.startswith(f"colorizer: {message}")
