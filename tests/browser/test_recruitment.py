"""Tests of the way from a recruitment platform into the study and back, in a browser."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, Request, Route, expect
from sqlalchemy import select, update

from study_server.app import create_app
from study_server.clock import now
from study_server.participants.scoring import completion_code
from study_server.participants.screening import plate_digits
from study_server.recruitment.arrival import prolific_completion_code
from study_server.settings import Settings
from study_server.storage.engine import open_engine, read_session, write_transaction
from study_server.storage.models import Participant, Response, Screening
from study_server.storage.schema import ensure_current_schema
from study_server.studies.lookup import find_study
from study_server.vocabulary import Outcome, RecruitmentSource
from tests.conftest import SECRET, LiveStudy, served, short_protocol
from tests.imported_studies import open_study

pytestmark = pytest.mark.slow(15)

PROLIFIC_QUERY = "?PROLIFIC_PID=5e9088a8&STUDY_ID=s&SESSION_ID=x"
MTURK = "https://workersandbox.mturk.com"
SHOWN = 7  # of the short study


@pytest.fixture
def screening_study(tmp_path: Path, manifest: Path, sqlite_url: str) -> Iterator[LiveStudy]:
    """Serve the short study with all screening questions."""
    engine = open_engine(sqlite_url)
    ensure_current_schema(engine)
    protocol = short_protocol(
        device="computer", color_vision="required", night_light="recorded", plates=2,
        plates_min_correct=1,
    )  # fmt: skip
    slug = open_study(engine, protocol, manifest, tmp_path / "instance")
    app = create_app(
        Settings(database_url=sqlite_url, instance_folder=tmp_path / "instance", secret_key=SECRET),
        engine,
    )
    with served(app) as address:
        yield LiveStudy(address, slug, engine, app)
    engine.dispose()


def agree(page: Page | FrameLocator) -> None:
    """Consent, and wait until the next page has replaced the consent form."""
    page.get_by_role("checkbox").check()
    button = page.get_by_role("button", name="Take part")
    button.click()
    button.wait_for(state="detached")


def answer_all(page: Page, frame: Page | FrameLocator) -> None:
    """Answer every pair by keyboard, with the break after two."""
    frame.get_by_role("button", name="Start practice").click()
    for number in range(SHOWN):
        if number == 2:
            frame.get_by_role("button", name="Continue").click()
        frame.locator("#stage[data-phase=choice]").wait_for()
        with page.expect_response("**/response"):
            frame.locator("#stage button").first.click()


def finish(study: LiveStudy, outcome: Outcome = Outcome.COMPLETE) -> None:
    """Mark the participant as finished, as if every trial were answered."""
    with write_transaction(study.engine) as db:
        finished = now() if outcome is Outcome.COMPLETE else None
        db.execute(update(Participant).values(outcome=outcome, finished_at=finished))


def stand_in(page: Page, address: str, body: str) -> list[Request]:
    """Stand in for a platform's page and return the requests to it."""
    asked: list[Request] = []

    def reply(route: Route) -> None:
        asked.append(route.request)
        route.fulfill(body=body, content_type="text/html")

    page.route(address, reply)
    return asked


def test_questions_and_plates_are_answered_by_the_keyboard_alone(
    page: Page, screening_study: LiveStudy
) -> None:
    page.goto(screening_study.entry + PROLIFIC_QUERY)
    agree(page)
    page.get_by_role("heading", name="Before you begin").wait_for()
    with read_session(screening_study.engine) as db:
        digits = plate_digits(db.scalars(select(Participant)).one())
    page.wait_for_load_state("networkidle")
    widths = page.locator(".color-plates img").evaluate_all(
        "all => all.map(one => one.naturalWidth)"
    )
    assert widths == [280, 280]
    page.get_by_label("Yes, as far as I know").focus()
    first, second = map(str, digits)
    for key in ("Space", "Tab", "Space", "Tab", first, "Tab", second, "Tab", "Enter"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Start practice").wait_for()
    with read_session(screening_study.engine) as db:
        screening = db.scalars(select(Screening)).one()
        stored = screening.color_vision, screening.night_light, screening.plates_correct
    assert stored == ("normal", "off", 2)


def test_ineligible_participants_return_with_their_own_code(
    page: Page, screening_study: LiveStudy
) -> None:
    asked = stand_in(page, "https://app.prolific.com/**", "Prolific")
    page.goto(screening_study.entry + PROLIFIC_QUERY)
    agree(page)
    page.get_by_label("No, I mix up some colors").check()
    page.get_by_label("No, or I have turned it off").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("not a medical test")).to_be_visible()
    page.get_by_role("link", name="Return to Prolific").click()
    page.get_by_text("Prolific", exact=True).wait_for()
    with read_session(screening_study.engine) as db:
        code = prolific_completion_code(db, find_study(db, "short"), Outcome.SCREENED_OUT)
    assert asked[0].url == f"https://app.prolific.com/submissions/complete?cc={code}"
    assert "referer" not in asked[0].headers  # it would reveal the participant's address


@pytest.mark.parametrize(
    ("width", "pointer", "may"),
    [(1280, "mouse", True), (500, "mouse", False), (1280, "touch", False), (500, "touch", False)],
)
def test_the_study_cannot_start_on_unsuitable_devices(
    width: int, pointer: str, may: bool, browser: Browser, screening_study: LiveStudy
) -> None:
    touch = pointer == "touch"
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, has_touch=touch, is_mobile=touch
    )
    page = context.new_page()
    page.goto(screening_study.entry)
    agree(page)
    page.set_viewport_size({"width": width, "height": 800})
    button = page.get_by_role("button", name="Continue")
    expect(button).to_be_enabled() if may else expect(button).to_be_disabled()
    narrow = page.get_by_text("the images need at least 560 pixels")
    expect(narrow).to_be_visible() if width < 560 else expect(narrow).to_be_hidden()
    needs = page.get_by_text("If you have a keyboard, press any key")
    expect(needs).to_be_visible() if touch else expect(needs).to_be_hidden()
    if not may:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.keyboard.press("k")
        expect(button).to_be_enabled()
        expect(needs).to_be_hidden()
    context.close()


def test_the_browser_returns_to_prolific_automatically_at_the_end(
    page: Page, live_study: LiveStudy
) -> None:
    asked = stand_in(page, "https://app.prolific.com/**", "Prolific")
    page.clock.install()
    page.goto(live_study.entry + PROLIFIC_QUERY)
    agree(page)
    finish(live_study)
    page.reload()
    expect(page.get_by_text("You will be redirected in 60 seconds.")).to_be_visible()
    page.clock.run_for(59_000)
    assert asked == []
    page.clock.run_for(1_000)
    page.get_by_text("Prolific", exact=True).wait_for()
    with read_session(live_study.engine) as db:
        code = prolific_completion_code(db, find_study(db, "short"), Outcome.COMPLETE)
    assert asked[0].url.endswith(f"?cc={code}")


@pytest.mark.parametrize("how", ["stay", "comment"])
def test_participants_who_stay_or_write_are_not_redirected(
    how: str, page: Page, live_study: LiveStudy
) -> None:
    asked = stand_in(page, "https://app.prolific.com/**", "Prolific")
    page.clock.install()
    page.goto(live_study.entry + PROLIFIC_QUERY)
    agree(page)
    finish(live_study)
    page.reload()
    if how == "stay":
        page.get_by_role("button", name="Stay on this page").click()
        expect(page.get_by_role("link", name="Return to Prolific")).to_be_focused()
    else:
        page.get_by_label("Comments").fill("The sky gave it away.")
    page.clock.run_for(200_000)
    assert asked == []
    expect(page.get_by_role("link", name="Return to Prolific")).to_be_visible()


def test_a_worker_takes_part_and_submits_inside_the_frame_of_mturk(
    browser: Browser, live_study: LiveStudy
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    query = f"?assignmentId=3ASSIGN&hitId=3HIT&workerId=A1&turkSubmitTo={MTURK}"
    frame = (
        f'<iframe title="HIT" src="{live_study.entry}{query}" width="1200" height="800"></iframe>'
    )
    stand_in(page, f"{MTURK}/hit", frame)
    submitted = stand_in(page, f"{MTURK}/mturk/externalSubmit", "Submitted")
    page.goto(f"{MTURK}/hit")
    study = page.frame_locator("iframe")
    agree(study)
    answer_all(page, study)
    study.get_by_role("button", name="Submit to MTurk").click()
    study.get_by_text("Submitted").wait_for()
    with read_session(live_study.engine) as db:
        participant = db.scalars(select(Participant)).one()
        assert participant.source is RecruitmentSource.MTURK
        assert len(db.scalars(select(Response)).all()) == SHOWN
        code = completion_code(participant)
    assert parse_qs(submitted[0].post_data or "") == {"assignmentId": ["3ASSIGN"], "code": [code]}
    context.close()


def test_other_sites_cannot_frame_the_study(browser: Browser, live_study: LiveStudy) -> None:
    context = browser.new_context()
    page = context.new_page()
    frames = "".join(
        f'<iframe title="{title}" src="{live_study.entry}{query}"></iframe>'
        for title, query in (
            ("plain", ""),
            ("prolific", PROLIFIC_QUERY),
            ("mturk", f"?assignmentId=a&workerId=A1&turkSubmitTo={MTURK}"),
        )
    )
    stand_in(page, "https://elsewhere.example/", frames)
    page.goto("https://elsewhere.example/")
    page.wait_for_load_state("networkidle")
    for title in ("plain", "prolific", "mturk"):
        inside = page.frame_locator(f"[title={title}]")
        expect(inside.get_by_role("checkbox")).to_have_count(0)
    context.close()
