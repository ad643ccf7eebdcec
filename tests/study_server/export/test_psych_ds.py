"""The rules of Psych-DS (psychds-docs.readthedocs.io, Rules and Conventions), each as a check."""

import csv
import json
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

# of the validator's schema: rules.files.tabular_data.data.Datafile.fileRegex
DATA_FILE = re.compile(r"([a-z]+-[a-zA-Z0-9]+)(_[a-z]+-[a-zA-Z0-9]+)*_data\.(csv|tsv)")
KEYWORDS = {
    "study", "site", "subject", "session", "task", "condition", "trial", "stimulus", "description",
}  # fmt: skip
OF_A_DATASET = {  # of schema.org, those that are used here
    "name", "description", "schemaVersion", "identifier", "keywords", "variableMeasured",
}  # fmt: skip


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


def data_files(dataset: Path) -> list[Path]:
    return sorted((dataset / "data").rglob("*_data.csv"))


def read(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle, strict=True))


def described(file: Path) -> list[str]:
    return [variable["name"] for variable in json.loads(file.read_text())["variableMeasured"]]


def test_the_description_has_the_required_properties_of_schema_org(
    dataset: Path,
) -> None:
    description = json.loads((dataset / "dataset_description.json").read_text("utf-8"))
    assert description["@context"] == "https://schema.org/"
    assert description["@type"] == "Dataset"
    assert {key for key in description if not key.startswith("@")} == OF_A_DATASET
    assert description["name"]
    assert description["description"]
    for variable in description["variableMeasured"]:
        assert set(variable) == {"@type", "name", "description"}
        assert variable["@type"] == "PropertyValue"


def test_there_are_data_files_named_by_official_keywords(dataset: Path) -> None:
    files = data_files(dataset)
    assert len(files) == 9
    for file in (dataset / "data").rglob("*.csv"):
        assert DATA_FILE.fullmatch(file.name), file
        stem = file.name.removesuffix("_data.csv")
        assert {keyword.partition("-")[0] for keyword in stem.split("_")} <= KEYWORDS


def test_every_csv_has_a_header_and_rows_of_its_length(dataset: Path) -> None:
    for file in dataset.rglob("*.csv"):
        header, *rows = read(file)
        assert len(set(header)) == len(header)
        assert {len(row) for row in rows} <= {len(header)}
        assert "row_id" not in header


def test_every_column_is_described_and_nothing_else_is(dataset: Path) -> None:
    columns = [column for file in data_files(dataset) for column in read(file)[0]]
    assert set(described(dataset / "dataset_description.json")) == set(columns)
    for file in data_files(dataset):
        assert described(file.with_suffix(".json")) == read(file)[0]


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
