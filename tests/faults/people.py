"""Simulated participants over HTTP who behave like the player, and a record of their replies."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from html import unescape
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Engine, select, text

from study_server.storage.engine import read_session
from study_server.storage.models import Judgment, Participant, Response, Study, Trial

SCREEN = {
    "language": "en", "refresh_hz": 60.0, "device_pixel_ratio": 1.0, "viewport": "1280x720",
    "color_gamut": "srgb", "inverted_colors": False, "forced_colors": False,
}  # fmt: skip
PATIENCE_S = 60
FORM = "application/x-www-form-urlencoded"


@dataclass
class Ledger:
    """The messages and replies of all participants. sent, saved: answers by message id."""

    sent: dict[str, int] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)  # confirmed by the server
    failures: int = 0  # requests that had to be sent again
    refused: list[int] = field(default_factory=list)  # statuses of final refusals
    answers_s: list[float] = field(default_factory=list)  # from the request to the reply
    enrolments_s: list[float] = field(default_factory=list)
    complete: int = 0


@dataclass(frozen=True)
class Pace:
    """The behavior of participants.

    answer_s: seconds from a trial's start to the answer. reload, vanish: probabilities per trial of
    reloading the page and of leaving for good. retry_s: pause before a request is sent again.
    """

    answer_s: float = 0.0
    reload: float = 0.0
    vanish: float = 0.0
    retry_s: float = 0.1


class Browser:
    """A browser with one persistent connection, reopened when it breaks, and one cookie."""

    def __init__(self, address: str, ledger: Ledger, retry_s: float) -> None:
        parts = urlsplit(address)
        self.host, self.port = parts.hostname, parts.port
        self.ledger, self.retry_s = ledger, retry_s
        self.cookie = ""
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def persist(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request again until the reply is not a server error."""
        while True:
            try:
                reply = await asyncio.wait_for(self.send(method, path, body, kind), PATIENCE_S)
                if reply[0] < 500:
                    return reply
            except (OSError, EOFError, ValueError, TimeoutError):
                self.close()
            self.ledger.failures += 1
            await asyncio.sleep(self.retry_s)

    async def send(
        self, method: str, path: str, body: bytes, kind: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and content. Raises OSError, EOFError or ValueError."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{cookie}"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        headers = dict(_split(line) for line in lines if line)
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        if "set-cookie" in headers:
            self.cookie = headers["set-cookie"].partition(";")[0]
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(first.split()[1]), headers, content

    async def post(self, path: str, body: object) -> Any:
        """Post JSON and return the reply's JSON, or None if it has none or is a refusal."""
        status, _, content = await self.persist("POST", path, json.dumps(body).encode())
        if status >= 400:
            self.ledger.refused.append(status)
        return json.loads(content) if status == 200 else None

    def close(self) -> None:
        if self.streams is not None:
            with suppress(OSError):
                self.streams[1].close()
        self.streams = None


def _split(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


async def enter(browser: Browser, slug: str) -> str:
    """Read the consent page and consent; return the participant's address."""
    began = time.perf_counter()
    _, _, page = await browser.persist("GET", f"/s/{slug}")
    (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', page.decode())[:1]
    form = urlencode({"csrf_token": unescape(token), "consent": "yes"}).encode()
    _, headers, _ = await browser.persist("POST", f"/s/{slug}", form, FORM)
    browser.ledger.enrolments_s.append(time.perf_counter() - began)
    return urlsplit(headers["location"]).path


async def take_part(
    browser: Browser, slug: str, pace: Pace, rng: Random, stop: asyncio.Event
) -> None:
    """Take part from the consent to the end, or until `stop`."""
    base = await enter(browser, slug)
    await browser.persist("GET", base)
    batch = await browser.post(f"{base}/resume", {})
    await browser.post(f"{base}/environment", SCREEN)
    fetched: set[str] = set()
    while batch and batch["trials"] and not stop.is_set():
        if rng.random() < pace.vanish:
            return
        for slot in (slot for trial in batch["trials"] for slot in trial["slots"]):
            if slot["image"] not in fetched:
                fetched.add(slot["image"])
                await browser.persist("GET", slot["image"])
        mine = f"{base}/trials/{batch['trials'][0]['token']}"
        await browser.post(f"{mine}/start", {})
        await asyncio.sleep(pace.answer_s * rng.uniform(0.6, 1.4))
        if rng.random() < pace.reload:
            batch = await browser.post(f"{base}/resume", {})
            continue
        batch = await answer(browser, mine, rng)
    browser.ledger.complete += bool(batch) and not batch["trials"]


async def answer(browser: Browser, trial: str, rng: Random) -> Any:
    """Send one answer with one id until the server confirms it; return the reply."""
    ledger, message = browser.ledger, secrets.token_hex(8)
    ledger.sent[message] = rng.randrange(2)
    body = {
        "answer": {"choice": ledger.sent[message]}, "rt_ms": 800, "first_ms": 1000.0,
        "second_ms": 1000.0,
    }  # fmt: skip
    began = time.perf_counter()
    stored = await browser.post(f"{trial}/response", body | {"id": message})
    if stored:
        ledger.answers_s.append(time.perf_counter() - began)
        ledger.saved[message] = ledger.sent[message]
    return stored


async def keep_coming(
    address: str, slug: str, ledger: Ledger, pace: Pace, seed: int, stop: asyncio.Event
) -> None:
    """Run one participant after another until `stop`."""
    rng = Random(seed)
    while not stop.is_set():
        browser = Browser(address, ledger, pace.retry_s)
        await take_part(browser, slug, pace, rng, stop)
        browser.close()


@dataclass(frozen=True)
class Difference:
    """The differences between the confirmed answers and the database."""

    stored: int
    lost: int  # confirmed but not in the database
    changed: int  # stored with a different answer
    invented: int  # stored but never sent
    doubled: int  # messages stored twice, and plan slots with two valid answers

    @property
    def nothing(self) -> bool:
        return not (self.lost or self.changed or self.invented or self.doubled)


TWICE = """
SELECT COUNT(*) FROM (
    SELECT participant_id, place FROM trial JOIN response ON response.trial_id = trial.id
    WHERE voided = false GROUP BY participant_id, place HAVING COUNT(*) > 1
) AS twice
"""


def compare(
    engine: Engine, ledger: Ledger, slug: str = "short", chosen_value: int = 0
) -> Difference:
    """Compare the confirmed answers with the database.

    chosen_value: what a judgment of the chosen image has, 0 if it was said to be fake, or rank 1.
    """
    answers = (
        select(Response.message_id, Judgment.slot)
        .join(Trial, Response.trial)
        .join(Participant)
        .join(Judgment, (Judgment.trial_id == Trial.id) & (Judgment.value == chosen_value))
    )
    with read_session(engine) as db:
        rows = db.execute(answers.join(Study).where(Study.slug == slug)).all()
        twice = db.scalar(text(TWICE)) or 0
    stored = {row.message_id: row.slot for row in rows}
    return Difference(
        len(stored),
        sum(message not in stored for message in ledger.saved),
        sum(stored.get(message, answer) != answer for message, answer in ledger.saved.items()),
        sum(message not in ledger.sent for message in stored),
        twice + len(rows) - len(stored),
    )


def start_participants(
    address: str, slug: str, people: int, pace: Pace, stop: asyncio.Event, within_s: float = 0
) -> tuple[Ledger, list[asyncio.Task[None]]]:
    """Run participants concurrently until `stop`. They arrive evenly within `within_s` seconds."""
    ledger = Ledger()

    async def come(seed: int) -> None:
        await asyncio.sleep(within_s * seed / people)
        await keep_coming(address, slug, ledger, pace, seed, stop)

    return ledger, [asyncio.create_task(come(seed)) for seed in range(people)]


def percentiles(seconds: list[float], *wanted: float) -> Iterator[float]:
    """Yield percentiles in ms (nearest rank), or NaN without values."""
    ordered = sorted(seconds)
    for share in wanted:
        place = min(len(ordered) - 1, int(share / 100 * len(ordered)))
        yield 1000 * ordered[place] if ordered else float("nan")
