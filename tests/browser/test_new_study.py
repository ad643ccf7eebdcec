"""Tests of making a study in a browser: from a preset and a zip to a preview."""

from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from study_server.jobs.runner import run_due_jobs
from study_server.storage.engine import write_transaction
from study_server.studies.researchers import create_login_token
from tests.conftest import LiveStudy
from tests.study_server.creation.zips import Names, read_names, write_zip

pytestmark = pytest.mark.slow(40)

SIZES = [(1366, 768), (390, 844)]


@pytest.fixture
def study(live_study: LiveStudy, monkeypatch: pytest.MonkeyPatch) -> LiveStudy:
    """Serve a study beside which others can be made; commands of jobs use the same database."""
    url = live_study.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("STUDY_DATABASE_URL", url)
    folder = live_study.app.extensions["settings"].instance_folder
    monkeypatch.setenv("STUDY_INSTANCE", str(folder))
    return live_study


def sign_in(page: Page, study: LiveStudy) -> None:
    with write_transaction(study.engine) as db:
        link = create_login_token(db, "Ada", timedelta(minutes=5))
    page.goto(f"{study.address}/researcher/enter/{link}")
    page.locator("main button").click()


def create(page: Page, study: LiveStudy, title: str) -> None:
    """Create a study from the list of studies, as a researcher would."""
    sign_in(page, study)
    page.get_by_role("link", name="New study").click()
    page.get_by_label("Title").fill(title)
    page.get_by_role("radio", name="Image translation: which is fake?").check()
    page.get_by_role("button", name="Create the study").click()
    expect(page.get_by_role("status").first).to_contain_text("The study was created")


def upload(page: Page, file: Path) -> None:
    page.get_by_label("Zip file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_text("It starts within seconds.")).to_be_visible()


def check(page: Page) -> None:
    """Assert that a page is accessible and does not scroll sideways."""
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return read_names(tmp_path / "images", 12, ("real", "gan"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_study_is_made_from_a_zip(
    size: tuple[int, int], page: Page, study: LiveStudy, names: Names, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    create(page, study, "Faces and fakes")
    check(page)
    twins = names | {"real/photo-001.png": names["real/photo-000.png"]}
    upload(page, write_zip(tmp_path / "twins.zip", twins))
    check(page)
    run_due_jobs(study.engine)
    expect(page.get_by_role("heading", name="What the audit found")).to_be_visible()
    expect(page.get_by_role("heading", name="Warning: duplicate")).to_be_visible()
    expect(page.locator(".thumbnails img").first).to_have_js_property("naturalWidth", 32)
    check(page)
    for question in page.get_by_label("Why do you accept it?").all():
        question.fill("They are twins.")
    page.get_by_role("button", name="Accept and import").click()
    expect(page.get_by_text("It starts within seconds.")).to_be_visible()
    run_due_jobs(study.engine)
    expect(page.get_by_role("heading", name="Stimuli", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="gan of photo-000")).to_have_js_property("naturalWidth", 32)
    check(page)
    page.goto(f"{study.address}/researcher/new")
    check(page)
    page.goto(f"{study.address}/researcher/studies/faces-and-fakes/preview")
    assert "/s/faces-and-fakes?invitation=" in page.url
    expect(page.locator("h1:visible")).to_be_visible()


def test_a_study_is_made_without_javascript(
    browser: Browser, study: LiveStudy, names: Names, tmp_path: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(15_000)
    create(page, study, "Plain")
    upload(page, write_zip(tmp_path / "plain.zip", names))
    run_due_jobs(study.engine)
    page.reload()
    expect(page.get_by_role("img", name="gan of photo-000")).to_be_visible()
    upload(page, write_zip(tmp_path / "bad.zip", {"../a.png": b""}))
    run_due_jobs(study.engine)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("outside its own folders: '../a.png'")
    expect(page.get_by_role("img", name="gan of photo-000")).to_be_visible()
    context.close()
