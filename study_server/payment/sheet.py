"""The pay sheet: one row per submission on a platform, as a file and as a form of a page."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from study_server.csv_cells import CsvInput, format_row, parse_csv, read_csv
from study_server.errors import StudyError
from study_server.files import atomic_write
from study_server.recruitment.platforms import SubmissionStatus
from study_server.vocabulary import RecruitmentSource

BONUS_PATTERN = re.compile(r"(\d*)(?:[.,](\d{1,2}))?")


class PayAction(StrEnum):
    """The actions that the sheet proposes and that `study pay` carries out."""

    PAY = "pay"
    DECIDE = "decide"  # the researcher replaces this by another action
    WAIT = "wait"
    NOTHING = "nothing"
    RETURN = "return"  # ask the participant to return the submission (Prolific)
    REJECT = "reject"  # reject the submission (MTurk)


@dataclass(frozen=True)
class PaySheetRow:
    """One submission in the pay sheet. external_id: the raw id in the platform's list."""

    source: RecruitmentSource
    external_id: str
    submission: str
    status: SubmissionStatus
    participant: str
    outcome: str
    answers: str
    attention_checks: str
    action: PayAction
    reason: str
    bonus: str = ""


def write_sheet(path: Path, rows: Iterable[PaySheetRow]) -> None:
    """Write the sheet, readable only by the owner, because it contains the platform's ids."""
    with (
        atomic_write(path, private=True) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as handle,
    ):
        handle.writelines(format_sheet(rows))


def format_sheet(rows: Iterable[PaySheetRow]) -> Iterator[str]:
    """Yield the lines of a sheet, which contain the platform's ids."""
    columns = [field.name for field in fields(PaySheetRow)]
    yield ",".join(columns) + "\n"
    for row in rows:
        yield format_row(asdict(row), columns)


def read_sheet(path: Path) -> list[PaySheetRow]:
    """Read a sheet that the researcher has edited; raise StudyError with the file and line."""
    return _read_rows(str(path), read_csv(path, guarded=True))


def parse_sheet(name: str, text: str) -> list[PaySheetRow]:
    """Return the rows of a sheet that a page of the server has sent; raises StudyError."""
    return _read_rows(name, parse_csv(name, text.encode(), guarded=True))


def _read_rows(name: str, table: CsvInput) -> list[PaySheetRow]:
    return [_read_row(row, f"{name}:{line}") for line, row in table.rows]


def _read_row(row: dict[str, str], location: str) -> PaySheetRow:
    try:
        values: dict[str, Any] = row | {
            "source": RecruitmentSource(row["source"]),
            "status": SubmissionStatus(row["status"]),
            "action": PayAction(row["action"].strip().lower()),
            "bonus": parse_bonus(row["bonus"], location),
        }
        return PaySheetRow(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(
            f"{location}: {error}; edit only the columns action ({', '.join(PayAction)}), reason "
            "and bonus"
        ) from error


def parse_bonus(text: str, location: str) -> str:
    """Return an amount such as 1.50, or "". A spreadsheet may have written 1,50 or 1,5.

    location: the place of the text in the message of StudyError, if it is something else.
    """
    amount = BONUS_PATTERN.fullmatch(text.strip())
    if amount is None:
        raise StudyError(f"{location}: bonus {text!r} is not an amount such as 1.50")
    whole, cents = amount[1] or "", amount[2]
    return f"{whole}.{cents:0<2}" if cents else whole
