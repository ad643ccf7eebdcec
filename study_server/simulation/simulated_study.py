"""Simulated people answer a study over HTTP, through the real server, without the pauses."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from http.client import HTTPConnection
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import joinedload

from study_server.errors import StudyError
from study_server.participants.participation import find_participant
from study_server.participants.scoring import is_correct
from study_server.participants.screening import is_screening_pending, plate_digits
from study_server.protocol.model import stored_protocol
from study_server.recruitment.invitations import invitation
from study_server.serving import served
from study_server.simulation.simulated_people import Crowd
from study_server.storage.engine import reading
from study_server.storage.models import Participant, Trial
from study_server.studies.lookup import find
from study_server.vocabulary import Choice, ColorVision, Mode, NightLight

CSRF_FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')
SCREEN = {
    "language": "en",
    "refresh_hz": 60,
    "device_pixel_ratio": 1,
    "viewport": "1280x800",
    "color_gamut": "srgb",
    "inverted_colors": False,
    "forced_colors": False,
}
EYES = {"color_vision": ColorVision.NORMAL, "night_light": NightLight.OFF}
MEDIAN_RT_MS, RT_LOG_SD = 900, 0.4


def simulate(
    app: Flask, slug: str, people: int, crowd: Crowd, done: Callable[[], None] = lambda: None
) -> int:
    """Let `people` simulated participants take part; `done` is called after each.

    The truth is read from the database, never over HTTP. Returns how many were complete.
    Raises StudyError when a studied method has no rate.
    """
    _require_rates(app.extensions["engine"], slug, crowd)
    complete = 0
    with served(app) as address:
        for number in range(people):
            person = f"{crowd.seed}:{number}"
            # a second run brings new people, though the same seed makes them alike
            token = invitation(
                app.config["SECRET_KEY"], slug, Mode.SIMULATED, f"{person}:{secrets.token_hex(8)}"
            )
            with closing(Browser(address)) as browser:
                base = give_consent(browser, f"/s/{slug}?{urlencode({'invitation': token})}")
                declare(browser, base, app.extensions["engine"])
                complete += answer_trials(browser, base, app.extensions["engine"], crowd, person)
            done()
    return complete


def _require_rates(engine: Engine, slug: str, crowd: Crowd) -> None:
    with reading(engine) as db:
        for method in stored_protocol(find(db, slug).protocol).methods:
            if method not in crowd.rates:
                raise StudyError(
                    f"study {slug!r} shows {method}; add {method}=0.3, say, to --rates"
                )


class Browser:
    """As much of a browser as a simulated person needs: one connection and its cookies."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
        self._cookie = ""

    def close(self) -> None:
        self._connection.close()

    def send(
        self, method: str, path: str, body: bytes | None = None, content_type: str = ""
    ) -> tuple[str, bytes]:
        """(where it redirects, content); raises ConnectionError on an error status."""
        headers = {"Cookie": self._cookie, "Content-Type": content_type}
        self._connection.request(method, path, body, {k: v for k, v in headers.items() if v})
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 400:
            raise ConnectionError(f"{method} {path}: {response.status} {content[:200]!r}")
        self._cookie = (response.getheader("Set-Cookie") or self._cookie).partition(";")[0]
        return response.getheader("Location", ""), content

    def submit(self, path: str, form: Mapping[str, str]) -> str:
        """Send a form; where it leads."""
        kind = "application/x-www-form-urlencoded"
        return self.send("POST", path, urlencode(form).encode(), kind)[0]

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        _, content = self.send("POST", path, json.dumps(body).encode(), "application/json")
        return dict(json.loads(content)) if content else {}


def give_consent(browser: Browser, entry: str) -> str:
    """Read the consent page, agree; returns the participant's own address."""
    _, page = browser.send("GET", entry)
    field = CSRF_FIELD.search(page.decode())
    form = {"csrf_token": unescape(field[1]) if field else "", "consent": "yes"}
    return urlsplit(browser.submit(entry, form)).path


def declare(browser: Browser, base: str, engine: Engine) -> None:
    """Answer what is asked before the first trial, with eyes that see every plate's digit."""
    with reading(engine) as db:
        participant = find_participant(db, base.rpartition("/")[2])
        if participant is None or not is_screening_pending(db, participant):
            return
        digits = plate_digits(participant)
    plates = {f"plate-{number}": str(digit) for number, digit in enumerate(digits)}
    browser.submit(f"{base}/screening", EYES | plates)


def answer_trials(browser: Browser, base: str, engine: Engine, crowd: Crowd, person: str) -> bool:
    """Answer until the end, or until this person has had enough; True when complete."""
    rng = Random(f"{crowd.seed}:{person}:answers")
    browser.post(f"{base}/environment", SCREEN)
    batch = browser.post(f"{base}/resume", {})
    leaves_after = rng.randrange(batch["planned"]) if rng.random() < crowd.dropout else None
    while batch["trials"]:
        if batch["answered"] == leaves_after:
            return False
        trial = batch["trials"][0]
        choice = decide(read_truth(engine, trial["token"]), crowd, person, rng)
        batch = answer_trial(browser, base, trial, choice, rng)
    browser.send("GET", f"{base}/debrief")
    return bool(batch["answered"] == batch["planned"])


def answer_trial(
    browser: Browser, base: str, trial: Mapping[str, Any], choice: Choice, rng: Random
) -> dict[str, Any]:
    """Look at each image, choose; the exposures are those a good screen achieves."""
    for image in trial["images"]:
        browser.send("GET", image["url"])
    rt_ms = round(MEDIAN_RT_MS * rng.lognormvariate(0, RT_LOG_SD))
    exposure_ms = trial["timing"]["exposure_ms"] or rt_ms  # None: it ended with the answer
    body = {
        "answer": choice,
        "rt_ms": rt_ms,
        "first_ms": exposure_ms,
        "second_ms": exposure_ms if trial["presentation"] == "sequential" else None,
    }
    browser.post(f"{base}/trials/{trial['token']}/start", {})
    return browser.post(f"{base}/trials/{trial['token']}/response", body)


@dataclass(frozen=True)
class Truth:
    """What the database knows of a trial and the browser does not."""

    image: str
    method: str
    truth: Choice
    question: str


def read_truth(engine: Engine, token: str) -> Truth:
    query = (
        select(Trial)
        .where(Trial.token == token)
        .options(
            joinedload(Trial.fake),
            joinedload(Trial.real),
            joinedload(Trial.participant).joinedload(Participant.study),
        )
    )
    with reading(engine) as db:
        trial = db.scalars(query).one()
        question = trial.participant.study.question
        return Truth(trial.shown.image, trial.shown.method, trial.truth, question)


def decide(truth: Truth, crowd: Crowd, person: str, rng: Random) -> Choice:
    """What this person says: wrong when the fake passes for the photograph, or the other way."""
    probability = crowd.error_probability(person, truth.image, truth.method)
    right = truth.truth
    if not is_correct(truth.question, truth.truth, right):
        right = right.other  # asked for the photograph
    return right.other if rng.random() < probability else right
