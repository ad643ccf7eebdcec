"""The pay sheet as a file that spreadsheet programs change."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from study_server.errors import StudyError
from study_server.payment.sheet import PayAction, PaySheetRow, read_sheet, write_sheet
from study_server.recruitment.platforms import SubmissionStatus
from study_server.vocabulary import RecruitmentSource


def save_as_excel(file: Path) -> None:
    """Save a sheet as a German Excel does: semicolons, its own encoding, decimal commas."""
    rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    with file.open("w", encoding="cp1252", newline="") as handle:
        csv.writer(handle, delimiter=";").writerows(rows)


def test_a_sheet_saved_by_a_german_excel_is_read(tmp_path: Path) -> None:
    file = tmp_path / "pay.csv"
    place = RecruitmentSource.PROLIFIC, "p1", "s1", SubmissionStatus.SUBMITTED, "", "", "", ""
    row = PaySheetRow(*place, PayAction.PAY, "schön; =1+1", "1,5")
    write_sheet(file, [row])
    assert "schön;' =1+1" in file.read_text()
    save_as_excel(file)
    assert read_sheet(file) == [replace(row, bonus="1.50")]


@pytest.mark.parametrize("bonus", ["1,50 €", "1.234,50", "-1", "a lot"])
def test_a_bonus_that_is_no_amount_is_refused_with_its_line(bonus: str, tmp_path: Path) -> None:
    file = tmp_path / "pay.csv"
    place = RecruitmentSource.PROLIFIC, "p1", "s1", SubmissionStatus.SUBMITTED, "", "", "", ""
    write_sheet(file, [PaySheetRow(*place, PayAction.PAY, "why", bonus)])
    with pytest.raises(StudyError, match=r"pay\.csv:2: bonus .* is not an amount such as 1\.50"):
        read_sheet(file)
