"""Tests that the report passes axe in a browser, in every color scheme and screen size."""

from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser

from analysis.inputs.sources import read_responses
from analysis.report_files import make_report
from tests.analysis.rows import Row, make_row, make_study, write_csv

pytestmark = pytest.mark.slow(15)

SCREENS: list[tuple[Literal["light", "dark"], int]] = [
    ("light", 1280),
    ("dark", 1280),
    ("light", 390),
]


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Report a simulated study with exclusions, a method that never fooled, repeats and images."""
    folder = tmp_path_factory.mktemp("report")
    rows = make_study(mode="simulated")
    rows += [
        make_row(mode="simulated", participant=f"q{person}", method="foil", position=str(place),
                 image=f"img{place}", outcome=("complete", "abandoned")[person % 2],
                 truth=side, answer=side)
        for person in range(4)
        for place, side in enumerate(("left", "right"))
    ]  # fmt: skip
    rows += [row | {"position": f"{5000 + at}", "repeat_of": row["position"]}
             for at, row in enumerate(rows[:40])]  # fmt: skip
    source = write_csv(folder / "responses.csv", rows)
    make_report(
        read_responses(str(source)),
        folder / "report",
        stimuli=write_pictures(folder / "stimuli", rows),
    )
    return (folder / "report" / "report.html").as_uri()


def write_pictures(folder: Path, rows: list[Row]) -> Path:
    """Write the same image as the stimulus of every trial."""
    folder.mkdir()
    Image.new("RGB", (64, 48), "teal").save(folder / "any.png")
    shown = sorted({(row["image"], method) for row in rows for method in ("real", row["method"])})
    lines = ["image,method,file", *(f"{image},{method},any.png" for image, method in shown)]
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_the_report_is_accessible_and_fits_the_screen(
    browser: Browser, page_url: str, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(page_url)
    assert page.locator(".gallery img").count() > 12
    assert page.get_by_text("percent of repeated trials answered the same way").count() > 0
    violations = Axe().run(page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:120]) for rule in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
