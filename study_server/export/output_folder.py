"""Keep the files of two studies in one folder apart."""

import json
from pathlib import Path

from study_server.errors import StudyError
from study_server.export.csv_files import DESIGN_JSON


def default_design_path(slug: str) -> Path:
    """Return where `study freeze` writes the design: design.json, unless another study has it."""
    taken = read_design_study(Path(DESIGN_JSON))
    return Path(DESIGN_JSON) if taken in (None, slug) else Path(f"design-{slug}.json")


def require_own_folder(out: Path, slug: str) -> None:
    """Raise StudyError if an export to `out` would replace files of another study.

    An export writes files with fixed names beside the responses, so each study needs a folder.
    """
    other = read_design_study(out.with_name(DESIGN_JSON)) or _read_exported_study(out)
    if other is not None and other != slug:
        raise StudyError(
            f"{out.parent}: this folder has files of study {other!r}; "
            f"use --out {out.parent / slug / out.name}"
        )


def read_design_study(file: Path) -> str | None:
    """Return the slug in a design file, or None if it is not a design."""
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["study"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_exported_study(responses: Path) -> str | None:
    """Return the study of the first row of a responses file, or None."""
    try:
        with responses.open(encoding="utf-8-sig") as file:
            header, row = file.readline(), file.readline()
    except (OSError, UnicodeDecodeError):
        return None
    first = row.replace('"', "").partition(",")[0].strip()
    return first if header.replace('"', "").startswith("study,") and first else None
