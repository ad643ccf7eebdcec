"""Read manifest.csv, which a spreadsheet may have saved with semicolons or tabs."""

import csv
import io
from pathlib import Path

from analysis.inputs.responses import ResponsesError
from analysis.inputs.spreadsheet_text import decode_spreadsheet, find_delimiter

MANIFEST_FILE = "manifest.csv"
COLUMNS = {"image", "method", "file"}


def read_manifest_table(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the manifest in a folder; cells that a row lacks are empty.

    Raises ResponsesError if the manifest is missing or damaged.
    """
    path = folder / MANIFEST_FILE
    try:
        text, _ = decode_spreadsheet(path.read_bytes())
        lines = io.StringIO(text, newline="")
        reader = csv.DictReader(lines, restval="", delimiter=find_delimiter(text))
        rows = list(reader)
    except OSError as error:
        raise ResponsesError(
            f"{path}: {error.strerror}; use --stimuli with the output folder of `colorizer batch`"
        ) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ResponsesError(f"{path}: not a stimulus manifest ({error})") from error
    if missing := COLUMNS - set(reader.fieldnames or ()):
        raise ResponsesError(f"{path}: not a stimulus manifest (no column {min(missing)})")
    return rows
