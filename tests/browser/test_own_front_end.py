"""Tests that the example of docs/api.md runs a study from another origin."""

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from study_server.storage.engine import read_session
from study_server.storage.models import Participant, Response
from tests.conftest import LiveStudy

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def other_origin() -> Iterator[str]:
    """Serve a lab's own pages from another origin, and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(EXAMPLES)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/own_front_end.html"
    server.shutdown()
    thread.join()
    server.server_close()


def visit(page: Page, other_origin: str, live_study: LiveStudy, **more: str) -> None:
    asked = {"server": live_study.address, "study": live_study.slug} | more
    page.goto(f"{other_origin}?{urlencode(asked)}")


def test_the_example_goes_from_consent_to_the_code(
    page: Page, live_study: LiveStudy, other_origin: str
) -> None:
    visit(page, other_origin, live_study, person="ada")
    page.get_by_role("button", name="I agree").click()
    page.get_by_role("button", name="Begin").click()
    for number in range(7):
        expect(page.locator("#choices")).to_have_class("shown")
        page.keyboard.press("f") if number % 2 else page.get_by_text("Right (J)").click()
        if number < 2:
            expect(page.locator("main")).to_contain_text("the fake was on the")
            page.get_by_role("button", name="Continue").click()
    expect(page.locator("#code")).to_have_text(re.compile(r"^[0-9A-F]{10}$"))
    with read_session(live_study.engine) as db:
        answers = db.scalars(select(Response).order_by(Response.trial_id)).all()
        assert len(answers) == 7
        for answer in answers:
            assert answer.first_ms == pytest.approx(100, abs=60)
            assert answer.rt_ms < 15_000


def test_the_example_shows_the_servers_error_message(
    page: Page, live_study: LiveStudy, other_origin: str
) -> None:
    visit(page, other_origin, live_study, study="none")
    expect(page.get_by_role("alert")).to_contain_text("Check that you copied the whole link")
    with read_session(live_study.engine) as db:
        assert db.scalar(select(func.count()).select_from(Participant)) == 0
