"""The rules of Psych-DS 1.5.0 that its validator enforces as errors, each as a check."""

import csv
import json
import re
from pathlib import Path
from typing import Any

# of the validator's schema: rules.files.tabular_data.data.Datafile.fileRegex
DATA_FILE = re.compile(r"([a-z]+-[a-zA-Z0-9]+)(_[a-z]+-[a-zA-Z0-9]+)*_data\.(csv|tsv)")
KEYWORDS = {
    "study", "site", "subject", "session", "task", "condition", "trial", "stimulus", "description",
}  # fmt: skip
REQUIRED_KEYS = {"name", "description", "variableMeasured"}  # rules.compiled_metadata
OF_A_DATASET = {  # properties of schema.org's Dataset, those that are used here
    "name", "description", "schemaVersion", "identifier", "keywords", "variableMeasured",
    "author", "license", "citation", "url",
}  # fmt: skip


def require_valid(dataset: Path) -> None:
    """Require that a folder follows all rules."""
    require_description(dataset)
    files = list_data_files(dataset)
    assert files
    for file in files:
        require_named_by_keywords(file)
        require_rectangular(file)
    require_described_columns(dataset)


def require_description(dataset: Path) -> None:
    """Require that dataset_description.json is a Dataset of schema.org with the required keys."""
    description = read_description(dataset / "dataset_description.json")
    assert description["@context"] == "https://schema.org/"
    assert description["@type"] == "Dataset"
    keys = {key for key in description if not key.startswith("@")}
    assert keys <= OF_A_DATASET
    assert all(description[key] for key in REQUIRED_KEYS)
    for variable in description["variableMeasured"]:
        assert set(variable) == {"@type", "name", "description"}
        assert variable["@type"] == "PropertyValue"


def require_named_by_keywords(file: Path) -> None:
    """Require that a data file is named by official keywords."""
    assert DATA_FILE.fullmatch(file.name), file
    stem = file.name.removesuffix("_data.csv")
    assert {keyword.partition("-")[0] for keyword in stem.split("_")} <= KEYWORDS, file


def require_rectangular(file: Path) -> None:
    """Require that a table has a header without repetitions, and rows of its length."""
    header, *rows = read_table(file)
    assert len(set(header)) == len(header), file
    assert {len(row) for row in rows} <= {len(header)}, file
    assert "row_id" not in header, file  # its values would have to be unique


def require_described_columns(dataset: Path) -> None:
    """Require that every column is described, in both descriptions, and nothing else is."""
    columns = {file: read_table(file)[0] for file in list_data_files(dataset)}
    described = list_described(dataset / "dataset_description.json")
    assert set(described) == {name for header in columns.values() for name in header}
    for file, header in columns.items():
        assert list_described(file.with_suffix(".json")) == header, file


def list_data_files(dataset: Path) -> list[Path]:
    """Return every table of the folder data."""
    return sorted((dataset / "data").rglob("*.csv"))


def list_described(file: Path) -> list[str]:
    """Return the columns that a description lists."""
    return [variable["name"] for variable in read_description(file)["variableMeasured"]]


def read_description(file: Path) -> dict[str, Any]:
    """Return the contents of a description."""
    contents: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return contents


def read_table(file: Path) -> list[list[str]]:
    """Return the rows of a table, with its header."""
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle, strict=True))
