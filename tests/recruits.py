"""Forty participants from Prolific. Most finish; the others show every other behavior."""

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from random import Random
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine

from study_server.simulation.simulated_browser import (
    SIMULATED_ENVIRONMENT,
    SIMULATED_SCREENING,
    SimulatedBrowser,
    answer_trial,
    give_consent,
    read_candidates,
)
from study_server.vocabulary import FOIL_METHOD, REAL_METHOD, ColorVision

CODE = re.compile(r'<strong id="code">([^<]+)</strong>')
BACK = re.compile(r'id="redirect-target" href="([^"]+)"')
FOOLED = 0.3  # fooling rate of these participants
HALF = 6  # answers given by participants who leave half way


class Fate(StrEnum):
    """A participant's course through the study."""

    STEADY = "finishes"
    TWICE = "leaves half way, comes back by the link of a second submission, and submits twice"
    MISTYPED = "finishes, but submits a wrong code to Prolific"
    CARELESS = "finishes, but misses the attention checks"
    RETURNED = "leaves half way and returns the submission"
    GONE = "leaves half way until Prolific's time limit"
    LATE = "leaves half way until the study's own time limit"
    SCREENED_OUT = "confuses colors"
    ACTIVE = "is still answering"
    LOOKED = "reads the consent page and leaves"


ROSTER = {
    Fate.STEADY: 24, Fate.TWICE: 2, Fate.MISTYPED: 1, Fate.CARELESS: 3, Fate.RETURNED: 3,
    Fate.GONE: 2, Fate.LATE: 1, Fate.SCREENED_OUT: 2, Fate.ACTIVE: 1, Fate.LOOKED: 1,
}  # fmt: skip
FINISH = (Fate.STEADY, Fate.TWICE, Fate.MISTYPED, Fate.CARELESS)
HALF_WAY = (Fate.RETURNED, Fate.GONE, Fate.LATE, Fate.ACTIVE)
STATUS = {
    Fate.RETURNED: "RETURNED", Fate.GONE: "TIMED-OUT", Fate.ACTIVE: "ACTIVE",
    Fate.LOOKED: "RETURNED",
}  # fmt: skip


@dataclass(frozen=True)
class Recruit:
    """A participant from Prolific. pid: Prolific's participant id."""

    pid: str
    fate: Fate

    def link(self, entry: str, session: int = 1) -> str:
        """Return the study's link as Prolific fills it in."""
        own = {
            "{{%PROLIFIC_PID%}}": self.pid,
            "{{%STUDY_ID%}}": "671b8ae84509b9a624b95e13",
            "{{%SESSION_ID%}}": self.session(session),
        }
        for placeholder, value in own.items():
            entry = entry.replace(placeholder, value)
        return entry

    def session(self, number: int = 1) -> str:
        """Return Prolific's id of a submission."""
        return f"{self.pid}-{number}"

    def submissions(self, codes: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return Prolific's submissions of this participant. codes: completion code by outcome."""
        code_by_fate = {
            Fate.MISTYPED: "N0C0DE", Fate.LATE: codes["timed_out"],
            Fate.SCREENED_OUT: codes["screened_out"],
        }  # fmt: skip
        code = code_by_fate.get(self.fate, codes["complete"] if self.fate in FINISH else "")
        one = {
            "participant_id": self.pid,
            "status": STATUS.get(self.fate, "AWAITING REVIEW"),
            "study_code": code,
        }
        times = 2 if self.fate is Fate.TWICE else 1
        return [one | {"id": self.session(number + 1)} for number in range(times)]

    @property
    def color_vision(self) -> ColorVision:
        """This participant's answer to the question about color vision."""
        screened_out = self.fate is Fate.SCREENED_OUT
        return ColorVision.DEFICIENT if screened_out else ColorVision.NORMAL

    def choose(self, candidates: list[tuple[str, str]], rng: Random) -> dict[str, int]:
        """Choose an answer. All participants but the careless ones recognize the foils."""
        methods = [method for _, method in candidates]
        (fake,) = (slot for slot, method in enumerate(methods) if method != REAL_METHOD)
        careless = self.fate is Fate.CARELESS
        wrong = careless if FOIL_METHOD in methods else rng.random() < FOOLED
        return {"choice": 1 - fake if wrong else fake}


def recruits() -> list[Recruit]:
    """Return all participants in a random order with a fixed seed."""
    fates = [fate for fate, people in ROSTER.items() for _ in range(people)]
    Random(0).shuffle(fates)
    return [Recruit(f"{number:024x}", fate) for number, fate in enumerate(fates, start=0x5F)]


def come(person: Recruit, entry: str, engine: Engine) -> str:
    """Take part as far as this participant does, and return the code that is shown at the end."""
    link = local(person.link(entry))
    with closing(SimulatedBrowser(origin(entry))) as browser:
        if person.fate is Fate.LOOKED:
            browser.send("GET", link)
            return ""
        base = give_consent(browser, link)
        browser.submit(
            f"{base}/screening", SIMULATED_SCREENING | {"color_vision": person.color_vision}
        )
        if person.fate is Fate.SCREENED_OUT:
            return read_code(browser, base)
        leaves = person.fate in (*HALF_WAY, Fate.TWICE)
        answer(browser, base, engine, person, HALF if leaves else None)
        if not leaves:
            return read_code(browser, f"{base}/debrief")
        if person.fate is not Fate.TWICE:
            return find_code(browser, base)
        return come_again(browser, person, entry, engine)


def come_again(browser: SimulatedBrowser, person: Recruit, entry: str, engine: Engine) -> str:
    """Continue to the end with the link of a second submission, in the same browser."""
    base = urlsplit(browser.send("GET", local(person.link(entry, 2))).headers["Location"]).path
    answer(browser, base, engine, person, None)
    return read_code(browser, f"{base}/debrief")


def origin(link: str) -> str:
    """Return the scheme and host of a link; httpx would add the rest to every address."""
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}"


def local(link: str) -> str:
    """Return the path and query of a link."""
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def answer(
    browser: SimulatedBrowser, base: str, engine: Engine, person: Recruit, until: int | None
) -> None:
    """Give answers until this many have been given, or all if `until` is None."""
    rng = Random(person.pid)
    browser.post(f"{base}/environment", SIMULATED_ENVIRONMENT)
    batch = browser.post(f"{base}/resume", {})
    while batch["trials"] and batch["answered"] != until:
        trial = batch["trials"][0]
        choice = person.choose(read_candidates(engine, trial["token"]), rng)
        batch = answer_trial(browser, base, trial, choice, rng)


def find_code(browser: SimulatedBrowser, page: str) -> str:
    """Return the code on a page, or "" if there is none."""
    match = CODE.search(browser.send("GET", page).text)
    return match[1] if match else ""


def read_code(browser: SimulatedBrowser, page: str) -> str:
    """Return the code on a participant's last page, which its link to Prolific must repeat."""
    content = browser.send("GET", page).text
    code, back = CODE.search(content), BACK.search(content)
    if code is None or back is None or not unescape(back[1]).endswith(f"?cc={code[1]}"):
        raise AssertionError(f"{page} has no code:\n{content}")
    return code[1]
