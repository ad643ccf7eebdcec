"""The report in a real browser: nothing for axe to find, in any light, on any screen."""

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from analysis.report import make_report
from tests.analysis.rows import make_row, make_study, write_csv

SCREENS: list[tuple[Literal["light", "dark"], int]] = [
    ("light", 1280),
    ("dark", 1280),
    ("light", 390),
]


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A simulated study with people left out and a method that never fooled: all that is shown."""
    folder = tmp_path_factory.mktemp("report")
    rows = make_study(mode="simulated")
    rows += [
        make_row(mode="simulated", participant=f"q{person}", method="foil", position=str(place),
                 image=f"img{place}", outcome=("complete", "abandoned")[person % 2],
                 truth=side, answer=side)
        for person in range(4)
        for place, side in enumerate(("left", "right"))
    ]  # fmt: skip
    make_report(str(write_csv(folder / "responses.csv", rows)), folder / "report")
    return (folder / "report" / "report.html").as_uri()


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_the_report_is_accessible_and_fits_the_screen(
    browser: Browser, page_url: str, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(page_url)
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:120]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
