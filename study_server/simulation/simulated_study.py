"""Run simulated participants through a study over HTTP, on the real server, without pauses."""

import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from html import unescape
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from sqlalchemy import Engine, select

from study_server.errors import StudyError
from study_server.participants.participation import find_participant
from study_server.participants.screening import is_screening_pending, plate_digits
from study_server.protocol.model import Protocol, parse_stored_protocol, task_of
from study_server.protocol.questions import Question
from study_server.recruitment.invitations import create_invitation
from study_server.simulation.simulated_people import SimulatedPerson, SimulatedPopulation
from study_server.storage.engine import read_session
from study_server.storage.models import Stimulus, Trial, TrialStimulus
from study_server.studies.lookup import find_study
from study_server.tasks.task import WireAnswer
from study_server.vocabulary import (
    ColorVision,
    Mode,
    NightLight,
    QuestionPage,
    QuestionType,
    StimulusRole,
)

READY_WITHIN_S = 60.0
START_ATTEMPTS = 3  # another program can take the free port before the server does
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


@dataclass(frozen=True)
class RehearsalServer:
    """A running server and the secret with which it reads invitations.

    transport: how requests reach it, if not through a connection to its address.
    """

    address: str
    secret_key: str
    transport: httpx.BaseTransport | None = None


@contextmanager
def rehearsal_server() -> Iterator[RehearsalServer]:
    """Run `study serve` on a free loopback port with its own secret key.

    It uses the deployment's database and files, but no proxy. Raises StudyError if the server does
    not start.
    """
    secret_key = secrets.token_hex(32)
    process, address = _start_server(secret_key)
    with process:
        try:
            yield RehearsalServer(address, secret_key)
        finally:
            process.terminate()


def _start_server(secret_key: str) -> tuple["subprocess.Popen[bytes]", str]:
    """Start the server on a free port, and on another one if a program took that port meanwhile."""
    settings = {
        "STUDY_SECRET_KEY": secret_key,
        "STUDY_PUBLIC_URL": "",
        "STUDY_TRUSTED_PROXIES": "0",
        "STUDY_X_ACCEL": "",
    }
    for _ in range(START_ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "study_server", "serve", "--port", str(port)]
        process = subprocess.Popen(
            command, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        address = f"http://127.0.0.1:{port}"
        try:
            if _is_ready(address, process):
                return process, address
        except BaseException:
            process.kill()
            raise
        process.kill()
        process.wait()
    raise StudyError(
        "the server for the simulated participants did not start; run `study serve` to see why"
    )


def _is_ready(address: str, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until the server replies; return False if it has ended or does not reply in time."""
    end = time.monotonic() + READY_WITHIN_S
    with httpx.Client(base_url=address, trust_env=False) as client:
        while time.monotonic() < end and process.poll() is None:
            try:
                client.get("/healthz")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return process.poll() is None  # otherwise another program has replied
    return False


def simulate_participants(
    server: RehearsalServer,
    engine: Engine,
    slug: str,
    count: int,
    population: SimulatedPopulation,
    track: Callable[[Iterable[int], int], Iterable[int]] = lambda numbers, _total: numbers,
) -> int:
    """Let `count` simulated participants take part; return how many completed the study.

    track: shows the progress over the numbers of the participants, and yields them. What a trial
    shows is read from the database, never over HTTP. Raises StudyError if a method of the study has
    no rate.
    """
    with read_session(engine) as db:
        protocol = parse_stored_protocol(find_study(db, slug).protocol)
    _require_rates(protocol, population)
    complete = 0
    for number in track(range(count), count):
        person_seed = f"{population.seed}:{number}"
        # The random suffix enrolls new participants in every run, although the same seed makes them
        # answer alike.
        token = create_invitation(
            server.secret_key, slug, Mode.SIMULATED, f"{person_seed}:{secrets.token_hex(8)}"
        )
        with closing(SimulatedBrowser(server.address, server.transport)) as browser:
            base_url = give_consent(browser, f"/s/{slug}?{urlencode({'invitation': token})}")
            answer_screening(browser, base_url, engine)
            answer_questions(browser, base_url, protocol, QuestionPage.BEFORE, person_seed)
            complete += answer_trials(browser, base_url, engine, protocol, population, person_seed)
    return complete


def _require_rates(protocol: Protocol, population: SimulatedPopulation) -> None:
    has_truth = task_of(protocol).HAS_TRUTH
    known, option = (
        (population.rates, "rates") if has_truth else (population.strengths, "strengths")
    )
    for method in protocol.methods:
        if method not in known:
            raise StudyError(
                f"study {protocol.slug!r}: no value for method {method}; add one to --{option}, "
                f"such as {method}=0.3"
            )


class SimulatedBrowser:
    """The parts of a browser that a simulated participant needs: a connection and cookies."""

    def __init__(self, address: str, transport: httpx.BaseTransport | None = None) -> None:
        # A server on loopback has no certificate; to load the system's would take 0.1 s.
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
    query = (
        select(Stimulus.image, Stimulus.method)
        .join(TrialStimulus)
        .join(Trial)
        .where(Trial.token == token, TrialStimulus.role == StimulusRole.CANDIDATE)
        .order_by(TrialStimulus.slot)
    )
    with read_session(engine) as db:
        return [(image, method) for image, method in db.execute(query)]
