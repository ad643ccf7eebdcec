"""Tests of a hostile website in the same browser, which sends requests and frames pages."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from study_server.app import create_app
from study_server.storage.engine import read_session, write_transaction
from study_server.storage.models import Participant, Study
from study_server.studies.lookup import find_study
from study_server.studies.researchers import add_researcher, hash_password
from study_server.vocabulary import StudyState
from study_server.web.cookies import cookie_name
from tests.attacks.conftest import PASSWORD
from tests.conftest import SECRET
from tests.study_server.browsing import consent, csrf_token

HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def addresses(app: Flask, base: str) -> list[str]:
    """Return one address for every route with a GET method."""
    values = {
        "slug": "short", "token": base.rpartition("/")[2], "trial_token": "none", "slot": 0,
        "filename": "style.css", "name": "participants.csv", "number": 0,
        "page": "before", "kind": "report",
    }  # fmt: skip
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
        return [
            adapter.build(rule.endpoint, {k: values[k] for k in rule.arguments}) for rule in rules
        ]


@pytest.mark.slow(0.6)
def test_every_page_and_error_has_every_security_header(
    app: Flask, client: FlaskClient, base: str, researcher: FlaskClient
) -> None:
    visited = [*addresses(app, base), "/nowhere", "/static/nowhere.css"]
    assert len(visited) > 20
    for address in visited:
        for browser in (client, researcher):
            with browser.get(address) as reply:
                for header, words in HEADERS.items():
                    (value,) = reply.headers.getlist(header)
                    assert words in value, f"{address}: {header}"
                assert "unsafe-eval" not in reply.headers["Content-Security-Policy"]
                assert "Server" not in reply.headers


def test_no_page_may_send_a_form_to_another_site(app: Flask, researcher: FlaskClient) -> None:
    """The report is included, which may come from elsewhere; its policy replaces the default."""
    report = app.extensions["settings"].report_path("short")
    report.parent.mkdir(parents=True)
    report.write_text("<!doctype html><title>Report</title>")
    pages = ("/researcher", "/researcher/studies/short/report/page")
    for address in ("/", "/s/short", *pages, "/nowhere"):
        with researcher.get(address) as reply:
            policy = reply.headers["Content-Security-Policy"].split("; ")
        assert {"form-action 'self'", "form-action 'none'"} & set(policy), address
        assert "base-uri 'none'" in policy, address


def test_other_origins_cannot_act_for_a_researcher(app: Flask, researcher: FlaskClient) -> None:
    """The browser sends the cookie, but the form has no valid CSRF token."""
    for address, form in (
        ("/researcher/studies/short/recruit/state", {"state": "closed"}),
        ("/researcher/studies/short/files/responses.csv", {}),
        ("/researcher/logout", {}),
    ):
        for forged in ({}, {"csrf_token": "forged"}):
            assert researcher.post(address, data=form | forged).status_code == 400
    with read_session(app.extensions["engine"]) as db:
        assert find_study(db, "short").state is StudyState.OPEN
    assert researcher.get("/researcher").status_code == 200


def test_other_origins_cannot_consent_for_a_participant(app: Flask, client: FlaskClient) -> None:
    client.get("/s/short")
    assert client.post("/s/short", data={"consent": "yes"}).status_code == 400
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Participant)).all() == []


def test_a_csrf_token_is_valid_in_one_browser_only(app: Flask, client: FlaskClient) -> None:
    other = app.test_client()
    token = csrf_token(other.get("/s/short"))
    client.get("/s/short")
    form = {"csrf_token": token, "consent": "yes"}
    assert client.post("/s/short", data=form).status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_forms_of_other_origins_cannot_send_answers(
    kind: str, client: FlaskClient, base: str
) -> None:
    """JSON needs a preflight request, which is refused outside /api."""
    (trial, *_) = client.get(f"{base}/trials").get_json()["trials"]
    body = '{"answer": {"choice": 0}, "rt_ms": 1, "first_ms": 1, "second_ms": 1}'
    address = f"{base}/trials/{trial['token']}/response"
    assert client.post(address, data=body, content_type=kind).status_code == 415
    preflight = client.options(address, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in preflight.headers


def test_the_api_ignores_cookies(client: FlaskClient, base: str) -> None:
    assert client.get("/api/v1/trials").status_code == 401
    reply = client.get("/api/v1/trials", headers={"Authorization": f"Bearer {base[3:]}"})
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in reply.headers


@pytest.mark.parametrize(("address", "secure"), [("https://s.example", True), ("", False)])
def test_cookies_are_http_only_same_site_and_secure(address: str, secure: bool, app: Flask) -> None:
    settings = app.extensions["settings"].model_copy(update={"public_url": address})
    reply = create_app(settings, app.extensions["engine"]).test_client().get("/s/short")
    cookie = reply.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) is secure
    assert ("Strict-Transport-Security" in reply.headers) is secure


def test_a_cookie_from_before_the_login_is_not_signed_in(
    app: Flask, researcher: FlaskClient
) -> None:
    victim = app.test_client()
    consent(victim)
    planted = victim.get_cookie(cookie_name(SECRET))
    assert planted is not None
    form = {"csrf_token": csrf_token(victim.get("/researcher/login"))}
    victim.post("/researcher/login", data=form | {"name": "ada", "password": PASSWORD})
    assert victim.get("/researcher").status_code == 200
    with victim.session_transaction() as cookie:
        assert "person:short" not in cookie
    attacker = app.test_client()
    attacker.set_cookie(cookie_name(SECRET), planted.value)
    assert attacker.get("/researcher").location == "/researcher/login"


def test_a_new_password_ends_every_session(app: Flask, researcher: FlaskClient) -> None:
    assert researcher.get("/researcher").status_code == 200
    with write_transaction(app.extensions["engine"]) as db:
        add_researcher(db, "ada", hash_password("another long password"))
    assert researcher.get("/researcher").location == "/researcher/login"


def test_get_requests_change_nothing(app: Flask, researcher: FlaskClient, base: str) -> None:
    """Links and images on other sites can only send GET requests."""

    def dump_database() -> str:
        with app.extensions["engine"].connect() as connection:
            return "".join(connection.connection.driver_connection.iterdump())

    before = dump_database()
    for address in addresses(app, base):
        if not address.endswith(".csv"):  # an export frees the places of inactive participants
            researcher.get(address).close()
    assert dump_database() == before
    with read_session(app.extensions["engine"]) as db:
        assert db.scalars(select(Study.withdrawn_count)).one() == 0
