"""Studies whose stimuli are audited once: a second import of the same study is a copy."""

import re
import secrets
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, insert, select

from study_server.protocol.model import Protocol
from study_server.stimuli.importing import import_study
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Base
from study_server.vocabulary import StudyState
from study_server.wording.files import TextsByPart, compose_wording
from tests.databases import open_prepared

STUDY, STIMULUS = Base.metadata.tables["study"], Base.metadata.tables["stimulus"]
Row = dict[str, Any]


@dataclass(frozen=True)
class ImportedStudy:
    """The rows that an import leaves, without their ids, and its files by name."""

    study: Row
    parts: dict[Table, list[Row]]
    files: dict[str, bytes]


def open_study(engine: Engine, protocol: Protocol, manifest: Path, instance: Path) -> str:
    """Import a study, open it and return its slug."""
    imported = import_once(protocol.canonical_json(), manifest, manifest.read_bytes())
    copy_import(imported, engine, instance / "stimuli")
    return protocol.slug


@cache
def import_once(protocol_json: str, manifest: Path, _contents: bytes) -> ImportedStudy:
    """Import a study into a database of its own."""
    protocol = Protocol.model_validate_json(protocol_json)
    with tempfile.TemporaryDirectory() as name:
        engine = open_prepared(f"sqlite:///{Path(name, 'study.sqlite')}")
        stimuli = Path(name, "stimuli")
        wording = fill_in(compose_wording(protocol))
        import_study(engine, protocol, manifest, stimuli, wording=wording)
        with read_session(engine) as db:
            rows = {
                table: [dict(row) for row in db.execute(select(table)).mappings()]
                for table in Base.metadata.sorted_tables
            }
        engine.dispose()
        files = {file.name: file.read_bytes() for file in stimuli.rglob("*.png")}
    (study,) = rows.pop(STUDY)
    for row in (study, *rows[STIMULUS]):
        del row["id"]
    return ImportedStudy(study, {table: found for table, found in rows.items() if found}, files)


def copy_import(imported: ImportedStudy, engine: Engine, stimuli: Path) -> None:
    """Store the rows and files as an import does, with a folder and secrets of their own."""
    folder = stimuli / secrets.token_hex(8)
    folder.mkdir(parents=True)
    for name, contents in imported.files.items():
        (folder / name).write_bytes(contents)
    own = {
        "schedule_seed": secrets.token_hex(16),
        "identity_key": secrets.token_bytes(32),
        "created_at": datetime.now(UTC),
        "state": StudyState.OPEN,
    }
    with write_transaction(engine) as db:
        (study,) = db.execute(
            insert(STUDY).values(imported.study | own).returning(STUDY.c.id)
        ).scalars()
        for table, rows in imported.parts.items():
            db.execute(insert(table), [move(row, study, folder.name) for row in rows])


def move(row: Row, study: int, folder: str) -> Row:
    """Return a row of another study whose files, if it has any, are in another folder."""
    moved = row | {"study_id": study}
    return moved | {"file": f"{folder}/{Path(row['file']).name}"} if "file" in row else moved


def fill_in(texts: TextsByPart) -> TextsByPart:
    """Fill in the placeholders that only a researcher can fill in."""
    return {place: re.sub(r"\[\.\.\.[^]]*\]", "Ada", text) for place, text in texts.items()}
