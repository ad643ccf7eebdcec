"""The demo's protocols: a preset with other numbers."""

import json
import tomllib
from html import unescape
from pathlib import Path

import pytest

from demo import studies
from demo.sizes import StudySize
from demo.studies import add_german, count_photographs, fill_in_wording, shorten_protocol
from tests.commands import run
from tests.conftest import write_stimuli


@pytest.mark.parametrize("preset", ["zhang2016", "within"])
def test_only_the_numbers_of_pairs_change(preset: str, tmp_path: Path) -> None:
    run("study", "new", "demo", "--preset", preset, "--out", tmp_path / "study.toml")
    written = (tmp_path / "study.toml").read_text()
    before, after = (
        tomllib.loads(written),
        tomllib.loads(shorten_protocol(written, StudySize(4, 20, 2))),
    )
    assert after == before | {"practice": 4, "trials": 20, "attention_checks": 2}
    assert (before["practice"], before["trials"]) == (10, 40)


def test_participants_may_read_german_and_nothing_is_left_to_fill_in(tmp_path: Path) -> None:
    run("study", "new", "demo", "--out", tmp_path / "study.toml")
    settings = add_german((tmp_path / "study.toml").read_text())
    assert tomllib.loads(settings)["languages"] == ["en", "de"]
    texts = [file.read_text() for file in (tmp_path / "wording").rglob("*.md")]
    assert any("[... name" in text for text in texts)
    fill_in_wording(tmp_path / "wording")
    filled = [file.read_text() for file in (tmp_path / "wording").rglob("*.md")]
    assert len(filled) == 8
    assert not any("[..." in text for text in filled)


def test_photographs_are_counted_once_whatever_the_methods(tmp_path: Path) -> None:
    rows = [f"{image},{method}" for image in ("a", "b") for method in ("real", "l2", "foil")]
    (tmp_path / "manifest.csv").write_text("\n".join(["image,method", *rows, ""]))
    assert count_photographs(tmp_path / "manifest.csv") == 2


@pytest.mark.slow(25)
def test_the_report_of_the_demo_shows_pictures_and_matches_its_frozen_design(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "SIMULATED_PARTICIPANTS", 3)
    write_stimuli(tmp_path / "outputs", images=12)
    studies.simulate_and_report(tmp_path, StudySize(2, 6, 1))
    report = studies.report_path(tmp_path)
    page = unescape(report.read_text(encoding="utf-8"))
    findings = json.loads(report.with_name("report.json").read_text(encoding="utf-8"))
    assert findings["design"]["verdict"] == "match"
    assert "The study matches its frozen design" in page
    assert page.count('src="data:image/') >= 4
    assert (tmp_path / "answers" / "design.json").read_bytes() == (
        tmp_path / "design-demo-simulated.json"
    ).read_bytes()
