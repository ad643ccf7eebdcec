"""Read manifest.csv, which a spreadsheet may have saved with semicolons or tabs."""

import csv
import io
from pathlib import Path

DELIMITERS = ",;\t"


def read_manifest_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a manifest. Raises OSError, csv.Error or UnicodeDecodeError."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")  # as Excel saves it unless told otherwise
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
