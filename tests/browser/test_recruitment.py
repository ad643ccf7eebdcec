"""Tests of the way from a recruitment platform into the study and back, in a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, Request, Route, expect
from sqlalchemy import select, update

from study_server.app import create_app
from study_server.clock import now
from study_server.participants.scoring import completion_code
from study_server.questionnaire.screening import plate_digits
from study_server.recruitment.arrival import prolific_completion_code
from study_server.settings import Settings
from study_server.storage.engine import open_engine, read_session, write_transaction
from study_server.storage.models import Participant, Response, Screening
from study_server.storage.schema import ensure_current_schema
from study_server.studies.lookup import find_study
from study_server.vocabulary import Outcome, RecruitmentSource
from tests.conftest import SECRET, LiveStudy, serve_study, served, short_protocol
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


@contextmanager
def tablet(browser: Browser) -> Iterator[Page]:
    """Open a window of a device whose only pointer is a finger."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def unsuitable_count(study: LiveStudy) -> int:
    with read_session(study.engine) as db:
        assert db.scalars(select(Participant)).all() == []
        return find_study(db, study.slug).unsuitable_count


def test_a_tablet_meets_the_refusal_before_consent_and_is_only_counted(
    browser: Browser, screening_study: LiveStudy
) -> None:
    with tablet(browser) as page:
        with page.expect_response("**/unsuitable*") as counted:
            page.goto(screening_study.entry)
        assert counted.value.ok
        expect(page.get_by_role("heading", name="This study needs a computer")).to_be_visible()
        expect(page.get_by_role("checkbox")).to_be_hidden()
        expect(page.get_by_role("button")).to_have_count(0)  # a plain link has no code to offer
        page.get_by_role("link", name="Read about the study anyway").click()
        expect(page.get_by_text("What we store", exact=True)).to_be_visible()
        expect(page.get_by_role("checkbox")).to_be_hidden()
        page.reload()
        page.get_by_role("heading", name="This study needs a computer").wait_for()
        page.wait_for_load_state("networkidle")
        assert unsuitable_count(screening_study) == 1


def test_a_tablet_with_a_keyboard_can_take_part(
    browser: Browser, screening_study: LiveStudy
) -> None:
    with tablet(browser) as page:
        page.goto(screening_study.entry)
        expect(page.get_by_role("checkbox")).to_be_hidden()
        page.keyboard.press("k")
        agree(page)
        page.get_by_role("heading", name="Before you begin").wait_for()
        button = page.get_by_role("button", name="Continue")
        expect(button).to_be_disabled()
        expect(page.get_by_text("If you have a keyboard, press any key")).to_be_visible()
        page.keyboard.press("k")
        expect(button).to_be_enabled()
        expect(page.get_by_text("If you have a keyboard, press any key")).to_be_hidden()


def test_people_without_another_device_return_to_prolific_with_a_code(
    browser: Browser, screening_study: LiveStudy
) -> None:
    with tablet(browser) as page:
        asked = stand_in(page, "https://app.prolific.com/**", "Prolific")
        page.goto(screening_study.entry + PROLIFIC_QUERY)
        page.get_by_role("button", name="I can’t use another device").click()
        expect(page.get_by_text("We have stored nothing about you")).to_be_visible()
        page.get_by_role("link", name="Return to Prolific").click()
        page.get_by_text("Prolific", exact=True).wait_for()
        with read_session(screening_study.engine) as db:
            code = prolific_completion_code(db, find_study(db, "short"), Outcome.SCREENED_OUT)
        assert asked[0].url.endswith(f"?cc={code}")
        assert unsuitable_count(screening_study) == 1


def test_the_form_waits_for_a_wide_window_and_counts_only_small_displays(
    browser: Browser, live_study: LiveStudy
) -> None:
    context = browser.new_context(
        viewport={"width": 500, "height": 800}, screen={"width": 1280, "height": 800}
    )
    page = context.new_page()
    page.goto(live_study.entry)
    expect(page.get_by_role("heading", name="This study needs a wider window")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_be_hidden()
    page.set_viewport_size({"width": 560, "height": 800})
    expect(page.get_by_role("checkbox")).to_be_visible()
    assert unsuitable_count(live_study) == 0
    context.close()
    small = {"width": 390, "height": 540}
    context = browser.new_context(viewport=small, screen=small)  # type: ignore[arg-type]
    page = context.new_page()
    with page.expect_response("**/unsuitable*"):
        page.goto(live_study.entry)
    assert unsuitable_count(live_study) == 1
    context.close()


def test_a_participant_who_moves_to_a_tablet_needs_a_keyboard(
    browser: Browser, tmp_path: Path, manifest: Path
) -> None:
    with serve_study(tmp_path, manifest, short_protocol(device="computer")) as study:
        context = browser.new_context()
        page = context.new_page()
        page.goto(study.entry)
        agree(page)
        page.get_by_role("button", name="Start practice").wait_for()  # no page without a question
        with tablet(browser) as other:
            other.goto(page.url)
            button = other.get_by_role("button", name="Start practice")
            expect(button).to_be_disabled()
            other.keyboard.press("k")
            expect(button).to_be_enabled()
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
