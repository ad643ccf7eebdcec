"""Tests that participants cannot learn the truth, reach others' trials or get a code unearned."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from sqlalchemy import func, select

from study_server.app import create_app
from study_server.export.participant_rows import list_participants
from study_server.export.rows import iterate_responses
from study_server.storage.engine import read_session
from study_server.storage.models import Judgment, Participant, Trial
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome, TrialKind
from study_server.web.cookies import SessionInterface, cookie_name
from tests.attacks.answering import SHOWN, answer, answer_all, trials
from tests.conftest import SECRET
from tests.study_server.browsing import consent, csrf_token


def stored(app: Flask) -> list[tuple[str, float]]:
    """Return the trial token and the answer of every response."""
    query = (
        select(Trial.token, Judgment.value)
        .join(Judgment, Judgment.trial_id == Trial.id)
        .where(Judgment.slot == 0)
        .order_by(Trial.id)
    )
    with read_session(app.extensions["engine"]) as db:
        return [(token, value) for token, value in db.execute(query)]


def test_nothing_before_the_answer_reveals_the_truth(
    app: Flask, client: FlaskClient, base: str
) -> None:
    """Swapping real and fake in every pair changes nothing in the replies except the pixels."""

    def collect_replies() -> list[object]:
        replies: list[object] = [client.get(f"{base}/trials").data, client.get(base).data]
        for trial in trials(client, base):
            for slot in (0, 1):
                reply = client.get(f"{trial}/{slot}")
                replies.append((reply.status_code, sorted(reply.headers), len(reply.data)))
        return replies

    before = collect_replies()
    with app.extensions["engine"].execution_options(writes=True).begin() as connection:
        for step in ("slot + 2", "3 - slot"):  # one after the other, as both are unique
            connection.exec_driver_sql(f"UPDATE trial_stimulus SET slot = {step}")
        connection.exec_driver_sql("UPDATE trial_stimulus SET appears = slot")
    assert collect_replies() == before


def test_test_trials_reveal_nothing_after_the_answer(
    app: Flask, client: FlaskClient, base: str
) -> None:
    with read_session(app.extensions["engine"]) as db:
        practice = set(db.scalars(select(Trial.token).where(Trial.kind == TrialKind.PRACTICE)))
    feedback = {}
    while waiting := trials(client, base):
        reply = answer(client, waiting[0], answer={"choice": 1})
        feedback[waiting[0].rpartition("/")[2]] = reply.get_json()["feedback"]
        assert client.get(f"{waiting[0]}/0").status_code == 410
    assert {token for token, shown in feedback.items() if shown} == practice


def test_participants_cannot_reach_each_others_trials(
    app: Flask, client: FlaskClient, base: str
) -> None:
    other = app.test_client()
    (theirs, *_) = trials(other, consent(other))
    token = theirs.rpartition("/")[2]
    mine = f"{base}/trials/{token}"
    assert client.get(f"{mine}/0").status_code == 404
    broken = {"slot": 0, "status": 404}
    for what, body in (("start", {}), ("response", SHOWN), ("incident", broken)):
        assert client.post(f"{mine}/{what}", json=body).status_code == 404
    assert stored(app) == []
    assert client.get(f"{theirs}/0").status_code == 200  # it was not voided either


def test_a_repeated_answer_is_stored_once(app: Flask, client: FlaskClient, base: str) -> None:
    (first, *_) = trials(client, base)
    for slot in (0, 1, 0, 1):
        assert answer(client, first, answer={"choice": slot}, id=str(slot)).status_code == 200
    assert [value for _, value in stored(app)] == [0]  # the first slot was said to be the fake
    answer_all(client, base)
    before = stored(app)
    for token, _ in before:
        answer(client, f"{base}/trials/{token}", answer={"choice": 1})
    assert stored(app) == before


def test_guessed_tokens_are_404(client: FlaskClient) -> None:
    for token in ("", "0", "A" * 22, "../researcher", "' OR '1'='1", "%00", "*", "null"):
        assert client.get(f"/p/{token}").status_code == 404
        assert client.post(f"/p/{token}/resume", json={}).status_code in (400, 404, 405)


def test_tokens_are_unique_and_have_128_random_bits(app: Flask) -> None:
    for _ in range(3):
        consent(app.test_client())
    with read_session(app.extensions["engine"]) as db:
        tokens = [*db.scalars(select(Participant.token)), *db.scalars(select(Trial.token))]
    assert len(set(tokens)) == len(tokens) == 3 + 3 * 7
    assert {len(token) for token in tokens} == {22}  # 16 bytes in base 64
    assert len({token[:3] for token in tokens}) > 20


def test_forged_invitations_are_404(client: FlaskClient) -> None:
    forger = URLSafeSerializer("another secret key", salt="invitation")
    for mode in ("live", "preview", "simulated"):
        forged = forger.dumps(["short", mode, "p"])
        assert client.get(f"/s/short?invitation={forged}").status_code == 404


def test_forged_cookies_identify_nobody(app: Flask, client: FlaskClient, base: str) -> None:
    forger = Flask("forger")
    forger.secret_key = "another secret key"
    serializer = SessionInterface().get_signing_serializer(forger)
    with client.session_transaction() as cookie:
        person = cookie["person:short"]
    assert serializer is not None
    other = app.test_client()
    other.set_cookie(
        cookie_name(SECRET), str(serializer.dumps({"person:short": person, "researcher": 1}))
    )
    assert base not in other.get("/s/short").text
    assert other.get("/researcher").location == "/researcher/login"


def test_there_is_no_code_before_the_last_answer(client: FlaskClient, base: str) -> None:
    header = {"Authorization": f"Bearer {base.rpartition('/')[2]}"}
    while waiting := trials(client, base):
        assert client.get(f"{base}/debrief").status_code == 303
        assert client.get("/api/v1/result", headers=header).get_json()["code"] is None
        (trial, *_) = waiting
        client.post(f"{trial}/start", json={})
        answer(client, trial)
    code = client.get("/api/v1/result", headers=header).get_json()["code"]
    assert len(code) == 10
    assert code in client.get(f"{base}/debrief").text


def test_reporting_every_image_as_broken_gives_no_code(client: FlaskClient, base: str) -> None:
    for _ in range(12):
        (trial, *_) = trials(client, base)
        client.post(f"{trial}/incident", json={"slot": 0, "status": None})
    assert client.get(f"{base}/debrief").status_code == 303


def test_concurrent_consents_of_one_browser_create_one_participant(app: Flask) -> None:
    client = app.test_client()
    form = {"csrf_token": csrf_token(client.get("/s/short")), "consent": "yes"}
    cookie = client.get_cookie(cookie_name(SECRET))
    assert cookie is not None

    def agree(_: int) -> str:
        tab = app.test_client()
        tab.set_cookie(cookie_name(SECRET), cookie.value)
        return tab.post("/s/short", data=form).location

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(agree, range(16)))) == 1
    with read_session(app.extensions["engine"]) as db:
        assert db.scalar(select(func.count()).select_from(Participant)) == 1


@pytest.mark.parametrize("entry", ["/s/short?survey_code=48113", "/s/short?PROLIFIC_PID=5e9088a8"])
def test_a_platform_id_alone_neither_resumes_nor_withdraws(entry: str, app: Flask) -> None:
    """Codes of SONA can be guessed, and other researchers know the IDs of Prolific."""
    owner, guesser = app.test_client(), app.test_client()
    base = consent(owner, entry).partition("?")[0]
    (trial, *_) = trials(owner, base)
    owner.post(f"{trial}/start", json={})
    for reply in (guesser.get(entry), guesser.post(entry, data={"consent": "yes"})):
        assert reply.status_code == 409
        assert "started in another browser" in reply.text
        assert base not in reply.text
        assert "Location" not in reply.headers
    assert owner.get(entry).location.partition("?")[0] == base
    assert answer(owner, trial).status_code == 200


def test_guessed_platform_ids_are_limited_and_nobody_else_is(app: Flask) -> None:
    entries = [f"/s/short?survey_code={code}" for code in range(12)]
    owners = [app.test_client() for _ in entries]
    for owner, entry in zip(owners, entries, strict=True):
        base = consent(owner, entry).partition("?")[0]
        owner.post(f"{trials(owner, base)[0]}/start", json={})
    guesser = app.test_client()
    assert [guesser.get(entry).status_code for entry in entries] == [409] * 10 + [429] * 2
    assert {owner.get(entry).status_code for owner, entry in zip(owners, entries, strict=True)} == {
        302
    }
    assert guesser.get("/s/short?survey_code=new").status_code == 200


def test_guessed_ids_of_the_api_are_limited(client: FlaskClient) -> None:
    version = client.get("/api/v1/studies/short").get_json()["texts"]["en"]["consent_version"]
    body = {"consent": True, "consent_version": version, "language": "en", "external_id": "w"}
    enrolled = client.post("/api/v1/studies/short/participants", json=body).get_json()
    header = {"Authorization": f"Bearer {enrolled['token']}"}
    (trial, *_) = client.post("/api/v1/resume", headers=header).get_json()["trials"]
    client.post(f"/api/v1/trials/{trial['token']}/start", headers=header, json={})
    statuses = [
        client.post("/api/v1/studies/short/participants", json=body).status_code for _ in range(12)
    ]
    assert statuses == [409] * 10 + [429] * 2


def images_seen(app: Flask) -> int:
    """Return the number of fakes in trials that were planned or replaced."""
    with read_session(app.extensions["engine"]) as db:
        return len(db.scalars(select(Trial.id)).all())


def test_reloads_are_counted_and_show_no_more_than_ten_other_pairs(
    app: Flask, client: FlaskClient, base: str
) -> None:
    planned = images_seen(app)
    for _ in range(15):
        (trial, *_) = client.post(f"{base}/resume", json={}).get_json()["trials"]
        client.post(f"{base}/trials/{trial['token']}/start", json={})
    assert images_seen(app) == planned + 10
    answer_all(client, base)
    with read_session(app.extensions["engine"]) as db:
        person = db.scalars(select(Participant)).one()
        assert (person.outcome, person.interruptions) == (Outcome.COMPLETE, 14)
        study = find_study(db, "short")
        (row,) = list_participants(db, study, [Mode.LIVE], blinded=True)
        assert row["interruptions"] == 14
        shown = list(iterate_responses(db, study, [Mode.LIVE], blinded=False))
    voided = [row["answer"] != "" for row in shown if row["flags"] == "voided"]
    assert (len(shown), voided.count(True), voided.count(False)) == (7 + 10, 1, 10)


@pytest.mark.slow(0.3)
def test_broken_images_show_no_more_than_thirty_other_pairs(
    app: Flask, client: FlaskClient, base: str
) -> None:
    planned = images_seen(app)
    statuses: list[int] = []
    for _ in range(35):
        waiting = trials(client, base)
        if len(statuses) % 9 == 8:  # before a single trial is replaced too often
            answer(client, waiting[0])
        reply = client.post(f"{waiting[-1]}/incident", json={"slot": 0, "status": None})
        statuses.append(reply.status_code)
    assert images_seen(app) <= planned + 30
    assert statuses.count(204) == 30


@pytest.fixture
def crowded(app: Flask) -> Flask:
    """Return the server with room for three people per address who have not answered."""
    settings = app.extensions["settings"].model_copy(
        update={"max_unanswered": 3, "trusted_proxies": 1}
    )
    return create_app(settings, app.extensions["engine"])


def test_enrollments_without_an_answer_are_limited_per_address(crowded: Flask) -> None:
    entries = [f"/s/short?survey_code={code}" for code in range(4)]
    clients = [crowded.test_client() for _ in entries]
    bases = [
        consent(client, entry).partition("?")[0]
        for client, entry in zip(clients[:3], entries, strict=False)
    ]
    refused = clients[3].post(entries[3], data={"consent": "yes"})
    assert (refused.status_code, "wait a few minutes" in refused.text) == (429, True)
    elsewhere = {"X-Forwarded-For": "192.0.2.7"}
    other = crowded.test_client().post(
        "/s/short?survey_code=9", data={"consent": "yes"}, headers=elsewhere
    )
    assert other.status_code == 303
    assert clients[0].post(entries[0], data={"consent": "yes"}).status_code == 303  # no new person
    answer(clients[0], trials(clients[0], bases[0])[0])
    assert clients[3].post(entries[3], data={"consent": "yes"}).status_code == 303


def test_people_who_answer_are_not_limited_by_their_address(crowded: Flask) -> None:
    for _ in range(8):
        client = crowded.test_client()
        assert answer(client, trials(client, consent(client))[0]).status_code == 200


def test_enrollments_by_the_api_are_limited_too(crowded: Flask) -> None:
    client = crowded.test_client()
    version = client.get("/api/v1/studies/short").get_json()["texts"]["en"]["consent_version"]
    body = {"consent": True, "consent_version": version, "language": "en"}
    replies = [client.post("/api/v1/studies/short/participants", json=body) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [201, 201, 201, 429]
    assert "without answering" in replies[-1].get_json()["error"]
