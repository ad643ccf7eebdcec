"""Read manifest.csv, which a spreadsheet may have saved with semicolons or tabs."""

import csv
import io
from pathlib import Path

from analysis.inputs.spreadsheet_text import decode_spreadsheet, find_delimiter


def read_manifest_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a manifest. Raises OSError, csv.Error or UnicodeDecodeError."""
    text, _ = decode_spreadsheet(path.read_bytes())
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=find_delimiter(text)))
