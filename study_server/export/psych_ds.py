"""A study as a Psych-DS dataset, which repositories and search engines can read.

Rules: psychds-docs.readthedocs.io, "Rules and Conventions". Data files are data/**/*_data.csv,
named by keywords; dataset_description.json, JSON-LD of schema.org, tells every column.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from study_server.export import codebook, rows
from study_server.export.csv_files import CODEBOOK_TABLE, DESIGN_JSON, build_tables, format_csv
from study_server.export.zip_stream import TextPieces
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Study
from study_server.vocabulary import Mode

JSON_LD_CONTEXT = "https://schema.org/"
PSYCH_DS_VERSION = "Psych-DS 1.5.0"
KEYWORDS = ("perceptual realism", "two-alternative forced choice", "image generation")


def iterate_files(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> Iterator[tuple[str, TextPieces]]:
    """Path and content of every file, to be read in turn. blinded: as `decide_blinding` decides."""
    exported = build_tables(db, study, modes, blinded)
    yield "dataset_description.json", [_format_json(_dataset_description(study))]
    yield "README.md", [_format_readme(study)]
    yield "CHANGES.md", [_format_changes(db, study)]
    for table in exported:
        if table.name == CODEBOOK_TABLE:
            rows_alone = replace(table, first_line="")  # every CSV is to be rectangular
            yield f"documentation/{table.file_name}", format_csv(rows_alone)
            continue
        stem = f"data/{data_file_stem(study.slug, table.name)}"
        yield (
            f"{stem}.json",
            [
                _format_json(
                    {"variableMeasured": _variables_measured(codebook.TABLE_COLUMNS[table.name])}
                )
            ],
        )
        yield f"{stem}.csv", format_csv(table)
    if study.design is not None:
        yield f"materials/{DESIGN_JSON}", [study.design]


def data_file_stem(slug: str, table: str) -> str:
    """Stem of a data file: keywords have letters and digits only as values."""
    return f"study-{slug.replace('-', '')}_description-{table}_data"


def _dataset_description(study: Study) -> Mapping[str, object]:
    columns: dict[str, str] = {}
    for table in codebook.TABLE_COLUMNS.values():
        columns = {**table, **columns}  # what a column is stands where it first comes
    protocol = parse_stored_protocol(study.protocol)
    return {
        "@context": JSON_LD_CONTEXT,
        "@type": "Dataset",
        "name": study.title,
        "description": (
            f"Who can tell a photograph from a fake of {', '.join(protocol.methods)}? Answers to "
            f"every trial of a {protocol.presentation} test after the protocol {protocol.preset}."
        ),
        "schemaVersion": PSYCH_DS_VERSION,
        "identifier": study.slug,
        "keywords": list(KEYWORDS),
        "variableMeasured": _variables_measured(columns),
    }


def _variables_measured(columns: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [
        {"@type": "PropertyValue", "name": name, "description": meaning}
        for name, meaning in columns.items()
    ]


def _format_json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _format_readme(study: Study) -> str:
    return f"""# {study.title}

Exported from the study `{study.slug}` by Hue & Eye, in the format {codebook.FORMAT_VERSION}.

- `data/`: one table a file; the `.json` beside each tells its columns, and
  `documentation/codebook.csv` tells them all. A trial is told by study, participant and position
  together, a participant by study and participant.
- `materials/design.json`: what was fixed before the first participant, if it was; every row of the
  responses carries its SHA-256.

A text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return stands behind an apostrophe.

To be added by whoever publishes this, in `dataset_description.json`: author, license, citation,
funder, url, privacyPolicy.
"""


def _format_changes(db: Session, study: Study) -> str:
    unblinding_lines = [
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
        *(unblinding_lines or ["none."]),
    ]
    return "\n".join(lines) + "\n"
