"""The lists of submissions that platforms export."""

from pathlib import Path

import pytest

from study_server.errors import StudyError
from study_server.recruitment.platforms import Submission, SubmissionStatus, read_submissions
from study_server.vocabulary import RecruitmentSource

EXPORTS = {
    RecruitmentSource.PROLIFIC: "Submission id,Participant id,Status,Started at,Completion code\n"
    "s1,p1,AWAITING REVIEW,2026-01-05T10:00:00Z,C1\ns2,p2,TIMED-OUT,2026-01-05T10:00:00Z,NOCODE\n",
    RecruitmentSource.MTURK: '"HITId","AssignmentId","WorkerId","AssignmentStatus",'
    '"Answer.surveycode"\n'
    '"h","s1","p1","Submitted","C1"\n"h","s2","p2","Rejected",""\n',
    RecruitmentSource.SONA: "\ufeffSurvey_Code,Date\np1,2026-01-05\np2,2026-01-05\n",
}
READ = {
    RecruitmentSource.PROLIFIC: [
        Submission("p1", "s1", SubmissionStatus.SUBMITTED, "C1"),
        Submission("p2", "s2", SubmissionStatus.TIMED_OUT, "NOCODE"),
    ],
    RecruitmentSource.MTURK: [
        Submission("p1", "s1", SubmissionStatus.SUBMITTED, "C1"),
        Submission("p2", "s2", SubmissionStatus.REJECTED),
    ],
    RecruitmentSource.SONA: [
        Submission("p1", "", SubmissionStatus.SUBMITTED),
        Submission("p2", "", SubmissionStatus.SUBMITTED),
    ],
}


@pytest.mark.parametrize("source", EXPORTS)
def test_a_list_is_recognized_by_its_columns(source: RecruitmentSource, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text(EXPORTS[source], encoding="utf-8")
    assert read_submissions(file) == (source, READ[source])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,age\nx,1\n", "unknown columns; expected those of Prolific"),
        ("Submission id,Participant id,Status\ns1,p1,MAYBE\n", r":2: unknown status 'MAYBE'"),
        ("Submission id,Participant id,Status\ns1,,APPROVED\n", r":2: no participant ID"),
        ("", "unknown columns; expected those of Prolific"),
    ],
)
def test_an_invalid_list_is_an_error_with_its_line(
    content: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "export.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        read_submissions(file)


def test_a_list_saved_by_a_german_excel_is_read_and_rounded_ids_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text(EXPORTS[RecruitmentSource.PROLIFIC].replace(",", ";"), encoding="cp1252")
    source = RecruitmentSource.PROLIFIC
    assert read_submissions(file) == (source, READ[source])
    file.write_text("Submission id;Participant id;Status\ns1;5,1E+23;APPROVED\n")
    with pytest.raises(StudyError, match=r":2: a spreadsheet has rounded the ID to '5,1E\+23'"):
        read_submissions(file)
