"""Build the files of a preregistration: the frozen design and its sources."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from study_server.errors import StudyError
from study_server.export import rows
from study_server.export.codebook import CHANGE_COLUMNS, UNBLINDING_COLUMNS
from study_server.export.csv_files import DESIGN_JSON, CsvTable, format_csv
from study_server.protocol.model import parse_stored_protocol
from study_server.protocol.study_toml import format_toml
from study_server.storage.models import Study
from study_server.vocabulary import StudyState
from study_server.wording.stored import load_wording

CHECKSUM_FILE = "SHA256SUMS"
WORDING_FOLDER = "wording"


def build_preregistration(db: Session, study: Study) -> dict[str, str]:
    """Return the content of each file by path; the last file lists the SHA-256 of the others.

    `study import` and `study freeze` accept study.toml, wording/ and plan.toml as inputs. The seed
    of the schedule, whose SHA-256 is in the design, is included once the study is closed, because
    it reveals who saw what. Raises StudyError if the study is not frozen.
    """
    if study.design is None:
        raise StudyError(
            f"study {study.slug!r} is not frozen; run `study freeze {study.slug}` first"
        )
    protocol = parse_stored_protocol(study.protocol).model_copy(update={"wording": WORDING_FOLDER})
    wording = {
        f"{WORDING_FOLDER}/{language}/{part}.md": text
        for (language, part), text in load_wording(db, study).items()
    }
    logs = (
        CsvTable("unblinding", UNBLINDING_COLUMNS, rows.list_unblinding(db, study)),
        CsvTable("changes", CHANGE_COLUMNS, rows.list_changes(db, study)),
    )
    files = {
        DESIGN_JSON: study.design,
        "study.toml": format_toml(protocol),
        **wording,
        "plan.toml": format_plan_toml(json.loads(study.design)["plan"]),
        **({"schedule_seed.txt": study.schedule_seed} if study.state is StudyState.CLOSED else {}),
        **{table.file_name: "".join(format_csv(table)) for table in logs},
    }
    return files | {CHECKSUM_FILE: _format_checksums(files)}


def format_plan_toml(plan: Mapping[str, Any]) -> str:
    """Format plan.toml. JSON's notation of numbers, texts and lists is also valid TOML."""
    lines = [
        f"{key} = {_format_toml_value(value)}" for key, value in plan.items() if key != "exclusions"
    ]
    rules = [f"{rule} = {_format_toml_value(value)}" for rule, value in plan["exclusions"].items()]
    return "\n".join([*lines, "", "[exclusions]", *rules, ""])


def _format_toml_value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _format_checksums(files: Mapping[str, str]) -> str:
    """Format the checksums for `sha256sum --check SHA256SUMS`."""
    sums = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    return "".join(f"{digest}  {path}\n" for path, digest in sums.items())
