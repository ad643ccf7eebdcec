"""The real player (page, style sheet, modules) in a browser, with a trial API by the test.

There is no server: Playwright answers every request of the page with this module.
"""

import io
import json
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image
from playwright.sync_api import Page, Route

from study_server.languages import SOURCE_LANGUAGE, format_seconds, load_catalog
from study_server.protocol.model import Protocol
from study_server.protocol.study_toml import create_protocol
from study_server.views.participant.pages import list_player_modules
from study_server.web.headers import build_security_headers
from study_server.wording.player_texts import PLAYER_TEXTS

ROOT = Path(__file__).parents[2]
SITE = "http://study.test"
BASE = "/p/someone"
QUESTION = "Which image is the fake?"
CSP = build_security_headers((), ())["Content-Security-Policy"]
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
TIMING = {"blank_ms": 60, "gap_ms": 60, "after_ms": 30, "mask_ms": 50}
FEEDBACK_MS = 200
QUICKER = b"gaps = 120", b"gaps = 12"  # tests need a less exact frame time

# Records every phase of the stage when it begins: the time, what is visible, and where the images
# are. Some phases are too short for Playwright to see.
WITNESS = r"""
window.seen = [];
document.addEventListener("DOMContentLoaded", () => {
  const stage = document.querySelector("#stage");
  const parts = {
    left: "#left img", right: "#right img", center: "#center img",
    left_mask: "#left canvas", right_mask: "#right canvas", center_mask: "#center canvas",
    buttons: "button",
  };
  const isVisible = (part) => part && getComputedStyle(part).visibility === "visible";
  const place = (image) => {
    const { x, y, width, height } = image.getBoundingClientRect();
    return [x, y, width, height];
  };
  const note = () => window.seen.push({
    phase: stage.dataset.phase,
    at: performance.now(),
    visible: Object.keys(parts).filter((name) => isVisible(stage.querySelector(parts[name]))),
    places: [...stage.querySelectorAll("img")].map(place),
    question: stage.querySelector("#question").textContent,
    captions: [...stage.querySelectorAll(".verdict")].map(
      (caption) => caption.innerText.trim().split(/\s+/).join(" ")),
  });
  if (stage) {
    const attributeFilter = ["data-phase", "data-visible-slots"];
    new MutationObserver(note).observe(stage, { attributeFilter });
  }
});
"""


@cache
def load_templates(language: str) -> Environment:
    """Return the templates of the pages in a language, which are compiled once for all tests."""
    templates = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    templates.install_gettext_translations(load_catalog(language), newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    templates.filters["seconds"] = lambda number: format_seconds(number, language)
    return templates


@cache
def render_image(size: int, color: tuple[int, int, int]) -> bytes:
    """Return a square PNG of one color."""
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), color).save(buffer, "png")
    return buffer.getvalue()


@dataclass
class TrialApi:
    """A trial API whose fakes are always on the left, with a record of the player's requests."""

    practice: int = 0
    test: int = 1
    question: str = "fake"
    presentation: str = "sequential"
    size: int = 256  # pixels
    exposure_ms: int | None = 150
    masks: int = 0
    feedback_ms: int = FEEDBACK_MS
    device: str = "any"
    language: str = SOURCE_LANGUAGE
    question_text: str = QUESTION
    is_preview: bool = False
    closed: bool = False
    answers: dict[str, Any] = field(default_factory=dict)  # by the trial's slot, "t0"
    voided: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)  # "POST trials/t0/start"
    environment: Any = None
    lost_answers: int = 0  # number of answers that the network will lose
    broken_images: int = 0  # number of broken replies for images of the first trial

    def visit(self, page: Page) -> None:
        page.add_init_script(WITNESS)
        self.attach(page)
        page.goto(SITE + BASE)

    def attach(self, page: Page) -> None:
        """Answer all requests of the page."""
        page.route("**/*", self._answer)

    def wait_for_answers(self, page: Page, number: int) -> None:
        """Wait for the answers, because the player shows the next pair before they arrive."""
        until = time.monotonic() + 10
        while len(self.answers) < number and time.monotonic() < until:
            page.wait_for_timeout(10)
        assert len(self.answers) == number

    def describe(self) -> dict[str, object]:
        planned = self.practice + self.test
        slots = [slot for slot in range(planned) if f"t{slot}" not in self.answers]
        trials = [self._trial(slot) for slot in slots[:4]]
        return {"answered": len(self.answers), "planned": planned, "trials": trials}

    def _trial(self, slot: int) -> dict[str, object]:
        practice, sequential = slot < self.practice, self.presentation == "sequential"
        token = f"t{slot}" + ("-again" if f"t{slot}" in self.voided else "")
        return {
            "token": token,
            "kind": "practice" if practice else "test",
            "number": slot + 1 - (0 if practice else self.practice),
            "total": self.practice if practice else self.test,
            "presentation": self.presentation,
            "task": "real_or_fake",
            "slots": [
                {"image": f"{BASE}/trials/{token}/{slot}", "appears": slot * sequential}
                for slot in range(1 if self.presentation == "single" else 2)
            ],
            "reference": None,
            "timing": TIMING
            | {
                "exposure_ms": self.exposure_ms,
                "masks": self.masks,
                "feedback_ms": self.feedback_ms if practice else None,
            },
        }

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(SITE).partition("?")[0]
        if path == BASE:
            headers = {"Content-Security-Policy": CSP, "Content-Type": "text/html"}
            route.fulfill(body=self.render(), headers=headers)
        elif path.startswith("/static/"):
            file = ROOT / path[1:]
            content = file.read_bytes().replace(*QUICKER)
            route.fulfill(body=content, content_type=TYPES[file.suffix])
        else:
            self._answer_call(route, path.removeprefix(f"{BASE}/"))

    def _answer_call(self, route: Route, call: str) -> None:
        self.sent.append(f"{route.request.method} {call}")
        match call.split("/"):
            case _ if self.closed:
                route.fulfill(status=404, json={"error": "This study is closed."})
            case ["trials"] | ["resume"]:
                route.fulfill(json=self.describe())
            case ["environment"]:
                self.environment = route.request.post_data_json
                route.fulfill(status=204)
            case ["trials", token, "0" | "1" as side]:
                self._send_image(route, token, side)
            case ["trials", token, _] if token in self.voided:
                route.fulfill(status=409, json={"error": "This pair was interrupted."})
            case ["trials", _, "start"]:
                route.fulfill(status=204)
            case ["trials", token, "incident"]:
                self.voided.add(token)
                route.fulfill(status=204)
            case ["trials", token, "response"]:
                self._store(route, token)
            case ["debrief"]:
                route.fulfill(body="<title>Thank you</title>", content_type="text/html")
            case _:
                route.fulfill(status=404)

    def _store(self, route: Route, token: str) -> None:
        if self.lost_answers:
            self.lost_answers -= 1
            return route.abort("connectionrefused")
        slot = token.removesuffix("-again")
        answer = self.answers.setdefault(slot, json.loads(route.request.post_data or ""))
        single = self.presentation == "single"
        pair = {"choice": 0 if self.question == "fake" else 1}
        right = {"verdict": "fake"} if single else pair
        practice = int(slot[1:]) < self.practice
        truth = ["fake"] if single else ["fake", "real"]
        verdict = {"is_correct": answer["answer"] == right, "truth": truth}
        feedback = verdict if practice else None
        return route.fulfill(json=self.describe() | {"feedback": feedback})

    def _send_image(self, route: Route, token: str, place: str) -> None:
        if token == "t0" and self.broken_images:
            self.broken_images -= 1
            return route.fulfill(body=b"no image", content_type="image/png")
        color = (60, 110, 150) if place == "1" else (150, 110, 60)
        return route.fulfill(body=render_image(self.size, color), content_type="image/png")

    def render(self) -> str:
        """Return the player's page as the server renders it."""
        templates, catalog = load_templates(self.language), load_catalog(self.language)
        settings = {
            "practice": self.practice,
            "trials": self.test,
            "attention_checks": 0,
            "exposure_ms": self.exposure_ms or 0,
            "presentation": self.presentation,
            "question": self.question,
            "device": self.device,
            "feedback_ms": self.feedback_ms,
        }
        protocol = Protocol.model_validate(create_protocol("lone").model_dump() | settings)
        wording = {"title": "A study", "question": self.question_text, "instructions": "Look."}
        return templates.get_template("participant/player.html").render(
            wording=SimpleNamespace(**wording),
            protocol=protocol,
            base_url=BASE,
            end_url=f"{BASE}/debrief",
            withdraw_url=f"{BASE}/withdraw",
            language=self.language,
            texts={key: catalog.gettext(text) for key, text in PLAYER_TEXTS.items()},
            modules=list_player_modules(),
            is_preview=self.is_preview,
            url_for=lambda _endpoint, filename: f"/static/{filename}",
        )
