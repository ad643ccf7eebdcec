"""Rows of responses.csv to write and spoil."""

import csv
from collections.abc import Iterable
from pathlib import Path

from analysis.inputs.responses import RESPONSE_COLUMNS
from study_server.export import parquet_files
from tests.analysis.studies import read_crossed

Row = dict[str, str]
PLAIN: Row = dict.fromkeys(RESPONSE_COLUMNS, "") | {
    "study": "trees",
    "participant": "p1",
    "outcome": "complete",
    "mode": "live",
    "kind": "test",
    "block": "0",
    "position": "0",
    "task": "real_or_fake",
    "candidates": "2",
    "presentation": "sequential",
    "question": "fake",
    "image": "oak",
    "method": "mcl",
    "truth": "left",
    "answer": "right",
    "rt_ms": "812",
}


def make_row(**changes: str) -> Row:
    """A live, answered test trial that fooled, of a pair; changes: what is otherwise."""
    image = changes.get("image", PLAIN["image"])
    return PLAIN | {"real_image": image} | changes


def make_study(**changes: str) -> list[Row]:
    """The reference set as rows; changes: what every row has otherwise."""
    study = read_crossed()
    trials = zip(study.participant, study.image, study.method, study.fooled, strict=True)
    return [
        make_row(
            participant=f"p{participant}",
            position=str(position),
            image=f"img{image}",
            method=str(method),
            answer="right" if fooled else "left",
        )
        | changes
        for position, (participant, image, method, fooled) in enumerate(trials)
    ]


def write_parquet(path: Path, rows: Iterable[Row], table: str = "responses") -> Path:
    """A table as Parquet at `path`, with the types of an export."""
    rows = list(rows)
    parquet_files.write_parquet(path, table, rows[0], rows)
    return path


def write_csv(path: Path, rows: Iterable[Row]) -> Path:
    """responses.csv at `path`; its columns are those of the first row."""
    rows = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path
