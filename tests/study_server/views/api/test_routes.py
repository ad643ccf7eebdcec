"""Tests of the trial API, used by a lab's own front end."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from study_server.clock import now
from study_server.questionnaire.screening import plate_digits
from study_server.recruitment.invitations import create_invitation
from study_server.storage.engine import open_engine, read_session, write_transaction
from study_server.storage.models import Participant, Response, Trial
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, StudyState
from tests.conftest import short_protocol

SHOWN = {"answer": {"choice": 0}, "rt_ms": 640, "first_ms": 100.5, "second_ms": 99.5}


def enroll(client: FlaskClient, **changes: object) -> TestResponse:
    texts = client.get("/api/v1/studies/short").get_json()["texts"]["en"]
    body = {"consent": True, "consent_version": texts["consent_version"], "language": "en"}
    return client.post("/api/v1/studies/short/participants", json=body | changes)


@pytest.fixture
def token(client: FlaskClient) -> dict[str, str]:
    return header(enroll(client))


def header(reply: TestResponse) -> dict[str, str]:
    assert reply.status_code == 201
    return {"Authorization": f"Bearer {reply.get_json()['token']}"}


def test_a_study_is_driven_from_consent_to_the_code(
    client: FlaskClient, token: dict[str, str]
) -> None:
    batch = client.post("/api/v1/resume", headers=token).get_json()
    while batch["trials"]:
        trial = batch["trials"][0]
        for image in trial["slots"]:
            assert client.get(image["image"], headers=token).mimetype == "image/png"
        mine = f"/api/v1/trials/{trial['token']}"
        assert client.post(f"{mine}/start", headers=token).status_code == 204
        stored = client.post(f"{mine}/response", json=SHOWN, headers=token).get_json()
        assert (stored["feedback"] is not None) is (trial["kind"] == "practice")
        batch = client.get("/api/v1/trials", headers=token).get_json()
    result = client.get("/api/v1/result", headers=token).get_json()
    assert (result["outcome"], result["score"]["trials"], len(result["code"])) == (
        "complete",
        4,
        10,
    )


def test_there_is_no_code_before_the_last_answer(
    client: FlaskClient, token: dict[str, str]
) -> None:
    result = client.get("/api/v1/result", headers=token).get_json()
    assert result == {"outcome": "active", "code": None, "score": None, "debrief": None}


def test_the_pages_and_the_api_describe_a_trial_identically(
    client: FlaskClient, token: dict[str, str]
) -> None:
    base = f"/p/{token['Authorization'].split()[1]}"
    by_page, by_api = client.get(f"{base}/trials"), client.get("/api/v1/trials", headers=token)
    assert by_page.text.replace(base, "/api/v1") == by_api.text
    (page_image, *_) = by_page.get_json()["trials"][0]["slots"]
    (api_image, *_) = by_api.get_json()["trials"][0]["slots"]
    assert (
        client.get(page_image["image"]).data == client.get(api_image["image"], headers=token).data
    )


def test_each_external_id_has_one_token(client: FlaskClient) -> None:
    tokens = [header(enroll(client, external_id=person)) for person in ("ada", "ada", "eve")]
    assert tokens[0] == tokens[1] != tokens[2]


def test_an_external_id_alone_does_not_return_a_started_participation(client: FlaskClient) -> None:
    token = header(enroll(client, external_id="worker-17"))
    (trial, *_) = client.get("/api/v1/trials", headers=token).get_json()["trials"]
    client.post(f"/api/v1/trials/{trial['token']}/start", json={}, headers=token)
    guessed = enroll(client, external_id="worker-17")
    assert (guessed.status_code, "token" in guessed.get_json()) == (409, False)


def test_the_debriefing_is_only_sent_at_the_end(client: FlaskClient, token: dict[str, str]) -> None:
    (texts,) = client.get("/api/v1/studies/short").get_json()["texts"].values()
    assert "debrief" not in texts
    assert client.get("/api/v1/result", headers=token).get_json()["debrief"] is None
    while trials := client.get("/api/v1/trials", headers=token).get_json()["trials"]:
        client.post(f"/api/v1/trials/{trials[0]['token']}/response", json=SHOWN, headers=token)
    result = client.get("/api/v1/result", headers=token).get_json()
    assert "What this study is about" in result["debrief"]


def test_deeply_nested_json_is_refused(client: FlaskClient, token: dict[str, str]) -> None:
    deep = client.post(
        "/api/v1/comment", data=b"[" * 30_000, headers=token, content_type="application/json"
    )
    assert deep.status_code == 400


@pytest.mark.parametrize("page", ["comment", "screening", "resume", "trials/a/response"])
def test_a_body_must_be_well_formed_and_declared_as_json(
    page: str, client: FlaskClient, token: dict[str, str]
) -> None:
    sent = [
        ("{}", "text/plain", 415),
        ("a=b", "application/x-www-form-urlencoded", 415),
        ("{", "application/json", 400),
        ("\udcff".encode(errors="surrogatepass"), "application/json", 400),
    ]
    for body, content_type, status in sent:
        reply = client.post(f"/api/v1/{page}", data=body, content_type=content_type, headers=token)
        assert (reply.status_code, bool(reply.get_json()["error"])) == (status, True)


@pytest.mark.parametrize("page", ["comment", "trials/a/response"])
def test_a_missing_or_wrong_body_gets_an_error_message(
    page: str, client: FlaskClient, token: dict[str, str]
) -> None:
    for body in ("", "[]", "null", '"text"'):
        reply = client.post(
            f"/api/v1/{page}", data=body, content_type="application/json", headers=token
        )
        assert (reply.status_code, reply.get_json()["error"][:6]) == (400, "body: ")


def test_the_first_answer_is_final(client: FlaskClient, token: dict[str, str], app: Flask) -> None:
    (trial, *_) = client.get("/api/v1/trials", headers=token).get_json()["trials"]
    address = f"/api/v1/trials/{trial['token']}/response"
    bodies = SHOWN, SHOWN | {"answer": {"choice": 1}}
    replies = [client.post(address, json=body, headers=token).get_json() for body in bodies]
    assert replies[0] == replies[1]
    with read_session(app.extensions["engine"]) as db:
        assert [one.value for one in db.scalars(select(Response)).one().judgments] == [0, 1]


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer nobody", "Basic bm9ib2R5", "Bearer \0"]
)
def test_without_a_valid_token_nothing_is_served(authorization: str, client: FlaskClient) -> None:
    sent = {"Authorization": authorization.replace("\0", "%00")}
    asked = [
        client.get(f"/api/v1/{page}", headers=sent) for page in ("trials", "trials/a/0", "result")
    ]
    asked.append(client.post("/api/v1/trials/a/response", json=SHOWN, headers=sent))
    for refused in asked:
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "Bearer TOKEN" in refused.get_json()["error"]


def test_a_token_does_not_open_another_participants_trial(client: FlaskClient) -> None:
    mine, other = header(enroll(client)), header(enroll(client))
    (trial, *_) = client.get("/api/v1/trials", headers=other).get_json()["trials"]
    assert client.get(trial["slots"][0]["image"], headers=mine).status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"consent": False}, 400, "consent: "),
        ({"consent_version": "en-0"}, 409, "the consent text has changed"),
        ({"external_id": ""}, 400, "external_id: "),
        ({"external_id": "a\0"}, 400, "external_id: "),
        ({"external_id": "\ud800"}, 400, "external_id: "),
        ({"invitation": "forged"}, 404, "link"),
    ],
)
def test_enrollment_requires_consent_to_the_current_text(
    change: dict[str, object], status: int, words: str, client: FlaskClient, app: Flask
) -> None:
    refused = enroll(client, **change)
    assert refused.status_code == status
    assert words in refused.get_json()["error"]
    with read_session(app.extensions["engine"]) as db:
        assert db.scalar(select(func.count()).select_from(Participant)) == 0


def test_a_paused_study_admits_only_enrolled_participants(client: FlaskClient, app: Flask) -> None:
    before = header(enroll(client, external_id="ada"))
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").state = StudyState.PAUSED
    assert header(enroll(client, external_id="ada")) == before
    refused = enroll(client, external_id="eve")
    assert (refused.status_code, refused.get_json()["error"]) == (403, "the study is paused")


def test_an_invitation_makes_a_preview(client: FlaskClient, app: Flask) -> None:
    invited = create_invitation(app.config["SECRET_KEY"], "short", Mode.PREVIEW, "p")
    assert enroll(client, invitation=invited).status_code == 201
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant.mode)).one() is Mode.PREVIEW


def test_withdrawal_deletes_everything(
    client: FlaskClient, token: dict[str, str], app: Flask
) -> None:
    client.post("/api/v1/comment", json={"comment": "green"}, headers=token)
    assert client.post("/api/v1/withdraw", headers=token).status_code == 204
    with read_session(app.extensions["engine"]) as db:
        for table in (Participant, Trial):
            assert db.scalar(select(func.count()).select_from(table)) == 0
    assert client.get("/api/v1/trials", headers=token).status_code == 401


@pytest.fixture
def screening(app: Flask) -> None:
    """Give the study all screening questions."""
    protocol = short_protocol(
        color_vision="required", night_light="recorded", plates=2, plates_min_correct=1
    )
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").protocol = protocol.canonical_json()


@pytest.mark.usefixtures("screening")
def test_there_are_no_trials_before_screening(client: FlaskClient, app: Flask) -> None:
    token = header(enroll(client))
    asked = client.get("/api/v1/screening", headers=token).get_json()
    plates = [f"/api/v1/screening/plates/{number}" for number in range(2)]
    assert asked == {
        "is_pending": True,
        "color_vision": True,
        "night_light": True,
        "plates": plates,
    }
    assert client.get(plates[0], headers=token).mimetype == "image/png"
    assert client.post("/api/v1/resume", headers=token).status_code == 409
    incomplete = client.post("/api/v1/screening", json={"night_light": "off"}, headers=token)
    assert incomplete.status_code == 400
    with read_session(app.extensions["engine"]) as db:
        digits = [str(digit) for digit in plate_digits(db.scalars(select(Participant)).one())]
    answers = {"color_vision": "normal", "night_light": "off", "digits": digits}
    assert client.post("/api/v1/screening", json=answers, headers=token).status_code == 204
    assert client.get("/api/v1/screening", headers=token).get_json()["is_pending"] is False
    assert client.get(plates[0], headers=token).status_code == 410
    assert client.post("/api/v1/resume", headers=token).get_json()["trials"]


@pytest.mark.usefixtures("screening")
def test_ineligible_participants_are_screened_out(client: FlaskClient) -> None:
    token = header(enroll(client))
    answers = {"color_vision": "deficient", "night_light": "off", "digits": []}
    assert client.post("/api/v1/screening", json=answers, headers=token).status_code == 204
    assert client.get("/api/v1/result", headers=token).get_json()["outcome"] == "screened_out"
    assert client.get("/api/v1/trials", headers=token).get_json()["trials"] == []


@pytest.mark.usefixtures("screening")
def test_unscreened_participants_are_screened_when_they_return(
    client: FlaskClient, app: Flask
) -> None:
    token = header(enroll(client))
    with write_transaction(app.extensions["engine"]) as db:
        db.scalars(select(Participant)).one().outcome = Outcome.ABANDONED
    assert client.get("/api/v1/trials", headers=token).status_code == 409
    assert client.post("/api/v1/resume", headers=token).status_code == 409


@pytest.mark.parametrize("word", ["start", "response"])
def test_late_participants_time_out(
    word: str, client: FlaskClient, token: dict[str, str], app: Flask
) -> None:
    (trial, *_) = client.get("/api/v1/trials", headers=token).get_json()["trials"]
    with write_transaction(app.extensions["engine"]) as db:
        find_study(db, "short").protocol = short_protocol(time_limit_minutes=30).canonical_json()
        db.scalars(select(Participant)).one().started_at = now() - timedelta(minutes=31)
    late = client.post(f"/api/v1/trials/{trial['token']}/{word}", json=SHOWN, headers=token)
    assert (late.status_code, "any more answers" in late.get_json()["error"]) == (409, True)
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant)).one().outcome is Outcome.TIMED_OUT
        assert db.scalar(select(func.count()).select_from(Response)) == 0


def test_preflight_requests_work_without_the_database(
    client: FlaskClient, app: Flask, tmp_path: Path
) -> None:
    app.extensions["writer"] = open_engine(f"sqlite:///{tmp_path}")  # a folder: cannot be opened
    for word in ("start", "response"):
        asked = client.options(
            f"/api/v1/trials/a/{word}", headers={"Origin": "https://lab.example"}
        )
        assert asked.status_code == 200


def test_other_origins_may_call_the_api(client: FlaskClient, token: dict[str, str]) -> None:
    asked = client.options("/api/v1/trials", headers={"Origin": "https://lab.example"})
    assert asked.status_code == 200
    for reply in (asked, client.get("/api/v1/trials", headers=token), client.get("/api/v1/trials")):
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert "Authorization" in reply.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in reply.headers
    assert "Access-Control-Allow-Origin" not in client.get("/s/short").headers


def test_unknown_addresses_get_a_json_error(client: FlaskClient) -> None:
    for address in ("/api/v1/nothing", "/api/v1/studies/none", "/api/v1/studies/a%00b"):
        refused = client.get(address)
        assert (refused.status_code, refused.mimetype) == (404, "application/json")


def test_every_route_of_the_api_is_described(client: FlaskClient, app: Flask) -> None:
    described = {
        (method.upper(), path)
        for path, methods in client.get("/api/v1/openapi.json").get_json()["paths"].items()
        for method in methods
    }
    served = {
        (method, rule.rule.replace("<int:slot>", "{slot}"))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
        if rule.rule.startswith("/api/v1/") and rule.endpoint != "public_api.openapi"
    }
    served = {(method, path.replace("int:", "")) for method, path in served}
    for name in ("slug", "trial_token", "number"):
        served = {(method, path.replace(f"<{name}>", f"{{{name}}}")) for method, path in served}
    assert described == served
