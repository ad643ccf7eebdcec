"""Tests that faults of networks, servers and users neither lose nor duplicate answers.

Each test ends with a comparison of the database with the answers that the browser sent.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect
from sqlalchemy import Engine, func, select

from study_server.storage.engine import read_session
from study_server.storage.models import Incident, Participant, Response, Trial
from study_server.vocabulary import Outcome, TrialFlag
from tests.browser.lone_player import QUICKER
from tests.browser.robot import build_robot, finish, halt, set_going
from tests.conftest import LiveStudy, serve_study, short_protocol, write_stimuli
from tests.faults.servers import Server

pytestmark = pytest.mark.slow(40)

IMAGES = 28  # enough for every trial of a test and for replacements of voided trials


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stimuli(tmp_path_factory.mktemp("many"), images=IMAGES)


@dataclass
class Visit:
    """A participant's browser: its page, and the answers that it sent, by message id."""

    context: BrowserContext
    page: Page
    sent: dict[str, str] = field(default_factory=dict)

    def note(self, request: Request) -> None:
        if request.url.endswith("/response"):
            body = json.loads(request.post_data or "")
            self.sent[body["id"]] = body["answer"]

    def wait_for(self, phase: str, shown: str = "") -> None:
        """Wait for a phase of the stage. shown: left or right, in the phase `image`."""
        stage = f"[data-page=stage] #stage[data-phase={phase}]"
        self.page.locator(f"{stage}[data-visible-slots='{shown}']" if shown else stage).wait_for()

    def begin(self, study: LiveStudy) -> None:
        """Consent, and press the button of the instructions."""
        self.page.goto(study.entry)
        self.page.get_by_role("checkbox").check()
        self.page.get_by_role("button", name="Take part").click()
        self.page.get_by_role("button", name="Start").click()


@contextmanager
def visit(browser: Browser) -> Iterator[Visit]:
    """Open a fresh profile with a stopped robot."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.route("**/frames.js", measure_quickly)
    page = context.new_page()
    page.set_default_timeout(15_000)
    build_robot(page)
    visit = Visit(context, page)
    context.on("request", visit.note)
    yield visit
    context.close()


def measure_quickly(route: Route) -> None:
    reply = route.fetch()
    route.fulfill(response=reply, body=reply.body().replace(*QUICKER))


def study_of(folder: Path, many: Path, **changes: object) -> AbstractContextManager[LiveStudy]:
    protocol = short_protocol("short", practice=0, trials=7, attention_checks=1, **changes)
    return serve_study(folder, many, protocol)


def check_intact(engine: Engine, visits: list[Visit], voided: int | None = None) -> None:
    """Every trial has one answer that a browser sent, and no image was shown twice."""
    with read_session(engine) as db:
        (participant,) = db.scalars(select(Participant)).all()
        trials = db.scalars(select(Trial).order_by(Trial.slot, Trial.attempt)).all()
        stored = {r.message_id: r.answer for r in db.scalars(select(Response))}
        kept = [trial for trial in trials if not trial.voided]
        assert participant.outcome is Outcome.COMPLETE
        assert [trial.slot for trial in kept] == list(range(len(kept)))
        assert all(trial.response is not None for trial in kept)
        assert stored == {id_: answer for visit in visits for id_, answer in visit.sent.items()}
        images = [trial.main_stimulus.image for trial in trials if trial.started_at is not None]
        assert len(set(images)) == len(images)
        print(  # pytest -rP shows it
            f"{len(kept)} trials, {len(stored)} answers stored of {len(stored)} given, "
            f"{len(trials) - len(kept)} trials voided, {len(images)} images seen, none twice"
        )
        if voided is not None:
            assert len(trials) - len(kept) == voided


def test_five_trials_without_a_network(browser: Browser, tmp_path: Path, many: Path) -> None:
    with study_of(tmp_path, many, prefetch=5) as study, visit(browser) as visitor:
        with visitor.page.expect_response(lambda reply: "/right" in reply.url):
            visitor.begin(study)
        visitor.wait_for("choice")
        visitor.page.wait_for_load_state("networkidle")  # prefetched images have arrived
        visitor.context.set_offline(True)
        set_going(visitor.page)
        expect(visitor.page.locator("#trial-counter")).to_have_text("Pair 6 of 8")
        visitor.wait_for("waiting")
        message = visitor.page.locator("#stage [role=status]")
        expect(message).to_have_text(
            "No connection. Your answers are saved on this device. Trying to send them…"
        )
        assert stored_answers(study.engine) == 0
        visitor.context.set_offline(False)
        finish(visitor.page)
        check_intact(study.engine, [visitor], voided=0)


def stored_answers(engine: Engine) -> int:
    with read_session(engine) as db:
        return db.scalar(select(func.count()).select_from(Response)) or 0


def test_answers_of_a_page_closed_offline_are_sent_by_the_next_page(
    browser: Browser, tmp_path: Path, many: Path
) -> None:
    with study_of(tmp_path, many) as study, visit(browser) as visitor:
        visitor.begin(study)
        visitor.wait_for("choice")
        visitor.page.wait_for_load_state("networkidle")
        visitor.context.set_offline(True)
        for number in (2, 3):
            visitor.page.keyboard.press("j")
            expect(visitor.page.locator("#trial-counter")).to_have_text(f"Pair {number} of 8")
            visitor.wait_for("choice")
        address = visitor.page.url
        visitor.page.close()
        assert stored_answers(study.engine) == 0
        visitor.context.set_offline(False)
        visitor.page = visitor.context.new_page()
        build_robot(visitor.page)
        visitor.page.goto(address)
        expect(visitor.page.get_by_text("You have completed 2 of 8 trials")).to_be_visible()
        finish(visitor.page)
        check_intact(study.engine, [visitor], voided=1)  # the third trial, whose images were shown


def test_a_server_is_killed_and_restarted(browser: Browser, tmp_path: Path, many: Path) -> None:
    with study_of(tmp_path, many) as study, visit(browser) as visitor:
        server = Server(tmp_path, f"sqlite:///{tmp_path / 'study.sqlite'}")
        server.start()
        server.wait()
        own = LiveStudy(server.address, study.slug, study.engine, study.app)
        visitor.begin(own)
        visitor.wait_for("choice")
        visitor.page.wait_for_load_state("networkidle")
        server.kill()
        set_going(visitor.page)
        expect(visitor.page.locator("#trial-counter")).to_have_text("Pair 4 of 8")
        visitor.wait_for("waiting")
        assert stored_answers(study.engine) == 0
        server.start()
        server.wait()
        finish(visitor.page)
        server.kill()
        check_intact(study.engine, [visitor], voided=0)


def test_reloads_in_every_phase(browser: Browser, tmp_path: Path, many: Path) -> None:
    slow = {"first_blank_ms": 500, "blank_ms": 500, "exposure_ms": 500, "gap_ms": 500}
    slow |= {"after_ms": 500, "feedback_ms": 1500}
    protocol = short_protocol("short", practice=2, trials=1, attention_checks=0, **slow)
    with serve_study(tmp_path, many, protocol) as study, visit(browser) as visitor:
        visitor.begin(study)
        page, voided = visitor.page, 0
        for phase, shown in (
            ("blank", ""), ("image", "left"), ("gap", ""), ("image", "right"), ("after", ""),
            ("choice", ""),
        ):  # fmt: skip
            visitor.wait_for(phase, shown)
            page.reload()
            voided += 1
            page.locator("section:visible button.button-primary:enabled").click()
        visitor.wait_for("choice")
        page.keyboard.press("f")
        visitor.wait_for("feedback")
        page.reload()  # the feedback is not repeated; the answer is final
        expect(page.get_by_text("You have completed 1 of 3 trials")).to_be_visible()
        page.get_by_role("button", name="Continue").click()
        visitor.wait_for("choice")
        page.keyboard.press("f")
        page.get_by_role("heading", name="From now on").wait_for()
        page.reload()
        page.get_by_role("heading", name="From now on").wait_for()
        finish(page)
        check_intact(study.engine, [visitor], voided=voided)


def test_the_back_button(browser: Browser, tmp_path: Path, many: Path) -> None:
    with study_of(tmp_path, many) as study, visit(browser) as visitor:
        visitor.begin(study)
        visitor.wait_for("choice")
        visitor.page.keyboard.press("f")
        expect(visitor.page.locator("#trial-counter")).to_have_text("Pair 2 of 8")
        visitor.wait_for("choice")
        visitor.page.go_back()
        visitor.page.get_by_role("link", name="That was me: continue").click()
        visitor.page.get_by_role("button", name="Continue").click()
        finish(visitor.page)
        visitor.page.goto(study.entry)
        visitor.page.get_by_role("link", name="That was me: show my last page").click()
        expect(visitor.page.locator("#code")).to_be_visible()  # no way back to the trials
        check_intact(study.engine, [visitor], voided=1)


def test_two_tabs(browser: Browser, tmp_path: Path, many: Path) -> None:
    with study_of(tmp_path, many) as study, visit(browser) as visitor:
        visitor.begin(study)
        visitor.wait_for("choice")
        first, second = visitor.page, visitor.context.new_page()
        build_robot(second)
        second.goto(first.url)
        expect(first.get_by_text("is open in another tab")).to_be_visible()
        first.keyboard.press("f")
        second.bring_to_front()
        second.get_by_role("button", name="Start").click()
        set_going(second)
        second.get_by_text("Pair 4 of 8").wait_for()
        halt(second)
        first.bring_to_front()
        first.get_by_role("button", name="Continue here instead").click()
        first.get_by_role("button", name="Continue").click()
        expect(second.get_by_text("is open in another tab")).to_be_visible()
        finish(first)
        check_intact(study.engine, [visitor])


def test_two_devices(browser: Browser, tmp_path: Path, many: Path) -> None:
    """A late answer from the first device belongs to a trial voided by the second device."""
    with study_of(tmp_path, many) as study, visit(browser) as here, visit(browser) as there:
        here.begin(study)
        here.wait_for("choice")
        there.page.goto(here.page.url)
        there.page.get_by_role("button", name="Start").click()
        here.page.keyboard.press("f")
        expect(here.page.get_by_text("This trial was interrupted")).to_be_visible()
        finish(there.page)
        check_intact(study.engine, [there], voided=1)
        here.page.get_by_role("button", name="Reload and continue").click()
        here.page.wait_for_url("**/debrief")


def test_everything_submitted_twice(browser: Browser, tmp_path: Path, many: Path) -> None:
    def send_twice(route: Route) -> None:
        route.fetch()
        route.fulfill(response=route.fetch())

    with study_of(tmp_path, many) as study, visit(browser) as visitor:
        for path in ("**/start", "**/response", "**/resume", "**/environment"):
            visitor.context.route(path, send_twice)
        visitor.page.goto(study.entry)
        visitor.page.get_by_role("checkbox").check()
        visitor.page.get_by_role("button", name="Take part").dblclick()
        visitor.page.get_by_role("button", name="Start").dblclick()
        finish(visitor.page)
        check_intact(study.engine, [visitor], voided=0)


def test_an_image_fails_to_load(browser: Browser, tmp_path: Path, many: Path) -> None:
    with study_of(tmp_path, many) as study, visit(browser) as visitor:
        failed: set[str] = set()

        def fail_the_third_trial(route: Route) -> None:
            with read_session(study.engine) as db:
                query = select(Trial.token).where(Trial.slot == 2, Trial.attempt == 0)
                token = db.scalars(query).one()
            if f"/{token}/right" not in route.request.url:
                return route.continue_()
            failed.add(token)
            return route.fulfill(status=500)

        visitor.context.route("**/trials/*/right", fail_the_third_trial)
        visitor.begin(study)
        finish(visitor.page)
        check_intact(study.engine, [visitor], voided=1)
        with read_session(study.engine) as db:
            incident = db.scalars(select(Incident)).one()
            trial = db.get_one(Trial, incident.trial_id)
            assert (incident.slot, incident.http_status) == ("right", 500)
            assert {trial.token} == failed
            assert trial.started_at is None  # it was never shown


def test_a_disturbed_trial_is_replaced_if_the_protocol_says_so(
    browser: Browser, tmp_path: Path, many: Path
) -> None:
    with study_of(tmp_path, many, disturbed="replace") as study, visit(browser) as visitor:
        visitor.begin(study)
        visitor.wait_for("image", "left")
        visitor.page.evaluate("window.dispatchEvent(new Event('blur'))")
        finish(visitor.page)
        check_intact(study.engine, [visitor])
        with read_session(study.engine) as db:
            (first, *others) = db.scalars(select(Trial).where(Trial.slot == 0)).all()
            assert first.voided
            assert first.response is not None
            assert getattr(first.response, TrialFlag.BLURRED)
            assert others
