"""Tests of every participant page in every language, with axe and on a small screen."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, select, update

from study_server.app import create_app
from study_server.clock import now
from study_server.languages import LANGUAGES, load_catalog
from study_server.settings import Settings
from study_server.storage.engine import open_engine, write_transaction
from study_server.storage.models import Participant, Trial
from study_server.storage.schema import ensure_current_schema
from study_server.vocabulary import Outcome
from tests.conftest import SECRET, LiveStudy, served, short_protocol
from tests.imported_studies import open_study
from tests.study_server.asking import QUESTIONS

pytestmark = pytest.mark.slow(10)

PAGES = ("loading", "instructions", "break", "resume", "window-too-small", "failed")
PHASES = ("choice", "feedback")
SHOW = """name => {
  document.body.dataset.page = name;
  for (const page of document.querySelectorAll("main > section")) page.hidden = page.id !== name;
}"""


OBSTACLE = """name => {
  const sections = document.querySelectorAll("[data-obstacle]");
  for (const section of sections) section.hidden = section.dataset.obstacle !== name;
  document.querySelector("#about").hidden = true;
}"""
CONSENT = "form => { form.elements.consent.checked = true; form.submit(); }"


@pytest.fixture
def study(tmp_path: Path, manifest: Path, sqlite_url: str) -> Iterator[LiveStudy]:
    """Serve the short study in every language."""
    engine = open_engine(sqlite_url)
    ensure_current_schema(engine)
    protocol = short_protocol(
        languages=LANGUAGES, time_limit_minutes=30, device="computer", color_vision="recorded",
        night_light="recorded", plates=2, questions=QUESTIONS,
    )  # fmt: skip
    slug = open_study(engine, protocol, manifest, tmp_path / "instance")
    app = create_app(
        Settings(database_url=sqlite_url, instance_folder=tmp_path / "instance", secret_key=SECRET),
        engine,
    )
    with served(app) as address:
        yield LiveStudy(address, slug, engine, app)
    engine.dispose()


def walk(page: Page, study: LiveStudy, language: str) -> Iterator[str]:
    """Visit every page that a participant can see, and yield its name."""
    say = load_catalog(language).gettext
    for name, path in (
        ("index", "/"),
        ("message", "/nowhere"),
        ("link that names nobody", f"/s/{study.slug}?PROLIFIC_PID="),
        ("preview on MTurk", f"/s/{study.slug}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE"),
        ("consent", f"/s/{study.slug}?PROLIFIC_PID=somebody#about"),
    ):
        page.goto(study.address + path)
        yield name
    for obstacle in ("cookies", "device", "window"):
        page.evaluate(OBSTACLE, obstacle)
        yield f"obstacle: {obstacle}"
    page.locator("#consent").evaluate(CONSENT)  # though the window be narrow
    page.get_by_role("heading", name=say("Before you begin")).wait_for()
    yield "screening"
    page.get_by_label(say("Yes, as far as I know")).check()
    page.locator("form").evaluate("form => form.submit()")  # past the browser's own check
    page.get_by_text(say("Please answer every question.")).wait_for()
    yield "screening again"
    page.get_by_label(say("No, or I have turned it off")).check()
    page.locator("form").evaluate("form => form.submit()")  # though the window be narrow
    yield from answer_questions(page, say)
    page.get_by_role("button", name=say("Start practice")).wait_for()
    yield from look_around(page)
    mine = page.url
    page.goto(f"{mine}/withdraw")
    yield "withdraw"
    yield from visit_before_consent(page, study, say)
    for name, outcome in (
        ("late", Outcome.TIMED_OUT),
        ("screened out", Outcome.SCREENED_OUT),
        ("returned", Outcome.RETURNED),
    ):
        turn_out(study.engine, outcome)
        page.goto(mine)
        yield name
    turn_out(study.engine, Outcome.COMPLETE)
    page.goto(mine)
    page.get_by_role("heading", name=say("A few last questions")).wait_for()
    yield "questions after the trials"
    page.get_by_role("button", name=say("Continue")).click()
    page.get_by_role("heading", name=say("Thank you, you’re done")).wait_for()
    page.goto(f"{mine}/debrief?saved=1")
    yield "debrief"
    page.goto(f"{mine}/withdraw")
    yield "withdraw at the end"
    page.get_by_role("button", name=say("Withdraw and delete my data")).click()
    page.get_by_role("heading", name=say("Your data have been deleted")).wait_for()
    yield "withdrawn"


def answer_questions(page: Page, say: Callable[[str], str]) -> Iterator[str]:
    """Answer the questions by keyboard alone, and yield the names of the pages."""
    page.get_by_role("heading", name=say("A few questions before you start")).wait_for()
    yield "questions"
    unsaid = page.get_by_role("radio", name=say("Prefer not to say"))
    page.locator("[name=answer-age]").first.focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    expect(unsaid).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.get_by_text(say("Please enter a number."))).to_be_visible()
    expect(page.locator("[name=answer-years]")).to_be_focused()
    expect(unsaid).to_be_checked()
    yield "questions again"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # prefers not to say
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def visit_before_consent(page: Page, study: LiveStudy, say: Callable[[str], str]) -> Iterator[str]:
    """Visit the pages for people who do not, or do not yet, take part, and yield their names."""
    entry = f"{study.address}/s/{study.slug}?PROLIFIC_PID=somebody"
    with write_transaction(study.engine) as db:
        trial = db.scalars(select(Trial)).first()
        assert trial is not None
        trial.started_at = now()
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.goto(entry)
    page.get_by_role("heading", name=say("This study was started in another browser")).wait_for()
    yield "started elsewhere"
    page.goto(f"{study.address}/s/{study.slug}?PROLIFIC_PID=another#about")
    page.evaluate(OBSTACLE, "device")
    page.get_by_role("button", name=say("I can’t use another device")).click()
    page.get_by_role("heading", name=say("You can’t take part on this device")).wait_for()
    yield "unsuitable device"
    page.goto(f"{study.address}/s/{study.slug}#about")
    page.locator("#consent").evaluate(CONSENT)
    page.get_by_role("heading", name=say("Before you begin")).wait_for()
    own = page.url.partition("/screening")[0]
    for name, outcome in (("started", Outcome.ACTIVE), ("finished", Outcome.COMPLETE)):
        turn_out(study.engine, outcome)
        page.goto(f"{study.address}/s/{study.slug}")
        yield f"earlier visit: {name}"
    page.goto(f"{own}/withdraw")
    page.get_by_role("button", name=say("Withdraw and delete my data")).click()
    page.goto(f"{study.address}/s/{study.slug}")
    page.get_by_role(
        "heading", name=say("Someone has withdrawn from this study in this browser")
    ).wait_for()
    yield "earlier visit: withdrawn"
    turn_out(study.engine, Outcome.ACTIVE)
    page.context.add_cookies(cookies)  # type: ignore[arg-type]


def look_around(page: Page) -> Iterator[str]:
    """Show every page of the player in turn, and yield its name."""
    for name in PAGES:
        page.evaluate(SHOW, name)
        yield name
    page.evaluate(SHOW, "stage")
    for phase in PHASES:
        page.evaluate("name => { document.querySelector('#stage').dataset.phase = name }", phase)
        yield phase


def turn_out(engine: Engine, outcome: Outcome) -> None:
    """Set the outcome of the participant, instead of waiting for it."""
    finished = now() if outcome is Outcome.COMPLETE else None
    with write_transaction(engine) as db:
        db.execute(update(Participant).values(outcome=outcome, finished_at=finished))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_translated_and_passes_axe(
    browser: Browser, study: LiveStudy, language: str
) -> None:
    context = browser.new_context(locale=language, bypass_csp=True)
    page = context.new_page()
    violations = []
    for name in walk(page, study, language):
        assert page.locator("html").get_attribute("lang") == language, name
        rules = Axe().run(page).response["violations"]
        violations += [(name, rule["id"], rule["nodes"][0]["html"][:120]) for rule in rules]
    headless = [name for name, rule, _ in violations if rule == "page-has-heading-one"]
    assert {*headless} <= {"loading"}  # nothing to read there
    assert [fault for fault in violations if fault[1] != "page-has-heading-one"] == []
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_fits_a_small_screen(browser: Browser, study: LiveStudy, language: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640}, locale=language)
    page = context.new_page()
    for name in walk(page, study, language):
        if name not in PHASES:  # a pair needs more space
            page.wait_for_load_state()  # the text may arrive before the style sheet
            width = page.evaluate("document.documentElement.scrollWidth")
            assert (name, width) == (name, 320)
    context.close()
