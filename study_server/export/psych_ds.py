"""A study as a Psych-DS dataset, which repositories and search engines can read.

Rules: psychds-docs.readthedocs.io, "Rules and Conventions". Data files are data/**/*_data.csv,
named by keywords; dataset_description.json, JSON-LD of schema.org, tells every column.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from study_server.export import codebook, rows
from study_server.export.csv_files import CODEBOOK, DESIGN_JSON, list_tables, write_csv
from study_server.export.zip_stream import Content
from study_server.protocol.model import stored_protocol
from study_server.storage.models import Study
from study_server.vocabulary import Mode

CONTEXT = "https://schema.org/"
VERSION = "Psych-DS 1.5.0"
KEYWORDS = ("perceptual realism", "two-alternative forced choice", "image generation")


def list_files(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> Iterator[tuple[str, Content]]:
    """Path and content of every file, to be read in turn. blinded: as `withhold_truth` decides."""
    exported = list_tables(db, study, modes, blinded)
    yield "dataset_description.json", [_json(_describe(study))]
    yield "README.md", [_write_readme(study)]
    yield "CHANGES.md", [_write_changes(db, study)]
    for table in exported:
        if table.name == CODEBOOK:
            rows_alone = replace(table, first_line="")  # every CSV is to be rectangular
            yield f"documentation/{table.file}", write_csv(rows_alone)
            continue
        stem = f"data/{name_data(study.slug, table.name)}"
        yield f"{stem}.json", [_json({"variableMeasured": _variables(codebook.TABLES[table.name])})]
        yield f"{stem}.csv", write_csv(table)
    if study.design is not None:
        yield f"materials/{DESIGN_JSON}", [study.design]


def name_data(slug: str, table: str) -> str:
    """Stem of a data file: keywords have letters and digits only as values."""
    return f"study-{slug.replace('-', '')}_description-{table}_data"


def _describe(study: Study) -> Mapping[str, object]:
    columns: dict[str, str] = {}
    for table in codebook.TABLES.values():
        columns = {**table, **columns}  # what a column is stands where it first comes
    protocol = stored_protocol(study.protocol)
    return {
        "@context": CONTEXT,
        "@type": "Dataset",
        "name": study.title,
        "description": (
            f"Who can tell a photograph from a fake of {', '.join(protocol.methods)}? Answers to "
            f"every trial of a {protocol.presentation} test after the protocol {protocol.preset}."
        ),
        "schemaVersion": VERSION,
        "identifier": study.slug,
        "keywords": list(KEYWORDS),
        "variableMeasured": _variables(columns),
    }


def _variables(columns: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [
        {"@type": "PropertyValue", "name": name, "description": meaning}
        for name, meaning in columns.items()
    ]


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _write_readme(study: Study) -> str:
    return f"""# {study.title}

Exported from the study `{study.slug}` by Hue & Eye, in the format {codebook.VERSION}.

- `data/`: one table a file; the `.json` beside each tells its columns, and
  `documentation/codebook.csv` tells them all. A trial is told by study, participant and position
  together, a participant by study and participant.
- `materials/design.json`: what was fixed before the first participant, if it was; every row of the
  responses carries its SHA-256.

A text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return stands behind an apostrophe.

To be added by whoever publishes this, in `dataset_description.json`: author, license, citation,
funder, url, privacyPolicy.
"""


def _write_changes(db: Session, study: Study) -> str:
    looks = [
        f"- {look['unblinded_at']}: the truth was taken by {look['by']}, at {look['complete']} "
        "complete participants."
        for look in rows.list_unblinding(db, study)
    ]
    frozen = study.design_sha256 or "none, the study is not frozen"
    lines = [
        "# Changes",
        "",
        f"Design: {frozen}.",
        "",
        "Looks at the truth while the study was blinded:",
        "",
        *(looks or ["none."]),
    ]
    return "\n".join(lines) + "\n"
