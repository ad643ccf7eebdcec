"""What a researcher sees in a real browser, from the link that lets in to signing out."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from study_server.database import transaction
from study_server.researchers import make_login_link
from tests.conftest import LiveStudy


def test_a_link_lets_in_once_and_shows_the_studies(page: Page, live_study: LiveStudy) -> None:
    with transaction(live_study.engine) as db:
        link = make_login_link(db, "Ada", timedelta(minutes=5))
    page.goto(f"{live_study.address}/researcher/enter/{link}")
    page.locator("main button").click()
    study = page.get_by_role("article").filter(has_text=live_study.slug)
    expect(study).to_contain_text("open")
    expect(study.get_by_role("link", name="Participants")).to_have_attribute(
        "href", live_study.entry
    )
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{live_study.address}/researcher/enter/{link}")
    page.locator("main button").click()
    expect(page.get_by_role("alert")).to_contain_text("used")
