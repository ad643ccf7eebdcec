"""Tests of the whole pipeline of commands: photographs, two models, a study, a report."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.report import report
from study_server.protocol.study_toml import format_toml
from tests.analysis.shell import run_here
from tests.commands import run
from tests.conftest import short_protocol

pytestmark = pytest.mark.slow(15)

PEOPLE = 6


def write_photographs(folder: Path, count: int) -> None:
    """Write different color images: smooth gradients with some noise, 48 px."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        corners = rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)
        image = Image.fromarray(corners).resize((56, 48), Image.Resampling.BICUBIC)
        noisy = np.asarray(image) + rng.normal(0, 6, (48, 56, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02}.jpg")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every command in a folder and return it."""
    here = tmp_path_factory.mktemp("pipeline")
    write_photographs(here / "photographs", 12)
    protocol = short_protocol("tiny", practice=1, trials=4, attention_checks=1, assignment="within")
    (here / "study.toml").write_text(format_toml(protocol))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.delenv("STUDY_DATABASE_URL", raising=False)
        patch.delenv("STUDY_INSTANCE", raising=False)
        run("colorizer", "split", "photographs", "--test", 8, "--val", 2)
        run("colorizer", "prior")
        for objective, backbone in (("l2", "resnet50"), ("mcl", "resnet50v2")):
            tiny = "--weights", "random", "--minutes", 0.01, "--crop", 32, "--batch-size", 2
            run("colorizer", "train", "--objective", objective, "--backbone", backbone, *tiny)
        run("colorizer", "batch", "--split", "test", "--size", 48)
        run("study", "wording", "study.toml")
        run("study", "import", "study.toml", "outputs/manifest.csv")
        run("study", "simulate", "tiny", PEOPLE)
        run("study", "export", "tiny")
        assert run_here(report, "responses.csv", "--out", "report").returncode == 0
        url = f"sqlite:///{here / 'instance' / 'study.sqlite'}"
        done = run_here(report, url, "--study", "tiny", "--out", "from-the-database")
        assert done.returncode == 0, done.stderr
    return here


def test_every_test_photograph_has_every_stimulus(finished: Path) -> None:
    rows = (finished / "outputs" / "manifest.csv").read_text().splitlines()[1:]
    assert len(rows) == 8 * 4
    assert {row.split(",")[1] for row in rows} == {"real", "foil", "l2", "mcl"}


def test_every_trial_reaches_the_report(finished: Path) -> None:
    report = json.loads((finished / "report" / "report.json").read_text())
    assert report["schema"] == "hue-and-eye/report/2"
    assert report["input"]["mode"] == "simulated"
    assert report["input"]["participants"] == PEOPLE
    assert {name: method["trials"] for name, method in report["methods"].items()} == {
        "l2": 2 * PEOPLE,
        "mcl": 2 * PEOPLE,
    }
    for method in report["methods"].values():
        low, high = method["ci95"]
        assert 0 <= low <= method["rate"] <= high <= 1


def test_the_database_and_its_export_give_the_same_rates(finished: Path) -> None:
    methods = [
        json.loads((finished / folder / "report.json").read_text())["methods"]
        for folder in ("report", "from-the-database")
    ]
    assert methods[0] == methods[1]


def test_the_report_says_that_participants_were_simulated(finished: Path) -> None:
    assert "SIMULATED" in (finished / "report" / "report.html").read_text()
