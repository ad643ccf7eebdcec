"""A simulated participant's browser, and the pages and trials that are answered with it."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Engine, bindparam, select

from study_server.participants.participation import find_participant
from study_server.protocol.model import Protocol, task_of
from study_server.protocol.questions import Question
from study_server.questionnaire.screening import is_screening_pending, plate_digits
from study_server.simulation.simulated_people import SimulatedPerson, SimulatedPopulation
from study_server.storage.engine import read_session
from study_server.storage.models import Stimulus, Trial, TrialStimulus
from study_server.tasks.task import WireAnswer
from study_server.vocabulary import (
    ColorVision,
    NightLight,
    QuestionPage,
    QuestionType,
    StimulusRole,
)

CSRF_FIELD_PATTERN = re.compile(r'name="csrf_token" value="([^"]+)"')
SIMULATED_ENVIRONMENT = {
    "language": "en",
    "refresh_hz": 60,
    "device_pixel_ratio": 1,
    "viewport": "1280x800",
    "color_gamut": "srgb",
    "inverted_colors": False,
    "forced_colors": False,
}
SIMULATED_SCREENING = {"color_vision": ColorVision.NORMAL, "night_light": NightLight.OFF}
MEDIAN_RT_MS, RT_LOG_SD = 900, 0.4
DECLINED_SHARE = 0.05  # of the study's own questions
SELECT_CANDIDATES = (
    select(Stimulus.image, Stimulus.method)
    .join(TrialStimulus)
    .join(Trial)
    .where(Trial.token == bindparam("trial_token"), TrialStimulus.role == StimulusRole.CANDIDATE)
    .order_by(TrialStimulus.slot)
)


class SimulatedBrowser:
    """The parts of a browser that a simulated participant needs: a connection and cookies."""

    def __init__(self, address: str, transport: httpx.BaseTransport | None = None) -> None:
        # A server on loopback has no certificate; loading the system's would take 0.1 s.
        without_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.Client(
            base_url=address,
            timeout=60,
            trust_env=False,
            verify=without_certificates,
            transport=transport,
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request; raises ConnectionError on an error status.

        content: the arguments data or json of httpx.
        """
        response = self._client.request(method, path, **content)
        if response.is_error:
            raise ConnectionError(
                f"{method} {path}: {response.status_code} {response.content[:200]!r}"
            )
        return response

    def submit(self, path: str, form: Mapping[str, str]) -> str:
        """Send a form and return the address it redirects to."""
        return str(self.send("POST", path, data=form).headers.get("Location", ""))

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Send JSON and return the reply's JSON, or {} if it has none."""
        response = self.send("POST", path, json=body)
        return dict(response.json()) if response.content else {}


def give_consent(browser: SimulatedBrowser, entry: str) -> str:
    """Load the consent page and give consent; return the path of the participant's pages."""
    page = browser.send("GET", entry).text
    field = CSRF_FIELD_PATTERN.search(page)
    form = {"csrf_token": unescape(field[1]) if field else "", "consent": "yes"}
    return urlsplit(browser.submit(entry, form)).path


def answer_screening(browser: SimulatedBrowser, base_url: str, engine: Engine) -> None:
    """Answer the screening, if there is one, and read the digit of every plate correctly."""
    with read_session(engine) as db:
        participant = find_participant(db, base_url.rpartition("/")[2])
        if participant is None or not is_screening_pending(db, participant):
            return
        digits = plate_digits(participant)
    plates = {f"plate-{number}": str(digit) for number, digit in enumerate(digits)}
    browser.submit(f"{base_url}/screening", SIMULATED_SCREENING | plates)


def answer_questions(
    browser: SimulatedBrowser,
    base_url: str,
    protocol: Protocol,
    page: QuestionPage,
    person_seed: str,
) -> None:
    """Answer the study's own questions on a page, if it has any, at random."""
    questions = protocol.questions_on(page)
    if questions:
        rng = Random(f"{person_seed}:{page}")
        form = dict(_simulate_field(question, rng) for question in questions)
        browser.submit(f"{base_url}/questions/{page}", form)


def _simulate_field(question: Question, rng: Random) -> tuple[str, str]:
    """Return the name and the value of the form's field with a random answer."""
    if question.required and rng.random() < DECLINED_SHARE:
        return f"declined-{question.name}", "yes"
    answers = {
        QuestionType.CHOICE: str(
            rng.randrange(max(map(len, question.options.values()), default=1))
        ),
        QuestionType.NUMBER: str(rng.randint(18, 80)),
        QuestionType.TEXT: "Written by a simulated participant.",
    }
    return f"answer-{question.name}", answers[question.kind]


def answer_trials(
    browser: SimulatedBrowser,
    base_url: str,
    engine: Engine,
    protocol: Protocol,
    population: SimulatedPopulation,
    person_seed: str,
) -> bool:
    """Answer trials until the end or until dropout; return whether all were answered."""
    rng = Random(f"{population.seed}:{person_seed}:answers")
    person = SimulatedPerson(population, person_seed)
    browser.post(f"{base_url}/environment", SIMULATED_ENVIRONMENT)
    reply = browser.post(f"{base_url}/resume", {})
    leaves_after = (
        rng.randrange(reply["planned"]) if rng.random() < population.dropout_rate else None
    )
    while reply["trials"]:
        if reply["answered"] == leaves_after:
            return False
        trial = reply["trials"][0]
        candidates = read_candidates(engine, trial["token"])
        observer = replace(person, exposure_ms=trial["timing"]["exposure_ms"])
        answer = task_of(protocol).simulate_answer(protocol, candidates, observer, rng)
        reply = answer_trial(browser, base_url, trial, answer, rng)
    is_complete = bool(reply["answered"] == reply["planned"])
    if is_complete:
        answer_questions(browser, base_url, protocol, QuestionPage.AFTER, person_seed)
    browser.send("GET", f"{base_url}/debrief")
    return is_complete


def answer_trial(
    browser: SimulatedBrowser,
    base_url: str,
    trial: Mapping[str, Any],
    answer: WireAnswer,
    rng: Random,
) -> dict[str, Any]:
    """Load the images of a trial and send an answer with exact exposures; return the reply."""
    images = [slot["image"] for slot in trial["slots"]]
    for image in images if trial["reference"] is None else [*images, trial["reference"]]:
        browser.send("GET", image)
    rt_ms = round(MEDIAN_RT_MS * rng.lognormvariate(0, RT_LOG_SD))
    exposure_ms = trial["timing"]["exposure_ms"] or rt_ms  # None: shown until the answer
    body = {
        "answer": answer,
        "rt_ms": rt_ms,
        "first_ms": exposure_ms,
        "second_ms": exposure_ms if trial["presentation"] == "sequential" else None,
    }
    browser.post(f"{base_url}/trials/{trial['token']}/start", {})
    return browser.post(f"{base_url}/trials/{trial['token']}/response", body)


def read_candidates(engine: Engine, token: str) -> list[tuple[str, str]]:
    """Read the (image, method) of each candidate of a trial, by slot, from the database."""
    with engine.connect() as db:
        rows = db.execute(SELECT_CANDIDATES, {"trial_token": token})
        return [(image, method) for image, method in rows]
