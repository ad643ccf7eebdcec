"""Read the text of CSV files that a spreadsheet may have saved in its own encoding and dialect."""

import csv
import re

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")  # Excel's "Unicode text"
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def decode_spreadsheet(content: bytes) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding.

    Raises UnicodeDecodeError if it has none of the encodings that spreadsheets save.
    """
    if content.startswith(UTF_16_MARKS):
        return content.decode("utf-16"), "UTF-16"
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return content.decode("cp1252"), "Windows-1252"  # Excel's, unless told otherwise


def find_delimiter(text: str) -> str:
    """Return the delimiter by which the first line has the most cells; a comma if it has one."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]

    def count_cells(delimiter: str) -> int:
        return len(next(csv.reader([header], delimiter=delimiter), []))

    return max(DELIMITERS, key=count_cells)
