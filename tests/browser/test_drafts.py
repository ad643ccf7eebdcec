"""Tests of the pages on which a draft is changed, in a browser, with and without JavaScript."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from study_server.protocol.model import parse_stored_protocol
from study_server.storage.engine import write_transaction
from study_server.studies.design import AnalysisPlan, freeze_study
from study_server.studies.lookup import find_study
from study_server.studies.researchers import create_login_token
from study_server.vocabulary import StudyState, WordingPart
from study_server.wording.files import compose_wording
from study_server.wording.stored import load_wording, store_wording
from tests.conftest import LiveStudy, short_protocol
from tests.imported_studies import fill_in

pytestmark = pytest.mark.slow(15)

SIZES = [(1280, 800), (390, 844)]
PAGES = ["protocol", "wording", "freeze"]


@pytest.fixture
def draft(live_study: LiveStudy) -> LiveStudy:
    """Serve a draft whose texts have places to fill in."""
    with write_transaction(live_study.engine) as db:
        study = find_study(db, live_study.slug)
        study.state = StudyState.DRAFT
        store_wording(db, study, compose_wording(short_protocol()))
    return live_study


@pytest.fixture(params=[True, False], ids=["with-javascript", "without-javascript"])
def either(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Open a window with or without JavaScript."""
    context = browser.new_context(java_script_enabled=request.param)
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def open_page(page: Page, study: LiveStudy, name: str) -> None:
    """Sign Ada in, and open a page of the study."""
    with write_transaction(study.engine) as db:
        link = create_login_token(db, "Ada", timedelta(minutes=5))
    page.goto(f"{study.address}/researcher/enter/{link}")
    page.locator("main button").click()
    page.goto(f"{study.address}/researcher/studies/short/{name}")


def test_a_protocol_is_edited(either: Page, draft: LiveStudy) -> None:
    page = either
    open_page(page, draft, "protocol")
    page.locator("#trials").fill("many")
    page.get_by_text("Add a question").click()
    page.locator("#questions-0-name").fill("age")
    page.locator("#questions-0-text-en").fill("How old are you?")
    page.locator("#questions-0-kind").select_option("number")
    page.locator("#questions-0-when").select_option("after")
    page.get_by_role("button", name="Save the protocol").click()
    expect(page.locator("#problem-trials")).to_have_text("“many” is not a whole number.")
    expect(page.locator("#questions-0-name")).to_have_value("age")
    page.locator("#trials").fill("3")
    page.get_by_role("button", name="Save the protocol").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved: trials, questions")
    with write_transaction(draft.engine) as db:
        protocol = parse_stored_protocol(find_study(db, "short").protocol)
    assert (protocol.trials, [question.name for question in protocol.questions]) == (3, ["age"])


def preview(page: Page, has_script: bool) -> None:
    """Let the page render the debriefing; a script does so by itself."""
    if not has_script:
        section = page.locator("section", has=page.locator("#text-debrief"))
        section.get_by_role("button", name="Preview").click()


def test_a_text_is_edited_beside_its_preview(
    either: Page, draft: LiveStudy, request: pytest.FixtureRequest
) -> None:
    page, has_script = either, bool(request.node.callspec.params["either"])
    open_page(page, draft, "wording")
    page.get_by_role("link", name="Debrief (English)").click()
    page.locator("#text-debrief").fill("Thank you!\n\n{who}")
    shown = page.get_by_role("region", name="Preview of the debrief")
    preview(page, has_script)
    expect(shown).to_contain_text("Line 3: unknown placeholder {who}")
    page.locator("#text-debrief").fill("Thank you!\n\nIt took {minutes}.")
    preview(page, has_script)
    expect(shown).to_contain_text("It took 2 minutes.")
    page.get_by_role("button", name="Save all texts").last.click()
    expect(page.get_by_role("status").first).to_contain_text("Saved: Debrief (English)")
    with write_transaction(draft.engine) as db:
        texts = load_wording(db, find_study(db, "short"))
    assert texts["en", WordingPart.DEBRIEF] == "Thank you!\n\nIt took {minutes}."


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("state", ["draft", "frozen", "read-only"])
def test_every_page_is_accessible_and_fits(
    size: tuple[int, int], state: str, page: Page, draft: LiveStudy
) -> None:
    if state == "read-only":
        with write_transaction(draft.engine) as db:
            find_study(db, "short").withdrawn_count = 1
    if state == "frozen":
        with write_transaction(draft.engine) as db:
            study = find_study(db, "short")
            store_wording(db, study, fill_in(compose_wording(short_protocol())))
            freeze_study(db, study, AnalysisPlan(participants=2), "ab" * 32)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for name in PAGES:
        open_page(page, draft, name)
        for closed in page.locator("summary").all():
            closed.click()
        violations = Axe().run(page).response["violations"]
        assert [violation["id"] for violation in violations] == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
