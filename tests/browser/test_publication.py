"""The page of a published study, opened from disk."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from analysis.inputs.sources import read_responses
from analysis.publication.page import render_publication_page
from analysis.report_files import make_report
from tests.analysis.rows import make_study, write_csv
from tests.browser.test_report import write_pictures

pytestmark = pytest.mark.slow(10)

DESCRIPTION = {
    "name": "Two colorizers",
    "author": [{"name": "Ada Lovelace"}],
    "license": "https://spdx.org/licenses/CC-BY-4.0.html",
}


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of the page of a study whose images have all one picture."""
    folder = tmp_path_factory.mktemp("published")
    rows = make_study()
    write_pictures(folder / "stimuli", rows)
    source = write_csv(folder / "responses.csv", rows)
    make_report(read_responses(str(source)), folder / "report")
    report = json.loads((folder / "report" / "report.json").read_text())
    (folder / "index.html").write_text(render_publication_page(folder, report, DESCRIPTION))
    return (folder / "index.html").as_uri()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_accessible_and_fits_the_screen(
    width: int, browser: Browser, page_url: str
) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        page.goto(page_url)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("figure img").first.evaluate("image => image.naturalWidth") > 0
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


def test_images_are_found_by_name_and_sorted_by_estimate(page: Page, page_url: str) -> None:
    page.goto(page_url)
    names = page.locator(".explorer > li:not([hidden]) h3")
    every = names.all_text_contents()
    assert every == sorted(every)
    page.get_by_label("Sort").select_option("mcl")
    values = [
        json.loads(text or "{}").get("mcl")
        for text in page.locator(".explorer > li").evaluate_all(
            "items => items.map((item) => item.dataset.values)"
        )
    ]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values[: len(known)] == known  # those without an estimate come last
    page.get_by_label("Show images").fill(every[0].upper())
    assert every[0] in names.all_text_contents()
    assert len(names.all_text_contents()) < len(every)
    assert f"of {len(every)} shown" in page.locator("#image-count").inner_text()


def test_the_page_can_be_read_without_scripts(browser: Browser, page_url: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(page_url)
        assert page.locator(".explorer img").count() > 0
        assert not page.get_by_label("Sort").is_visible()
