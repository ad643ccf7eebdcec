"""A study is exported as a Psych-DS dataset (psychds-docs.readthedocs.io)."""

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from study_server.export.psych_ds import iterate_files
from study_server.export.zip_stream import write_folder
from study_server.participants import enrollment
from study_server.storage.engine import write_transaction
from study_server.studies.design import AnalysisPlan, freeze_study
from study_server.studies.lookup import find_study
from study_server.studies.unblinding import decide_blinding
from study_server.vocabulary import Mode, RecruitmentSource
from tests.study_server.export.psych_ds_rules import (
    list_data_files,
    require_described_columns,
    require_named_by_keywords,
    require_rectangular,
    require_valid,
)


@pytest.fixture
def dataset(engine_with_answers: Engine, tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    with write_transaction(engine_with_answers) as db:
        study = find_study(db, "short")
        enrollment.enroll_participant(
            db, study, "p", Mode.SIMULATED, RecruitmentSource.LINK
        ).comment = 'green, "or so"\n?'
        freeze_study(db, study, AnalysisPlan(), "aa")
        blinded = decide_blinding(db, study, "ada")
        write_folder(iterate_files(db, study, list(Mode), blinded), folder)
    return folder


def test_the_dataset_follows_the_rules(dataset: Path) -> None:
    require_valid(dataset)
    assert len(list_data_files(dataset)) == 9
    require_rectangular(dataset / "documentation" / "codebook.csv")


def test_broken_rules_are_noticed(dataset: Path) -> None:
    (responses,) = dataset.glob("data/*-responses_data.csv")
    header, rest = responses.read_text().split("\n", 1)
    responses.write_text(f"{header},mood\n{rest}")
    with pytest.raises(AssertionError):
        require_rectangular(responses)
    with pytest.raises(AssertionError):
        require_described_columns(dataset)
    with pytest.raises(AssertionError):
        require_named_by_keywords(dataset / "data" / "responses.csv")


def test_the_recommended_files_exist(dataset: Path) -> None:
    for path in ("README.md", "documentation/codebook.csv", "materials/design.json"):
        assert (dataset / path).stat().st_size > 0
    assert "by command" not in (dataset / "README.md").read_text()


def test_unblindings_are_listed_among_the_changes(dataset: Path) -> None:
    changes = (dataset / "CHANGES.md").read_text()
    assert re.search(r": unblinded by ada after 0 participants had finished\.", changes)


def test_a_dataset_never_overwrites(dataset: Path, app: Flask) -> None:
    before = sorted(dataset.rglob("*"))
    with (
        write_transaction(app.extensions["engine"]) as db,
        pytest.raises(Exception, match="already exists; use another folder"),
    ):
        write_folder(iterate_files(db, find_study(db, "short"), list(Mode), blinded=True), dataset)
    assert sorted(dataset.rglob("*")) == before
