"""Fuzz tests: 5,000 requests to all routes, about half of them valid; none causes a 5xx."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from study_server.storage.engine import write_transaction
from study_server.studies import researchers
from tests.attacks.answering import trials
from tests.attacks.conftest import PASSWORD
from tests.conftest import lend_database
from tests.study_server.browsing import consent, csrf_token

REQUESTS = {"sqlite": 3000, "postgresql": 2000}
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")
WORDS = (
    "", "0", "-1", "9" * 400, "a" * 5000, "\0", "%00", "\r\n", "\U0001d54f", "\u202e", "\ufffe",
    "<b>", "../..", "NaN", "1e400", "null", "true", "left", "fake", "en", "short", "live", "[]",
    "{}", "'", "%", "%ff", "\\", ";", "..;/", "\x1b[0m", "=1+1", "{{7*7}}", "${x}", "yes", "open",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *WORDS, 0, -1, 1, 2**31, 2**63, 2**200, 0.5, -0.0, 1e308, float("nan"), float("inf"), True,
    None, [], {}, [[]], {"a": {}}, ["hidden"], ["left"] * 100,
)  # fmt: skip
BODIES: dict[str, dict[str, object]] = {
    "response": {
        "answer": {"choice": 0}, "rt_ms": 500, "first_ms": 1.5, "second_ms": 2.5, "id": "m",
        "early_inputs": 0, "repeated_inputs": 0, "flags": ["hidden"], "first_frames": 60,
        "second_frames": 60,
    },
    "incident": {"slot": 0, "status": 404},
    "environment": {
        "language": "en", "refresh_hz": 60, "device_pixel_ratio": 1, "viewport": "1x1",
        "color_gamut": "srgb", "inverted_colors": False, "forced_colors": False,
    },
    "enroll": {"consent": True, "consent_version": "en-1", "language": "en", "external_id": "ada"},
    "comment": {"comment": "green"},
    "store_questions": {"page": "before", "answers": {"age": 0}},
}  # fmt: skip
TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/x",
    "",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with lend_database(request.param, request, tmp_path) as url:
        yield url


class Known(NamedTuple):
    """Existing values that a request may contain."""

    tokens: list[str]  # of participants
    trials: list[str]
    csrf: str


class Fuzzer:
    """A generator of random requests from a seed."""

    def __init__(self, app: Flask, seed: int) -> None:
        self.app, self.rng, self.seen = app, Random(seed), Counter[int]()
        self.rules = list(app.url_map.iter_rules())
        self.researcher = app.test_client()
        self.known = self.come()

    def come(self) -> Known:
        """Enroll a new participant, and sign the researcher in again in case of a sign-out."""
        client = self.app.test_client()
        base = consent(client)
        token = csrf_token(self.researcher.get("/researcher/login"))
        form = {"csrf_token": token, "name": "ada", "password": PASSWORD}
        self.researcher.post("/researcher/login", data=form)
        token = csrf_token(self.researcher.get("/researcher/login"))
        return Known([base[3:]], [each.rpartition("/")[2] for each in trials(client, base)], token)

    def send(self, rule: Rule) -> tuple[str, TestResponse]:
        """Send a request to a route; return its description and the reply."""
        rng, client = self.rng, self.rng.choice([self.researcher, self.app.test_client()])
        allowed = sorted(rule.methods or ())
        method = rng.choice(allowed if rng.random() < 0.9 else METHODS)
        path = self.address(rule)
        options = self.body(rule.endpoint) if method in ("POST", "PUT", "PATCH") else {}
        query = {rng.choice(WORDS[3:]): rng.choice(WORDS)} if rng.random() < 0.2 else {}
        headers = self.headers()
        description = f"{method} {path!r} {query} {headers} {options}"
        return description, client.open(
            path, method=method, query_string=query, headers=headers, **options
        )

    def address(self, rule: Rule) -> str:
        """Return an address of the route, mostly with existing values."""
        valid = {
            "slug": "short", "token": self.rng.choice(self.known.tokens),
            "slot": self.rng.choice("012"),
            "trial_token": self.rng.choice(self.known.trials), "filename": "style.css",
            "name": self.rng.choice(["responses.csv", "psych-ds.zip", "design.json", "x.csv"]),
            "number": self.rng.choice("0123"), "page": self.rng.choice(["before", "after"]),
        }  # fmt: skip

        def fill(placeholder: re.Match[str]) -> str:
            likely = self.rng.random() < 0.85
            return valid.get(placeholder[1], "x") if likely else self.rng.choice(WORDS)

        return re.sub(r"<(?:[^<>]*:)?(\w+)>", fill, rule.rule)

    def headers(self) -> dict[str, str]:
        rng = self.rng
        headers = {"Authorization": f"Bearer {rng.choice(self.known.tokens)}"}
        for name in (
            "Accept-Language",
            "Authorization",
            "X-Forwarded-For",
            "Range",
            "Cookie",
            "Host",
        ):
            if rng.random() < 0.08:
                headers[name] = rng.choice(
                    ["", "*", "de;q=9", "bytes=0-1", "a" * 300, "=;=", "\xff", "[::"]
                )
        return headers

    def body(self, endpoint: str) -> dict[str, Any]:
        """Return a body like the route's own with a random change, or junk."""
        rng, kind = self.rng, endpoint.rpartition(".")[2].replace("respond", "response")
        if rng.random() < 0.1:
            junk = rng.choice([b"", b"[" * 50_000, b"\xff\xfe", b'{"a":', b"x" * 70_000, b"null"])
            return {"data": junk, "content_type": rng.choice(TYPES)}
        if kind in BODIES and rng.random() < 0.8:
            return {"json": self.change(BODIES[kind])}
        form = {
            "consent": "yes", "comment": "green", "state": "open", "color_vision": "normal",
            "night_light": "off", "plate-0": "12", "name": "ada", "password": "guess",
            "answer-age": "0",
        }  # fmt: skip
        changed = {str(k): str(v) for k, v in self.change(form).items()}
        return {"data": changed | ({"csrf_token": self.known.csrf} if rng.random() < 0.9 else {})}

    def change(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of the body, changed in about half of the calls."""
        rng, changed = self.rng, dict(body)
        if rng.random() < 0.5:
            changed[rng.choice([*body, rng.choice(WORDS)])] = rng.choice(VALUES)
        if rng.random() < 0.1:
            changed.pop(rng.choice(list(body)), None)
        return changed


@pytest.mark.slow(7)
def test_no_fuzzed_request_causes_a_server_error(app: Flask) -> None:
    engine = app.extensions["engine"]
    with write_transaction(engine) as db:
        researchers.add_researcher(db, "ada", researchers.hash_password(PASSWORD))
    fuzzer = Fuzzer(app, seed=9)
    for number in range(REQUESTS[engine.dialect.name]):
        if number % 100 == 0:
            with engine.execution_options(writes=True).begin() as connection:
                connection.exec_driver_sql("UPDATE study SET state = 'open'")
            fuzzer.known = fuzzer.come()
        rule = fuzzer.rules[number % len(fuzzer.rules)]
        description, reply = fuzzer.send(rule)
        reply.get_data()
        reply.close()
        assert reply.status_code < 500, f"{reply.status_code}: {description}"
        fuzzer.seen[reply.status_code // 100] += 1
    assert fuzzer.seen[2] > sum(fuzzer.seen.values()) / 4, fuzzer.seen  # many were valid
    assert FlaskClient(app).get("/healthz").get_json()["status"] == "ok"
