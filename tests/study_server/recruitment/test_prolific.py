"""Prolific's API, spoken to a local server that answers as its documentation says."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from study_server.cli import commands
from study_server.errors import StudyError
from study_server.payment.sheet import PayAction, PaySheetRow, write_sheet
from study_server.recruitment import prolific as prolific_module
from study_server.recruitment.platforms import Submission, SubmissionStatus
from study_server.recruitment.prolific import ProlificClient
from study_server.vocabulary import RecruitmentSource
from tests.study_server.prolific_stub import STUDY, TOKEN, Stub, speaking, submission


def test_submissions_come_from_all_pages_with_what_prolific_calls_their_status() -> None:
    words = [
        "AWAITING REVIEW",
        "RETURNED",
        "TIMED-OUT",
        "ACTIVE",
        "APPROVED",
        "SCREENED OUT",
        "RESERVED",
    ]
    stub = Stub([submission(n, word, study_code=f"C{n}") for n, word in enumerate(words)])
    with speaking(stub) as prolific:
        listed = prolific.list_submissions(STUDY)
    assert listed[0] == Submission("p0", "s0", SubmissionStatus.SUBMITTED, "C0")
    assert [one.status for one in listed] == [
        SubmissionStatus.SUBMITTED, SubmissionStatus.RETURNED, SubmissionStatus.TIMED_OUT,
        SubmissionStatus.ACTIVE, SubmissionStatus.APPROVED,
        SubmissionStatus.SCREENED_OUT, SubmissionStatus.ACTIVE,
    ]  # fmt: skip
    assert len(stub.heard) == 4  # pages


def test_an_approval_a_return_and_a_bonus_are_what_the_documentation_asks_for() -> None:
    stub = Stub()
    with speaking(stub) as prolific:
        prolific.approve_submission("s1")
        prolific.request_return("s2", "Didn't finish the study")
        prolific.pay_bonuses(STUDY, {"s1": "1.50", "s3": "1.05"})
    api = "/api/v1"
    assert stub.heard == [
        ("POST", f"{api}/submissions/s1/transition/", {"action": "APPROVE"}),
        (
            "POST", f"{api}/submissions/s2/request-return/",
            {"request_return_reasons": ["Didn't finish the study"]},
        ),
        (
            "POST", f"{api}/submissions/bonus-payments/",
            {"study_id": STUDY, "csv_bonuses": "s1,1.50\ns3,1.05"},
        ),
        ("POST", f"{api}/bulk-bonus-payments/b1/pay/", {}),
    ]  # fmt: skip


@pytest.mark.slow(0.3)
def test_a_rate_limit_is_waited_for_and_then_reported() -> None:
    waits: list[float] = []
    limited = (429, {"Retry-After": "7"}, b"")
    stub = Stub([submission(1, "APPROVED")], refusals=[limited, limited])
    with speaking(stub) as prolific:
        patient = ProlificClient(TOKEN, prolific.api_url, sleep=waits.append)
        assert len(patient.list_submissions(STUDY)) == 1
        assert waits == [7, 7]
        stub.refusals = [limited] * 9
        with pytest.raises(StudyError, match=r"429.*try again in a few minutes"):
            patient.list_submissions(STUDY)


NOT_FOUND = b'{"error": {"title": "Not found", "detail": "No such study"}}'
ODD_STATUS = b'{"results": [{"id": "s1", "participant_id": "p1", "status": "ODD"}]}'
ELSEWHERE = b'{"results": [], "_links": {"next": {"href": "https://evil.example/2"}}}'


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, NOT_FOUND, "404: No such study"),
        (404, NOT_FOUND, "; check the ID"),
        (400, b'{"error": "ids are wrong"}', "400: ids are wrong"),
        (500, b"<html>", "500: Internal Server Error"),
        (200, b"<html>", "is not valid JSON"),
        (200, ODD_STATUS, "unknown status 'ODD'"),
        (200, ELSEWHERE, "the token is not sent there"),
    ],
)
def test_failures_are_one_line_errors(status: int, body: bytes, message: str) -> None:
    with (
        speaking(Stub(refusals=[(status, {}, body)])) as prolific,
        pytest.raises(StudyError) as error,
    ):
        prolific.list_submissions(STUDY)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert TOKEN not in str(error.value)


def test_a_wrong_token_is_an_error() -> None:
    with (
        speaking(Stub()) as prolific,
        pytest.raises(StudyError, match="check PROLIFIC_TOKEN"),
    ):
        ProlificClient("another", prolific.api_url).approve_submission("s1")


def test_a_missing_reply_is_not_retried() -> None:
    with (
        speaking(Stub(silent=True)) as prolific,
        pytest.raises(
            StudyError, match=r"no reply .* check on Prolific whether it was carried out"
        ),
    ):
        prolific.approve_submission("s1")
    with pytest.raises(StudyError, match="no reply from Prolific"):  # nobody listens there now
        prolific.approve_submission("s1")


def sheet(tmp_path: Path, *actions: tuple[PayAction, SubmissionStatus, str]) -> Path:
    rows = [
        PaySheetRow(
            RecruitmentSource.PROLIFIC,
            f"p{n}",
            f"s{n}",
            status,
            "",
            "",
            "",
            "",
            action,
            "why",
            bonus,
        )
        for n, (action, status, bonus) in enumerate(actions)
    ]
    write_sheet(tmp_path / "pay.csv", rows)
    return tmp_path / "pay.csv"


def run_pay(prolific: ProlificClient, *arguments: object) -> tuple[int, str]:
    """Run `study pay` with the stub in place of Prolific."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PROLIFIC_TOKEN", TOKEN)
        patched.setattr(
            prolific_module, "ProlificClient", lambda token: replace(prolific, token=token)
        )
        patched.setenv(
            "STUDY_DATABASE_URL", f"sqlite:///{Path(str(arguments[0])).parent}/pay.sqlite"
        )
        result = CliRunner().invoke(commands, ["pay", *map(str, arguments)])
    return result.exit_code, result.output


@pytest.mark.slow(0.8)
def test_the_sheet_is_paid_as_its_actions_say(tmp_path: Path) -> None:
    file = sheet(
        tmp_path,
        (PayAction.PAY, SubmissionStatus.SUBMITTED, ""),
        (PayAction.PAY, SubmissionStatus.APPROVED, "0.50"),
        (PayAction.RETURN, SubmissionStatus.SUBMITTED, ""),
        (PayAction.DECIDE, SubmissionStatus.SUBMITTED, ""),
        (PayAction.NOTHING, SubmissionStatus.RETURNED, "2"),
    )
    stub = Stub([submission(1, "APPROVED"), submission(4, "RETURNED", bonus_payments=[200])])
    with speaking(stub) as prolific:
        assert run_pay(prolific, file, "--dry-run")[0] == 0
        assert stub.heard == []
        code, output = run_pay(prolific, file, "--prolific", STUDY)
    assert (code, output) == (
        0,
        f"{file}: done: 1 pay, 1 return, 1 bonus, 1 already settled\n",
    )
    posts = [
        (path.removeprefix("/api/v1"), body)
        for method, path, body in stub.heard
        if method == "POST"
    ]
    assert posts == [
        ("/submissions/s0/transition/", {"action": "APPROVE"}),
        ("/submissions/s2/request-return/", {"request_return_reasons": ["why"]}),
        ("/submissions/bonus-payments/", {"study_id": STUDY, "csv_bonuses": "s1,0.50"}),
        ("/bulk-bonus-payments/b1/pay/", {}),
    ]


@pytest.mark.parametrize(
    ("action", "bonus"), [(PayAction.REJECT, ""), (PayAction.PAY, "a lot"), (PayAction.PAY, "1.50")]
)
def test_impossible_actions_are_refused_before_any_is_carried_out(
    action: PayAction, bonus: str, tmp_path: Path
) -> None:
    file = sheet(
        tmp_path,
        (PayAction.PAY, SubmissionStatus.SUBMITTED, ""),
        (action, SubmissionStatus.SUBMITTED, bonus),
    )
    stub = Stub()
    with speaking(stub) as prolific:
        code, _ = run_pay(prolific, file)  # no --prolific STUDY_ID
    assert code != 0
    assert stub.heard == []


def test_no_request_is_sent_without_a_token(tmp_path: Path) -> None:
    file = sheet(tmp_path, (PayAction.PAY, SubmissionStatus.SUBMITTED, ""))
    result = CliRunner().invoke(
        commands,
        ["pay", str(file)],
        env={"PROLIFIC_TOKEN": "", "STUDY_DATABASE_URL": f"sqlite:///{tmp_path / 'pay.sqlite'}"},
    )
    assert isinstance(result.exception, StudyError)
    assert "PROLIFIC_TOKEN" in str(result.exception)


@pytest.mark.slow(0.8)
def test_a_run_after_an_interrupted_one_approves_nobody_again(tmp_path: Path) -> None:
    file = sheet(
        tmp_path,
        (PayAction.PAY, SubmissionStatus.SUBMITTED, ""),
        (PayAction.RETURN, SubmissionStatus.SUBMITTED, ""),
        (PayAction.PAY, SubmissionStatus.SUBMITTED, ""),
    )
    stub = Stub()
    with speaking(stub) as prolific:
        real_answer, failures = stub.answer, [500]

        def fail_at_the_third(
            method: str, path: str, body: object
        ) -> tuple[int, dict[str, str], bytes]:
            if path.endswith("/submissions/s2/transition/") and failures:
                return failures.pop(), {}, b"<html>"
            return real_answer(method, path, body)

        stub.answer = fail_at_the_third  # type: ignore[method-assign]
        result = run_pay(prolific, file)
        assert result[0] != 0
        assert run_pay(prolific, file) == (0, f"{file}: done: 2 already settled, 1 pay\n")
        assert run_pay(prolific, file) == (0, f"{file}: done: 3 already settled\n")
    changes = [path for method, path, _ in stub.heard if method == "POST"]
    assert [path.split("/")[-3] for path in changes] == ["s0", "s1", "s2"]


def test_an_interrupted_run_says_how_far_it_came(tmp_path: Path) -> None:
    file = sheet(tmp_path, *[(PayAction.PAY, SubmissionStatus.SUBMITTED, "")] * 2)
    with speaking(Stub()) as prolific, pytest.MonkeyPatch.context() as patched:
        patched.setenv("PROLIFIC_TOKEN", TOKEN)
        failing = replace(prolific)
        patched.setattr(prolific_module, "ProlificClient", lambda token: failing)
        asked: list[str] = []
        real_approve = ProlificClient.approve_submission

        def approve(self: ProlificClient, submission: str) -> None:
            asked.append(submission)
            if len(asked) == 2:
                raise StudyError("no reply")
            real_approve(self, submission)

        patched.setattr(ProlificClient, "approve_submission", approve)
        patched.setenv("STUDY_DATABASE_URL", f"sqlite:///{tmp_path / 'pay.sqlite'}")
        result = CliRunner().invoke(commands, ["pay", str(file)])
    assert "no reply; 1 request was carried out before; try again" in str(result.exception)
