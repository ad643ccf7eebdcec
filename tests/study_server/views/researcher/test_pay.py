"""Tests of the page that says whom to pay, and that pays on a stand-in for Prolific."""

import io
import re
from collections.abc import Iterator
from html import unescape

import pytest
from botocore.stub import Stubber
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from study_server.participants.enrollment import enroll_participant
from study_server.participants.responses import SubmittedResponse
from study_server.payment import review, settlement
from study_server.payment.sheet import parse_sheet
from study_server.storage.engine import write_transaction
from study_server.studies.lookup import find_study
from study_server.views.researcher.study import pay
from study_server.vocabulary import Mode, RecruitmentSource
from tests.study_server.acting import name_fake, respond, upcoming
from tests.study_server.browsing import csrf_token, post_form, words
from tests.study_server.mturk_stub import stubbed_mturk
from tests.study_server.prolific_stub import STUDY, TOKEN, Stub, speaking, submission
from tests.study_server.recruitment.test_mturk import HIT, assignment

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PAY = "/researcher/studies/short/pay"
LIST = "Submission id,Participant id,Status,Completion code\n"


@pytest.fixture
def recruited(app: Flask) -> Flask:
    """Return an app with two participants from Prolific, p1 complete and p2 not."""
    with write_transaction(app.extensions["engine"]) as db:
        study = find_study(db, "short")
        enroll_participant(db, study, "p2", Mode.LIVE, RecruitmentSource.PROLIFIC)
        person = enroll_participant(db, study, "p1", Mode.LIVE, RecruitmentSource.PROLIFIC)
        while trials := upcoming(db, person):
            answer = SubmittedResponse(name_fake(trials[0]), 640, 100, 100)
            respond(db, person, trials[0], answer)
    return app


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """Let the page talk to a stand-in for Prolific, which lists two submissions."""
    monkeypatch.setenv("PROLIFIC_TOKEN", TOKEN)
    waiting = [submission(number, "AWAITING REVIEW") for number in (2, 1)]
    stub = Stub(waiting)
    with speaking(stub) as client:
        for module in (pay, settlement):
            monkeypatch.setattr(module, "connect", lambda: client)
        yield stub


def upload(client: FlaskClient, content: str) -> TestResponse:
    form = {
        "csrf_token": csrf_token(client.get(PAY)),
        "list": (io.BytesIO(content.encode()), "prolific_export.csv"),
    }
    return client.post(PAY, data=form, content_type="multipart/form-data")


def sheet_of(page: TestResponse) -> str:
    (text, *_) = re.findall(r'name="sheet" value="([^"]*)"', page.text)
    return unescape(text)


def test_an_uploaded_list_shows_whom_to_pay_with_disagreements_first(
    client: FlaskClient, recruited: Flask
) -> None:
    page = upload(client, f"{LIST}s1,p1,AWAITING REVIEW,\ns2,p2,AWAITING REVIEW,\n")
    assert page.status_code == 200
    rows = parse_sheet("sheet", sheet_of(page))
    assert [(row.submission, row.action) for row in rows] == [("s2", "decide"), ("s1", "pay")]
    assert "outcome in the study: active, 0 of 7 trials answered" in words(page)


@pytest.mark.slow(2.3)
def test_a_large_list_is_read_and_a_larger_one_is_refused(
    client: FlaskClient, recruited: Flask, app: Flask
) -> None:
    lines = [f"s{n},p{n},AWAITING REVIEW,{'C' * 60}\n" for n in range(2000)]
    page = upload(client, LIST + "".join(lines))
    assert page.status_code == 200
    reply = post_form(client, PAY, f"{PAY}/sheet", sheet=sheet_of(page))
    assert reply.text.count("\n") == 2001
    too_large = "x" * 2 * 1024 * 1024
    assert post_form(client, PAY, f"{PAY}/sheet", sheet=too_large).status_code == 413
    stranger = app.test_client()
    assert stranger.post(PAY, data={"sheet": "x" * 100_000}).status_code == 413


@pytest.mark.parametrize(
    ("content", "reason"),
    [("a,b\n1,2\n", "prolific_export.csv: unknown columns"), (f"{LIST}s1,,ACTIVE,\n", "no part")],
)
def test_a_list_that_cannot_be_read_is_explained(
    content: str, reason: str, client: FlaskClient
) -> None:
    page = upload(client, content)
    assert (page.status_code, reason in words(page)) == (409, True)
    assert post_form(client, PAY, PAY).status_code == 409


def test_decisions_are_in_the_downloaded_sheet(client: FlaskClient, recruited: Flask) -> None:
    sheet = sheet_of(upload(client, f"{LIST}s1,p1,AWAITING REVIEW,\ns2,p2,AWAITING REVIEW,\n"))
    form = {"sheet": sheet, "action-0": "return", "bonus-1": "1,5"}
    reply = post_form(client, PAY, f"{PAY}/sheet", **form)
    assert reply.headers["Content-Disposition"] == "attachment; filename=pay-short.csv"
    rows = parse_sheet("sheet", reply.text)
    assert [(row.action, row.bonus) for row in rows] == [("return", ""), ("pay", "1.50")]
    for wrong in ({"action-0": "steal"}, {"bonus-1": "lots"}):
        assert post_form(client, PAY, f"{PAY}/sheet", **form | wrong).status_code == 409


@pytest.mark.slow(0.5)
def test_people_are_paid_once_after_a_review(
    client: FlaskClient, recruited: Flask, stub: Stub
) -> None:
    assert "1 participant from Prolific or MTurk finished" in words(client.get(PAY))
    listed = post_form(client, PAY, PAY, prolific_study=STUDY)
    decided = {"sheet": sheet_of(listed), "action-0": "return", "bonus-1": "1.50"}
    reviewed = post_form(client, PAY, f"{PAY}/review", prolific_study=STUDY, **decided)
    assert "Ask to return 1 submission Approve 1 submission Pay 1 bonus, 1.50 in" in words(reviewed)
    assert not [call for call in stub.heard if call[0] == "POST"]
    form = {"sheet": sheet_of(reviewed), "prolific_study": STUDY}
    assert post_form(client, PAY, f"{PAY}/settle", **form).location == PAY
    page = words(client.get(PAY))
    assert "by ada: 1 return, 1 pay, 1 bonus" in page
    assert "nobody is waiting to be paid" in page
    changes = [path for method, path, _ in stub.heard if method == "POST"]
    assert len(changes) == 4  # a return, an approval, and a bonus in two steps
    stub.submissions[1]["bonus_payments"] = [150]
    post_form(client, PAY, f"{PAY}/settle", **form)
    assert "by ada: 3 already settled" in words(client.get(PAY))
    assert [path for method, path, _ in stub.heard if method == "POST"] == changes


def test_a_refusal_of_prolific_keeps_the_sheet_in_the_page(
    client: FlaskClient, recruited: Flask, stub: Stub
) -> None:
    sheet = sheet_of(post_form(client, PAY, PAY, prolific_study=STUDY))
    stub.refusals = [(403, {}, b"{}")]
    reply = post_form(client, PAY, f"{PAY}/settle", sheet=sheet)
    assert reply.status_code == 409
    assert "does not have permission" in words(reply)
    assert parse_sheet("sheet", sheet_of(reply)) == parse_sheet("sheet", sheet)
    assert "stopped by an error" in words(client.get(PAY))


def test_what_takes_too_long_is_continued(
    client: FlaskClient, recruited: Flask, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "ROWS_PER_STEP", 1)
    monkeypatch.setattr(review, "TIME_LIMIT_S", -1.0)
    listed = post_form(client, PAY, PAY, prolific_study=STUDY)
    reply = post_form(client, PAY, f"{PAY}/settle", sheet=sheet_of(listed))
    assert "Done so far: nothing. There is more to do; continue" in words(reply)


def test_without_a_token_the_page_says_what_is_missing(client: FlaskClient) -> None:
    assert "set PROLIFIC_TOKEN to a token" in words(client.get(PAY))


@pytest.fixture
def mturk_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Let the page talk to a stub of MTurk's sandbox."""
    with stubbed_mturk(monkeypatch) as stubber:
        yield stubber


def test_workers_are_paid_once_on_mturk(
    client: FlaskClient, recruited: Flask, mturk_client: Stubber
) -> None:
    with write_transaction(recruited.extensions["engine"]) as db:
        person = enroll_participant(
            db, find_study(db, "short"), "A1", Mode.LIVE, RecruitmentSource.MTURK
        )
        while trials := upcoming(db, person):
            respond(db, person, trials[0], SubmittedResponse(name_fake(trials[0]), 640, 100, 100))
    waiting, asked = assignment(1, "Submitted"), {"AssignmentId": "3A1"}
    mturk_client.add_response("list_assignments_for_hit", {"Assignments": [waiting]})
    listed = post_form(client, PAY, PAY, hit=HIT, sandbox="yes")
    decided = {"sheet": sheet_of(listed), "bonus-0": "1.50", "sandbox": "yes"}
    reviewed = post_form(client, PAY, f"{PAY}/review", **decided)
    assert "What will be done on MTurk (sandbox) Approve 1 submission Pay 1 bonus" in words(
        reviewed
    )
    mturk_client.add_response("get_assignment", {"Assignment": waiting}, asked)
    mturk_client.add_response("approve_assignment", {}, asked)
    mturk_client.add_response("list_bonus_payments", {"BonusPayments": []}, asked)
    mturk_client.add_response("send_bonus", {})
    form = {"sheet": sheet_of(reviewed), "sandbox": "yes"}
    assert post_form(client, PAY, f"{PAY}/settle", **form).location == PAY
    mturk_client.assert_no_pending_responses()
    paid = {"WorkerId": "A1", "BonusAmount": "1.50", "AssignmentId": "3A1"}
    mturk_client.add_response("list_bonus_payments", {"BonusPayments": [paid]}, asked)
    post_form(client, PAY, f"{PAY}/settle", **form)
    assert "by ada: 2 already settled" in words(client.get(PAY))
    mturk_client.assert_no_pending_responses()


def test_without_credentials_the_page_says_how_to_set_them(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in words(client.get(PAY))
