"""Draw docs/picture.png from a running demo: `python docs/draw_picture.py http://127.0.0.1:8000`.

Needs Chromium. Beside the page after a practice pair stands the figure of the demo's report.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from demo.__main__ import demo_folder
from demo.studies import OPEN_SLUG, report_path
from tests.browser.conftest import launch

PICTURE = Path(__file__).with_name("picture.png")
WIDTH, HEIGHT = 700, 500  # of the page, in CSS pixels
FIGURE_WIDTH, MARGIN = 520, 40
SCALE = 1.5  # pixels of the picture per CSS pixel


def draw_picture(address: str) -> Image.Image:
    """Return the page after a practice pair, with the figure of fooling rates on its right."""
    with launch() as browser:
        context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE
        )
        page = context.new_page()
        page.goto(f"{address}/s/{OPEN_SLUG}")
        answer_until_feedback(page)
        left = Image.open(io.BytesIO(page.screenshot()))
    figure = Image.open(report_path(demo_folder(None)).parent / "figures" / "rates.png")
    width, margin = round(SCALE * FIGURE_WIDTH), round(SCALE * MARGIN)
    height = round(figure.height * width / figure.width)
    right = figure.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    picture = Image.new("RGB", (left.width + width + 2 * margin, left.height), "white")
    picture.paste(left, (0, 0))
    picture.paste(right, (left.width + margin, (left.height - height) // 2))
    return picture


def answer_until_feedback(page: Page) -> None:
    """Give consent, answer the screening questions and the first practice pair."""
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take part").click()
    for answer in ("Yes, as far as I know", "No, or I have turned it off"):
        page.get_by_label(answer).check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start practice").click()
    page.locator("#stage[data-phase=choice]").wait_for()
    page.get_by_role("button", name="Right").click()
    page.locator("#stage[data-phase=feedback]").wait_for()


if __name__ == "__main__":
    draw_picture(sys.argv[1]).save(PICTURE, optimize=True)
