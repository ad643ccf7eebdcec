"""The monitor command: the contents of monitor.json, and its error messages."""

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis.findings.monitor_data import reach_verdict
from analysis.inference.sequential import average_difference, find_confidence_sequence
from analysis.inputs.judgments import JUDGMENT_COLUMNS
from analysis.monitor import monitor as monitor_command
from tests.analysis.rows import Row, make_row, make_study, write_csv
from tests.analysis.shell import run_here
from tests.analysis.studies import estimate_monitored_rate, read_crossed
from tests.analysis.tasks.test_reports_of_tasks import write_study

KEYS = {
    *("schema", "study", "task", "mode", "written_at", "participants", "planned", "margin"),
    *("methods", "differences"),
}


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
    note = "starts at 20 participants; 19 so far"
    assert written["methods"]["mcl"] == {"rate": None, "cs95": None, "trials": 247, "note": note}
    assert {one["note"] for one in written["differences"]} == {note}
    assert {one["verdict"] for one in written["differences"]} == {"continue"}


def test_the_differences_have_sequences_that_hold_for_all_at_once(tmp_path: Path) -> None:
    first, *_ = (one for one in monitor(make_study(rt_ms=""), tmp_path)["differences"])
    crossed = read_crossed()
    rows = (crossed.method == "l2") | (crossed.method == "mcl")
    part = crossed.select(rows)
    mean = average_difference(part.fooled.astype(float), part.factors, part.method == "l2")
    assert mean is not None
    sequence = find_confidence_sequence(mean, 0.05 / 3)
    assert sequence is not None
    assert (first["a"], first["b"], first["of"], first["note"]) == ("l2", "mcl", "rate", None)
    assert first["difference"] == pytest.approx(sequence.value)
    assert first["cs95"] == pytest.approx(sequence.interval())
    assert (first["verdict"], first["cheaper"]) == ("continue", "people")


def test_the_terminal_says_what_to_do(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "responses.csv", make_study(rt_ms=""))
    printed = run(source, "--study", "trees", "--out", tmp_path / "monitor.json").stdout
    assert "L2 − MCL: CONTINUE; more participants would narrow the interval most; −" in printed
    few = write_csv(tmp_path / "few.csv", make_study()[:40])
    printed = run(few, "--study", "trees", "--out", tmp_path / "monitor.json").stdout
    assert "CONTINUE; no confidence sequence: starts at 20 participants; " in printed


@pytest.mark.parametrize(
    ("interval", "margin", "verdict"),
    [
        ((0.01, 0.09), None, "stop"),
        ((-0.09, -0.01), 0.05, "stop"),
        ((-0.04, 0.04), 0.05, "equal"),
        ((0.01, 0.04), 0.05, "equal"),
        ((-0.04, 0.04), None, "continue"),
        ((-0.04, 0.06), 0.05, "continue"),
    ],
)
def test_verdicts(interval: tuple[float, float], margin: float | None, verdict: str) -> None:
    assert reach_verdict(interval, margin) == verdict


def write_judged(folder: Path, task: str, people: int) -> Path:
    """Write a study of `l2`, `mcl` and `real`, in which people differ in what they say of `l2`."""
    values = {"rating": (2, 3, 5), "ranking": (3, 2, 1)}
    path = write_study(folder, task, values[task], people=people)
    with (folder / "judgments.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        swapped = int(row["participant"][1:]) % 3 == int(row["position"]) % 2
        if row["kind"] == "test" and swapped and task == "rating":
            row["score"] = str(int(row["score"]) - 1)
        elif row["kind"] == "test" and swapped and row["method"] in ("l2", "mcl"):
            row["rank"] = {"3": "2", "2": "3"}[row["rank"]]
    with (folder / "judgments.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, JUDGMENT_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("task", "of", "difference", "verdicts"),
    [
        ("ranking", "net_preference", -1 / 3, ["continue", "continue", "continue"]),
        ("rating", "mean_opinion:quality", -1.0, ["stop", "stop", "stop"]),
    ],
)
def test_judged_tasks_are_monitored(
    task: str, of: str, difference: float, verdicts: list[str], tmp_path: Path
) -> None:
    source, out = write_judged(tmp_path, task, people=30), tmp_path / "monitor.json"
    done = run(source, "--study", "trees", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    written = json.loads(out.read_text())
    assert (written["task"], written["methods"], written["participants"]) == (task, {}, 30)
    first = written["differences"][0]
    assert (first["a"], first["b"], first["of"]) == ("l2", "mcl", of)
    assert first["difference"] == pytest.approx(difference, abs=0.35)
    assert [one["verdict"] for one in written["differences"]] == verdicts


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
