"""Tests of the requests of a participant's browser."""

import os
import re
from pathlib import Path

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update

from study_server import languages
from study_server.app import create_app
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Environment, Participant, Response, Trial
from study_server.vocabulary import Outcome, TrialKind
from tests.study_server.acting import fake_slot
from tests.study_server.browsing import consent

# One database is enough: the services are tested on both, and views only call services.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SHOWN = {
    "answer": {"choice": 0},
    "rt_ms": 640,
    "first_ms": 100.5,
    "second_ms": 99.5,
    "flags": ["hidden"],
}


def test_the_next_trials_do_not_reveal_the_truth(client: FlaskClient, base: str) -> None:
    batch = client.get(f"{base}/trials").get_json()
    assert (batch["answered"], batch["planned"], len(batch["trials"])) == (0, 7, 4)
    for trial in batch["trials"]:
        assert set(trial) == {
            "token",
            "kind",
            "block",
            "number",
            "total",
            "task",
            "presentation",
            "layout",
            "slots",
            "reference",
            "caption",
            "ties",
            "scales",
            "timing",
        }
        mine = f"{base}/trials/{trial['token']}"
        assert trial["slots"] == [{"image": f"{mine}/{n}", "appears": n} for n in (0, 1)]


def test_the_reply_to_an_answer_contains_the_next_trials(client: FlaskClient, base: str) -> None:
    upcoming = client.get(f"{base}/trials").get_json()
    for answered in range(1, 8):
        (trial, *_) = upcoming["trials"]
        upcoming = client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN).get_json()
        upcoming.pop("feedback")
        assert upcoming == client.get(f"{base}/trials").get_json()
        assert upcoming["answered"] == answered
    assert upcoming["trials"] == []


@pytest.mark.parametrize("x_accel", ["", "/stimuli"])
def test_a_truncated_stimulus_is_never_sent_and_its_trial_counts_as_not_shown(
    x_accel: str, app: Flask
) -> None:
    settings = app.extensions["settings"].model_copy(update={"x_accel_prefix": x_accel})
    client = create_app(settings, app.extensions["engine"]).test_client()
    base = consent(client)
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    whole = {file: file.read_bytes() for file in settings.stimuli_folder.rglob("*.png")}
    for file in whole:
        os.truncate(file, file.stat().st_size - 1)
    assert client.get(trial["slots"][0]["image"]).status_code == 500
    incident = {"slot": 0, "status": 500}
    client.post(f"{base}/trials/{trial['token']}/incident", json=incident)
    for file, content in whole.items():
        file.write_bytes(content)
    (again, *_) = client.get(f"{base}/trials").get_json()["trials"]
    assert (again["number"], again["token"] == trial["token"]) == (1, False)
    assert client.get(again["slots"][0]["image"]).status_code == 200
    with read_session(app.extensions["engine"]) as db:
        assert db.scalar(text("SELECT COUNT(*) FROM responses_export")) == 0


def test_attention_checks_look_like_test_trials(client: FlaskClient, base: str, app: Flask) -> None:
    described = {}
    for _ in range(7):
        (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
        described[trial["token"]] = (trial["kind"], trial["number"], trial["total"])
        client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN)
    assert sorted(described.values()) == [
        *(("practice", n, 2) for n in (1, 2)),
        *(("test", n, 5) for n in (1, 2, 3, 4, 5)),
    ]
    with read_session(app.extensions["engine"]) as db:
        attention_checks = db.scalars(
            select(Trial.token).where(Trial.kind == TrialKind.ATTENTION)
        ).one()
    assert described[attention_checks][0] == "test"


def test_only_the_first_blank_is_longer(client: FlaskClient, base: str) -> None:
    timings = [trial["timing"] for trial in client.get(f"{base}/trials").get_json()["trials"]]
    assert [timing["blank_ms"] for timing in timings] == [90, 60, 60, 60]
    assert [timing["feedback_ms"] for timing in timings] == [200, 200, None, None]
    assert {(t["exposure_ms"], t["gap_ms"], t["after_ms"]) for t in timings} == {(100, 60, 20)}


def test_the_two_images_of_a_pair_come_with_the_same_headers(
    client: FlaskClient, base: str
) -> None:
    for trial in client.get(f"{base}/trials").get_json()["trials"]:
        left, right = (client.get(image["image"]) for image in trial["slots"])
        assert left.data != right.data
        assert dict(left.headers) == dict(right.headers)
        assert left.headers["Cache-Control"] == "private, no-store"
        assert left.mimetype == "image/png"
        telling = {"ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition", "Set-Cookie"}
        assert not telling & set(left.headers.keys())


def test_each_slot_shows_what_the_schedule_says(
    client: FlaskClient, base: str, app: Flask, tmp_path: Path
) -> None:
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    with read_session(app.extensions["engine"]) as db:
        stored = db.scalars(select(Trial).where(Trial.token == trial["token"])).one()
        files = [one.file for one in stored.candidates]
    for slot, file in enumerate(files):
        expected = (tmp_path / "instance" / "stimuli" / file).read_bytes()
        assert client.get(f"{base}/trials/{trial['token']}/{slot}").data == expected


def test_an_image_is_gone_once_its_trial_is_answered(client: FlaskClient, base: str) -> None:
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN)
    assert client.get(trial["slots"][0]["image"]).status_code == 410


def test_other_participants_images_and_trials_are_404(app: Flask, base: str) -> None:
    other = app.test_client()
    others_base = consent(other)
    (trial, *_) = other.get(f"{others_base}/trials").get_json()["trials"]
    assert other.get(f"{base}/trials/{trial['token']}/0").status_code == 404
    stolen = f"{base}/trials/{trial['token']}/response"
    assert other.post(stolen, json=SHOWN).status_code == 404


def test_only_practice_trials_have_feedback(client: FlaskClient, base: str, app: Flask) -> None:
    feedback = []
    for _ in range(7):
        (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
        answer = client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN)
        feedback.append((trial["token"], answer.get_json()["feedback"]))
    for token, shown in feedback[:2]:
        with read_session(app.extensions["engine"]) as db:
            fake = fake_slot(db.scalars(select(Trial).where(Trial.token == token)).one())
        assert shown == {
            "is_correct": fake == 0,
            "truth": [["fake", "real"], ["real", "fake"]][fake or 0],
        }
    assert [shown for _, shown in feedback[2:]] == [None] * 5


def test_a_retry_gets_the_same_reply_and_the_first_answer_is_final(
    client: FlaskClient, base: str, app: Flask
) -> None:
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    address = f"{base}/trials/{trial['token']}/response"
    first = client.post(address, json=SHOWN)
    again = client.post(address, json=SHOWN | {"answer": {"choice": 1}, "rt_ms": 1})
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.get_json() == again.get_json()
    with read_session(app.extensions["engine"]) as db:
        stored = db.scalars(select(Response)).one()
        said = [one.value for one in stored.judgments]
    assert (said, stored.rt_ms, stored.hidden) == ([0, 1], 640, True)


def test_a_reload_voids_the_running_trial(client: FlaskClient, base: str) -> None:
    (running, waiting, *_) = client.get(f"{base}/trials").get_json()["trials"]
    assert client.post(f"{base}/trials/{running['token']}/start", json={}).status_code == 204
    resumed = client.post(f"{base}/resume", json={}).get_json()["trials"]
    assert resumed[0]["token"] != running["token"]
    assert resumed[1]["token"] == waiting["token"]
    late = client.post(f"{base}/trials/{running['token']}/response", json=SHOWN)
    assert (late.status_code, "interrupted" in late.get_json()["error"]) == (409, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "left"}, "answer: "),
        ({"answer": {"choice": 2}}, "answer.choice: "),
        ({"answer": {"choice": True}}, "answer.choice: "),
        ({"answer": {"verdict": "fake"}}, "answer.choice: "),
        ({"answer": {"choice": 0, "slot": 0}}, "answer.slot: "),
        ({"answer": {}}, "answer.choice: "),
        ({"rt_ms": -1}, "rt_ms: "),
        ({"rt_ms": "soon"}, "rt_ms: "),
        ({"rt_ms": 1.5}, "rt_ms: "),
        ({"first_ms": None}, "first_ms: "),
        ({"flags": ["bored"]}, "flags.0: "),
        ({"truth": "left"}, "truth: "),
    ],
)
def test_a_malformed_answer_gets_an_error_and_is_not_stored(
    change: dict[str, object], message: str, client: FlaskClient, base: str, app: Flask
) -> None:
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    answer = client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN | change)
    assert answer.status_code == 400
    assert answer.get_json()["error"].startswith(message)
    with read_session(app.extensions["engine"]) as db:
        assert db.scalar(select(func.count()).select_from(Response)) == 0


def test_a_body_that_is_not_json_is_refused(client: FlaskClient, base: str) -> None:
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    address = f"{base}/trials/{trial['token']}/response"
    assert client.post(address, data="{", content_type="application/json").status_code == 400
    assert client.post(address, data="answer=left").status_code == 415
    assert client.post(address, json={"flags": ["x" * 70_000]}).status_code == 413


def test_the_code_is_shown_once_all_answers_are_stored(client: FlaskClient, base: str) -> None:
    assert client.get(f"{base}/debrief").status_code == 303
    for _ in range(7):
        (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
        client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN)
    assert client.get(f"{base}/trials").get_json()["trials"] == []
    assert client.get(base).location == f"{base}/debrief"
    page = client.get(f"{base}/debrief").text
    assert re.search(r"\b[0-9A-F]{10}\b", page)
    client.post(f"{base}/comment", data={"comment": "the <b>sky</b> was green"})
    assert "the &lt;b&gt;sky&lt;/b&gt; was green" in client.get(f"{base}/debrief").text


def test_nul_characters_are_refused(client: FlaskClient, base: str) -> None:
    assert client.post(f"{base}/comment", data={"comment": "a\0b"}).status_code == 400
    assert client.get(f"{base}%00/trials").status_code == 404
    assert client.get("/s/short?lang=%00").status_code == 404


def test_late_participants_see_a_message_and_cannot_answer(
    client: FlaskClient, base: str, app: Flask
) -> None:
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    with write_transaction(app.extensions["engine"]) as db:
        db.execute(update(Participant).values(outcome=Outcome.TIMED_OUT))
    late = client.post(f"{base}/trials/{trial['token']}/response", json=SHOWN)
    assert (late.status_code, "any more answers" in late.get_json()["error"]) == (409, True)
    assert client.post(f"{base}/resume", json={}).get_json()["trials"] == []
    page = client.get(f"{base}/debrief", follow_redirects=True).text
    assert "Your time for this study is up" in page
    assert f"{base}/withdraw" in page


def test_the_screen_is_described_once(client: FlaskClient, base: str, app: Flask) -> None:
    screen = {
        "language": "de", "refresh_hz": 59.9, "device_pixel_ratio": 2, "viewport": "800x600",
        "color_gamut": "p3", "inverted_colors": False, "forced_colors": True,
    }  # fmt: skip
    for language in ("de", "en"):
        sent = client.post(f"{base}/environment", json=screen | {"language": language})
        assert sent.status_code == 204
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Environment.language)).one() == "de"
    bad = client.post(f"{base}/environment", json=screen | {"refresh_hz": "fast"})
    assert bad.status_code == 400


@pytest.mark.parametrize("path", ["/p/x/trials", "/api/v1/trials", "/static/style.css"])
def test_cookieless_paths_neither_read_nor_set_a_cookie(path: str, app: Flask) -> None:
    with app.test_request_context(path), pytest.raises(RuntimeError, match="unavailable"):
        session["person:short"] = "another"
    with app.test_request_context("/s/short"):
        session["person:short"] = "somebody"


@pytest.mark.parametrize(
    "address", ["/s/none", "/p/none", "/p/none/trials", "/s/short?invitation=x"]
)
def test_unknown_addresses_show_an_error_page(address: str, client: FlaskClient) -> None:
    page = client.get(address)
    assert page.status_code == 404
    assert "Check that you copied the whole link" in page.text


def test_every_page_carries_the_security_headers(client: FlaskClient, base: str) -> None:
    for address in ("/", "/s/short", base, "/none", "/static/style.css"):
        with client.get(address) as page:
            headers = page.headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


def test_errors_about_trials_are_in_the_participants_language(
    app: Flask, base: str, client: FlaskClient
) -> None:
    with write_transaction(app.extensions["engine"]) as db:
        db.execute(update(Participant).values(language="de"))
    english, message = {"Accept-Language": "en"}, "This trial doesn’t exist."
    in_german = languages.load_catalog("de").gettext(message)
    for path in ("start", "response"):
        reply = client.post(f"{base}/trials/gone/{path}", json=SHOWN, headers=english)
        assert (reply.status_code, reply.get_json()) == (404, {"error": in_german})
    assert in_german != message
    nobody = client.post("/p/nobody/trials/gone/response", json=SHOWN, headers=english)
    assert nobody.status_code == 404
    assert "copied the whole link" in nobody.get_json()["error"]
