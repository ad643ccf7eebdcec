"""Tests of the researcher pages in a browser, from the login link to signing out."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from sqlalchemy.orm import Session

from study_server.participants import enrollment
from study_server.participants.participation import store_comment
from study_server.settings import find_resource_folder
from study_server.storage.engine import write_transaction
from study_server.storage.models import Study
from study_server.studies.design import AnalysisPlan, freeze_study, hash_wording
from study_server.studies.lookup import find_study
from study_server.studies.researchers import create_login_token
from study_server.vocabulary import Mode, RecruitmentSource, StudyState
from tests.browser.accessibility import require_accessible
from tests.conftest import LiveStudy
from tests.study_server.monitoring.people import take_part

pytestmark = pytest.mark.slow(15)

SIZES = [(1280, 800), (390, 844)]
SCHEMES = ["light", "dark"]
PAGES = [
    "", "/studies/short", "/studies/short?mode=simulated", "/studies/short/participants",
    "/studies/short/comments", "/studies/short/rehearse", "/studies/short/recruit",
    "/studies/short/report", "/studies/short/data", "/studies/short/pay",
    "/studies/short/settings", "/log", "/login",
]  # fmt: skip


def sign_in(page: Page, study: LiveStudy) -> str:
    """Sign Ada in and return the link that she used."""
    with write_transaction(study.engine) as db:
        link = create_login_token(db, "Ada", timedelta(minutes=5))
    page.goto(f"{study.address}/researcher/enter/{link}")
    page.locator("main button").click()
    return f"{study.address}/researcher/enter/{link}"


def enroll(study: LiveStudy, name: str) -> None:
    with write_transaction(study.engine) as db:
        enrollment.enroll_participant(
            db, find_study(db, study.slug), name, Mode.LIVE, RecruitmentSource.LINK
        )


def leave(db: Session, study: Study) -> None:
    """Let a third participant abandon the study after two trials, long ago."""
    gone = take_part(db, study, "third", trials=2)
    gone.last_seen_at -= timedelta(days=2)
    gone.started_at -= timedelta(days=2)


@pytest.fixture
def frozen(live_study: LiveStudy) -> LiveStudy:
    """Serve a study with a frozen design and one active participant."""
    with write_transaction(live_study.engine) as db:
        study = find_study(db, live_study.slug)
        freeze_study(
            db,
            study,
            AnalysisPlan(participants=2),
            hash_wording(db, study, find_resource_folder("templates")),
        )
    enroll(live_study, "first")
    return live_study


def test_a_login_link_works_once_and_shows_the_studies(page: Page, live_study: LiveStudy) -> None:
    link = sign_in(page, live_study)
    study = page.get_by_role("article").filter(has_text=live_study.slug)
    expect(study).to_contain_text("open")
    expect(study.get_by_role("link", name="Participant page")).to_have_attribute(
        "href", live_study.entry
    )
    page.get_by_role("button", name="Sign out").click()
    page.goto(link)
    page.locator("main button").click()
    expect(page.get_by_role("alert")).to_contain_text("used")


def recruited(page: Page, people: int) -> None:
    started = page.locator("#study-progress .funnel tbody tr").first
    expect(started).to_contain_text(f"started{people}")


def test_progress_refreshes_automatically_and_reports_failures(
    page: Page, frozen: LiveStudy
) -> None:
    page.clock.install()
    sign_in(page, frozen)
    page.goto(f"{frozen.address}/researcher/studies/short")
    recruited(page, 1)
    enroll(frozen, "second")
    page.clock.run_for(11_000)
    recruited(page, 2)
    expect(page.locator("#last-updated")).to_contain_text("updated every 10 seconds")
    page.route("**/progress*", lambda route: route.abort())
    page.clock.run_for(11_000)
    expect(page.locator("#last-updated")).to_contain_text("Cannot reach the server")
    recruited(page, 2)
    page.unroute("**/progress*")
    page.context.clear_cookies()  # signed out elsewhere
    page.clock.run_for(11_000)
    expect(page).to_have_url(f"{frozen.address}/researcher/login")


@pytest.fixture
def scriptless(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def test_everything_but_the_refresh_works_without_javascript(
    scriptless: Page, frozen: LiveStudy
) -> None:
    page = scriptless
    sign_in(page, frozen)
    page.get_by_role("link", name="Progress and data").click()
    recruited(page, 1)
    page.get_by_role("link", name="Participants", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_text("Download unblinded data").click()
    page.get_by_label("Reason").first.fill("to try out the analysis")
    with page.expect_download() as download:
        page.get_by_role("button", name="responses.csv, unblinded").click()
    assert download.value.suggested_filename == "short-responses.csv"
    page.reload()
    expect(page.get_by_text("by Ada (to try out the analysis), after 0")).to_be_visible()
    page.locator(".study-pages").get_by_role("link", name="Recruit").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".badge").first).to_have_text("paused")
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_label("Stop at").fill("20")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("1 of 20 places are taken")).to_be_visible()
    page.locator("summary", has_text="Close").click()
    page.get_by_role("button", name="Close the study").click()
    with write_transaction(frozen.engine) as db:
        assert find_study(db, "short").state is StudyState.CLOSED


@pytest.mark.parametrize("size", [(1366, 768), (390, 844)], ids=str)
def test_people_are_paid_and_the_study_deleted_without_a_terminal(
    size: tuple[int, int], page: Page, frozen: LiveStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROLIFIC_TOKEN", "none is needed to review")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    sign_in(page, frozen)
    page.goto(f"{frozen.address}/researcher/studies/short/pay")
    lines = "Submission id,Participant id,Status\ns1,p1,AWAITING REVIEW\n"
    list_file: FilePayload = {"name": "list.csv", "mimeType": "text/csv", "buffer": lines.encode()}
    page.get_by_label("CSV file").set_input_files(list_file)
    page.get_by_role("button", name="Show whom to pay").click()
    expect(page.get_by_role("cell", name="not in the database")).to_be_visible()
    require_accessible(page)
    page.get_by_label("Action for s1").select_option("pay")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the sheet").click()
    assert '"pay"' in download.value.path().read_text()
    page.get_by_role("button", name="Review, then pay").click()
    expect(page.get_by_text("Approve 1 submission")).to_be_visible()
    require_accessible(page)
    with write_transaction(frozen.engine) as db:
        find_study(db, "short").state = StudyState.CLOSED
    page.goto(f"{frozen.address}/researcher/studies/short/settings")
    page.get_by_text("Delete short for good").click()
    page.get_by_label("Type short to delete it").fill("short")
    page.get_by_role("button", name="Delete the study").click()
    expect(page.get_by_text("Deleted short")).to_be_visible()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_page_is_accessible_and_fits(
    size: tuple[int, int], scheme: str, page: Page, frozen: LiveStudy
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    sign_in(page, frozen)
    with write_transaction(frozen.engine) as db:
        leave(db, find_study(db, "short"))
        db.flush()
        person = take_part(db, find_study(db, "short"), "second", trials=3)
        store_comment(person, "Hard to see, but fun.")
        one = f"/studies/short/participants/{person.public_id}"
    for address in (*PAGES, one):
        page.goto(f"{frozen.address}/researcher{address}")
        for hidden in page.locator("summary").all():
            hidden.click()
        require_accessible(page)


def test_an_owner_forgets_and_anonymizes_participants_without_javascript(
    scriptless: Page, frozen: LiveStudy
) -> None:
    page = scriptless
    sign_in(page, frozen)
    enroll(frozen, "second")
    page.goto(f"{frozen.address}/researcher/studies/short/participants")
    for action, button in (("Forget", "Delete the"), ("Anonymize", "Anonymize the")):
        page.locator("tbody th a").first.click()
        page.locator("summary", has_text=action).click()
        details = page.locator("details[open]")
        details.get_by_role("checkbox").check()
        details.get_by_role("button", name=button).click()
        expect(page.get_by_role("status")).to_contain_text("UTC)")
        expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Outcome").select_option("under way")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Started", exact=True).click()
    expect(page.locator("th[aria-sort='ascending']")).to_have_text("Started")


def test_an_open_table_stays_open_when_the_numbers_refresh(page: Page, frozen: LiveStudy) -> None:
    with write_transaction(frozen.engine) as db:
        leave(db, find_study(db, "short"))
    page.clock.install()
    sign_in(page, frozen)
    page.goto(f"{frozen.address}/researcher/studies/short")
    page.locator("summary", has_text="As a table").click()
    page.evaluate("document.activeElement.blur()")
    enroll(frozen, "second")
    page.clock.run_for(11_000)
    recruited(page, 3)
    expect(page.get_by_role("region", name="Drop-out by answered trials")).to_be_visible()
