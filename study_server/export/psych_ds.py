"""Export a study as a Psych-DS dataset, which repositories and search engines can read.

Rules: psychds-docs.readthedocs.io, "Rules and Conventions". Data files are data/**/*_data.csv,
named by keywords; dataset_description.json (JSON-LD of schema.org) describes every column.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from study_server.counts import format_count
from study_server.export import codebook, rows
from study_server.export.csv_files import (
    CODEBOOK_TABLE,
    DESIGN_JSON,
    LINK_PARAMETERS_TABLE,
    PARTICIPANTS_TABLE,
    QUESTIONNAIRE_TABLE,
    CsvTable,
    build_tables,
    format_csv,
)
from study_server.export.zip_stream import TextPieces
from study_server.protocol.model import parse_stored_protocol
from study_server.storage.models import Study
from study_server.vocabulary import Mode, QuestionType

JSON_LD_CONTEXT = "https://schema.org/"
PSYCH_DS_VERSION = "Psych-DS 1.5.0"
KEYWORDS = ("perceptual realism", "human evaluation", "image generation")


def iterate_files(
    db: Session, study: Study, modes: Collection[Mode], blinded: bool
) -> Iterator[tuple[str, TextPieces]]:
    """Yield the path and the content of every file; each content must be read before the next.

    blinded: whether the truth of live trials is left out (`unblinding.decide_blinding`).
    """
    yield "dataset_description.json", [format_json(describe_dataset(study))]
    yield "README.md", [_format_readme(study)]
    yield from iterate_data_files(
        db, study, map(remove_free_text, build_tables(db, study, modes, blinded))
    )
    if study.design is not None:
        yield f"materials/{DESIGN_JSON}", [study.design]


def iterate_data_files(
    db: Session, study: Study, tables: Iterable[CsvTable]
) -> Iterator[tuple[str, TextPieces]]:
    """Yield the files that hold the tables, describe their columns and list the changes."""
    yield "CHANGES.md", [_format_changes(db, study)]
    for table in tables:
        if table.name == CODEBOOK_TABLE:
            without_first_line = replace(table, first_line="")  # Psych-DS requires rectangular CSVs
            yield f"documentation/{table.file_name}", format_csv(without_first_line)
            continue
        stem = f"data/{data_file_stem(study.slug, table.name)}"
        variables = _variables_measured(codebook.TABLE_COLUMNS[table.name])
        yield f"{stem}.json", [format_json({"variableMeasured": variables})]
        yield f"{stem}.csv", format_csv(table)


def remove_free_text(table: CsvTable) -> CsvTable:
    """Return a table without what may identify participants once it is published."""
    if table.name == LINK_PARAMETERS_TABLE:
        return replace(table, rows=())
    if table.name == PARTICIPANTS_TABLE:
        return replace(table, rows=(row | {"comment": ""} for row in table.rows))
    if table.name == QUESTIONNAIRE_TABLE:
        return replace(table, rows=(row for row in table.rows if row["type"] != QuestionType.TEXT))
    return table


def data_file_stem(slug: str, table: str) -> str:
    """Return the stem of a data file; the values of its keywords are letters and digits only."""
    description = table.replace("_", "")
    return f"study-{slug.replace('-', '')}_description-{description}_data"


def describe_dataset(study: Study) -> dict[str, object]:
    """Return the contents of dataset_description.json, without what only authors know."""
    columns: dict[str, str] = {}
    for table in codebook.TABLE_COLUMNS.values():
        columns = {**table, **columns}  # the meaning in the first table with the column counts
    protocol = parse_stored_protocol(study.protocol)
    return {
        "@context": JSON_LD_CONTEXT,
        "@type": "Dataset",
        "name": study.title,
        "description": (
            f"Perceptual-realism study of {', '.join(protocol.methods)}: trial-level responses "
            f"from the task {protocol.task}, {protocol.presentation} (protocol {protocol.preset})."
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


def format_json(content: object) -> str:
    """Return JSON that people can read."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _format_readme(study: Study) -> str:
    return f"""# {study.title}

Exported from the study `{study.slug}` by Hue & Eye, in the format {codebook.FORMAT_VERSION}.

- `data/`: one file per table. The `.json` file next to each describes its columns;
  `documentation/codebook.csv` describes all of them. A trial is identified by study, participant
  and position; a participant by study and participant.
- `materials/design.json`: the design frozen before the first participant (if it was frozen). Every
  row of the responses contains its SHA-256.

Comments, free-text answers and link parameters are left out, because they may identify
participants.

Where a text could be read as a formula (`=`, `+`, `-` or `@` at its beginning or after a semicolon,
a tab or a line break), an apostrophe precedes it.

Before you publish this dataset, add to `dataset_description.json`: author, license, citation,
funder, url, privacyPolicy.
"""


def _format_changes(db: Session, study: Study) -> str:
    unblinding_lines = [
        f"- {row['unblinded_at']}: unblinded by {row['by']} after "
        f"{format_count(int(str(row['complete'])), 'participant', 'participants')} had finished."
        for row in rows.list_unblinding(db, study)
    ]
    change_lines = [
        f"- {row['changed_at']}: {row['setting']} changed from {row['before'] or 'none'} to "
        f"{row['after'] or 'none'} by {row['by']}."
        for row in rows.list_changes(db, study)
    ]
    frozen = study.design_sha256 or "none (the study was not frozen)"
    lines = [
        "# Changes",
        "",
        f"Design: {frozen}.",
        "",
        "Early unblindings:",
        "",
        *(unblinding_lines or ["none."]),
        "",
        "Changes of settings after the freeze:",
        "",
        *(change_lines or ["none."]),
    ]
    return "\n".join(lines) + "\n"
