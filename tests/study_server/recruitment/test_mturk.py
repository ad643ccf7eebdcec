"""MTurk's API, checked by botocore's stubber, which refuses invalid requests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

from study_server.cli import commands
from study_server.errors import StudyError
from study_server.payment.sheet import PayAction, PaySheetRow, write_sheet
from study_server.recruitment import mturk
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.vocabulary import RecruitmentSource
from tests.study_server.mturk_stub import stubbed_mturk

HIT = "3HIT"
ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<QuestionFormAnswers xmlns="http://mechanicalturk.amazonaws.com/\
AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd">
<Answer><QuestionIdentifier>other</QuestionIdentifier><FreeText>x</FreeText></Answer>
<Answer><QuestionIdentifier>code</QuestionIdentifier><FreeText>C1A2B3</FreeText></Answer>
</QuestionFormAnswers>"""


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stubber]:
    monkeypatch.setenv("STUDY_DATABASE_URL", f"sqlite:///{tmp_path / 'pay.sqlite'}")
    with stubbed_mturk(monkeypatch) as stubber:
        yield stubber


def assignment(number: int, status: str, **more: Any) -> dict[str, Any]:
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    return {
        "AssignmentId": f"3A{number}", "WorkerId": f"A{number}", "HITId": HIT,
        "AssignmentStatus": status, "SubmitTime": moment,
    } | more  # fmt: skip


def add_status(stubber: Stubber, number: int, status: str) -> None:
    """Let the next request about an assignment return this status."""
    found = {"Assignment": assignment(number, status)}
    stubber.add_response("get_assignment", found, {"AssignmentId": f"3A{number}"})


def test_the_sandbox_is_another_address(stubber: Stubber) -> None:
    assert stubber.client.meta.endpoint_url == mturk.SANDBOX_ENDPOINT


def test_assignments_come_from_all_pages(stubber: Stubber) -> None:
    first = {"Assignments": [assignment(1, "Submitted", Answer=ANSWER)], "NextToken": "more"}
    second = {"Assignments": [assignment(2, "Approved"), assignment(3, "Rejected", Answer="")]}
    asked = {"HITId": HIT, "MaxResults": 100}
    stubber.add_response("list_assignments_for_hit", first, asked)
    stubber.add_response("list_assignments_for_hit", second, asked | {"NextToken": "more"})
    assert mturk.list_assignments(stubber.client, HIT) == [
        Submission("A1", "3A1", SubmissionStatus.SUBMITTED, "C1A2B3"),
        Submission("A2", "3A2", SubmissionStatus.APPROVED),
        Submission("A3", "3A3", SubmissionStatus.REJECTED),
    ]
    stubber.assert_no_pending_responses()


def test_the_sheet_is_paid_as_its_actions_say(stubber: Stubber, tmp_path: Path) -> None:
    file = tmp_path / "pay.csv"
    actions = (PayAction.PAY, "2.25"), (PayAction.REJECT, ""), (PayAction.DECIDE, "")
    write_sheet(
        file,
        [
            PaySheetRow(
                RecruitmentSource.MTURK, f"A{n}", f"3A{n}", SubmissionStatus.SUBMITTED, "", "", "",
                "",
                action, "why",
                bonus,
            )
            for n, (action, bonus) in enumerate(actions)
        ],
    )  # fmt: skip
    add_status(stubber, 0, "Submitted")
    stubber.add_response("approve_assignment", {}, {"AssignmentId": "3A0"})
    add_status(stubber, 1, "Submitted")
    rejected = {"AssignmentId": "3A1", "RequesterFeedback": "why"}
    stubber.add_response("reject_assignment", {}, rejected)
    bonus = {
        "WorkerId": "A0", "AssignmentId": "3A0", "BonusAmount": "2.25", "Reason": "why",
        "UniqueRequestToken": "bonus-3A0",
    }  # fmt: skip
    stubber.add_response("list_bonus_payments", {"BonusPayments": []}, {"AssignmentId": "3A0"})
    stubber.add_response("send_bonus", {}, bonus)
    result = CliRunner().invoke(commands, ["pay", str(file), "--sandbox"])
    assert result.output == f"{file}: done: 1 pay, 1 reject, 1 bonus\n"
    stubber.assert_no_pending_responses()


def test_a_refusal_by_mturk_is_a_one_line_error(stubber: Stubber) -> None:
    stubber.add_client_error("approve_assignment", "RequestError", "This assignment is gone")
    with pytest.raises(StudyError, match=r"MTurk: .*This assignment is gone"):
        mturk.approve_assignment(stubber.client, "3A1")


def test_missing_credentials_are_a_one_line_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = mturk.create_client(sandbox=True)
    with pytest.raises(StudyError, match="MTurk: Unable to locate credentials"):
        mturk.approve_assignment(client, "3A1")
    client.close()


def test_a_second_run_pays_nobody_again(stubber: Stubber, tmp_path: Path) -> None:
    file = tmp_path / "pay.csv"
    place = RecruitmentSource.MTURK, "A0", "3A0", SubmissionStatus.SUBMITTED, "", "", "", ""
    write_sheet(file, [PaySheetRow(*place, PayAction.PAY, "why", "1.50")])
    add_status(stubber, 0, "Approved")
    paid = {"WorkerId": "A0", "BonusAmount": "1.50", "AssignmentId": "3A0"}
    asked = {"AssignmentId": "3A0"}
    stubber.add_response("list_bonus_payments", {"BonusPayments": [paid]}, asked)
    result = CliRunner().invoke(commands, ["pay", str(file), "--sandbox"])
    assert result.output == f"{file}: done: 2 already settled\n"
    stubber.assert_no_pending_responses()
