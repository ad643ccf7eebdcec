"""The monitor command: the contents of monitor.json, and its error messages."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis.inference.sequential import estimate_monitored_rate
from analysis.monitor import monitor as monitor_command
from tests.analysis.rows import Row, make_row, make_study, write_csv
from tests.analysis.shell import run_here
from tests.analysis.studies import read_crossed

KEYS = {"schema", "study", "mode", "written_at", "participants", "planned", "methods"}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_here(monitor_command, *arguments)


def monitor(rows: list[Row], folder: Path, *options: str | Path) -> dict[str, Any]:
    source, out = write_csv(folder / "responses.csv", rows), folder / "seen" / "monitor.json"
    done = run(source, "--study", "trees", "--out", out, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in out.parent.iterdir()] == ["monitor.json"]
    written: dict[str, Any] = json.loads(out.read_text())
    return written


def test_the_rates_have_confidence_sequences(tmp_path: Path) -> None:
    written = monitor(make_study(rt_ms=""), tmp_path)
    crossed = read_crossed()
    expected = estimate_monitored_rate(crossed.select(crossed.method == "mcl"))
    assert expected is not None
    mcl = written["methods"]["mcl"]
    assert (mcl["rate"], *mcl["cs95"]) == pytest.approx((expected[0], *expected[1]))
    assert mcl["trials"] == 520
    assert set(written) == KEYS
    assert (written["study"], written["mode"], written["participants"]) == ("trees", "live", 40)
    assert written["planned"] is None
    age = datetime.now(UTC) - datetime.fromisoformat(written["written_at"])
    assert timedelta(0) <= age < timedelta(minutes=2)


def test_a_rate_without_a_confidence_sequence_is_omitted(tmp_path: Path) -> None:
    few = [row for row in make_study() if int(row["participant"][1:]) < 19]
    written = monitor(few, tmp_path)
    assert written["participants"] == 19
    assert written["methods"]["mcl"] == {"rate": None, "cs95": None, "trials": 247}


def test_excluded_participants_are_not_counted(tmp_path: Path) -> None:
    rows = make_study()
    for row in rows:
        if row["participant"] in ("p3", "p4"):
            row["outcome"] = "abandoned"
    assert monitor(rows, tmp_path)["participants"] == 38


def test_the_design_supplies_the_rules_and_the_sample_size(tmp_path: Path) -> None:
    plan = {"participants": 60, "exclusions": {"side_max_fraction": 1}}
    design = {"schema": "hue-and-eye/design/1", "study": "trees", "protocol": {}, "plan": plan}
    rows = make_study()
    for row in rows:
        if row["participant"] == "p3":
            row["answer"] = "left"
    (tmp_path / "design.json").write_text(json.dumps(design))
    assert monitor(rows, tmp_path)["participants"] == 39
    written = monitor(rows, tmp_path, "--design", tmp_path / "design.json")
    assert (written["planned"], written["participants"]) == (60, 40)


def test_simulated_participants_are_labeled(tmp_path: Path) -> None:
    assert monitor(make_study(mode="simulated"), tmp_path)["mode"] == "simulated"


@pytest.mark.slow(1)
def test_the_module_is_the_command(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "responses.csv", make_study())
    words: list[str | Path] = [source, "--study", "trees", "--out"]
    written = [tmp_path / name for name in ("there.json", "here.json")]
    command = [sys.executable, "-m", "analysis.monitor", *words, written[0]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    here = run(*words, written[1])
    assert (done.returncode, done.stderr, here.returncode) == (0, "", 0)
    there, ours = (json.loads(file.read_text()) | {"written_at": ""} for file in written)
    assert there == ours


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"truth": ""}, ["--study", "trees"], "--unblind"),
        ({}, ["--study", "faces"], "no study 'faces'"),
        ({}, [], "--study"),
        ({}, ["--study", "trees", "--design", "nowhere.json"], "nowhere.json"),
    ],
)
def test_an_error_is_one_line_and_keeps_the_previous_file(
    tmp_path: Path, changes: Row, options: list[str], message: str
) -> None:
    source = write_csv(tmp_path / "responses.csv", [make_row(**changes)])
    out = tmp_path / "monitor.json"
    out.write_text("before")
    done = run(source, "--out", out, *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr
    assert out.read_text() == "before"


def test_an_unwritable_output_is_an_error(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "responses.csv", [make_row()])
    done = run(source, "--study", "trees", "--out", source / "monitor.json")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--out" in done.stderr
