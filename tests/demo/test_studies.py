"""The demo's protocols: a preset with other numbers."""

import tomllib
from pathlib import Path

import pytest

from demo.commands import run
from demo.sizes import StudySize
from demo.studies import add_german, count_photographs, fill_in_wording, shorten_protocol


@pytest.mark.slow(1)
@pytest.mark.parametrize("preset", ["zhang2016", "within"])
def test_only_the_numbers_of_pairs_change(preset: str, tmp_path: Path) -> None:
    run(tmp_path, "study", "new", "demo", "--preset", preset, "--out", "study.toml")
    written = (tmp_path / "study.toml").read_text()
    before, after = (
        tomllib.loads(written),
        tomllib.loads(shorten_protocol(written, StudySize(4, 20, 2))),
    )
    assert after == before | {"practice": 4, "trials": 20, "attention_checks": 2}
    assert (before["practice"], before["trials"]) == (10, 40)


@pytest.mark.slow(1)
def test_participants_may_read_german_and_nothing_is_left_to_fill_in(tmp_path: Path) -> None:
    run(tmp_path, "study", "new", "demo", "--out", "study.toml")
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
