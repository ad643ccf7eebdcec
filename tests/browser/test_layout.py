"""Tests of the stage's layout: nothing is cut, and nothing overlaps, or the window is too small."""

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.lone_player import BASE, SITE, TrialApi

pytestmark = pytest.mark.slow(60)

WINDOWS = ((1366, 625), (1366, 740), (560, 256), (820, 1180), (390, 844), (844, 390))
PRESENTATIONS = ("single", "simultaneous", "sequential")
SIZES = (256, 512, 1024)
MIN_IMAGE_PX = 256
# Rectangles of everything that is visible: left, top, right, bottom.
RECTANGLES = """() => {
  const visible = (element) =>
    element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const box = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const isText = ["question", "trial-counter", "status", "verdict"].includes(kind(element));
    const { left, top, right, bottom } = (isText ? range : element).getBoundingClientRect();
    return [left, top, right, bottom];
  };
  const kind = (element) => element.getAttribute("role") ?? (element.className || element.id);
  const parts = {
    question: "#question", image: ".slot-image img", button: "#stage button", verdict: ".verdict",
    progress: "#progress-bar", counter: "#trial-counter", stop: "#stage-exit a",
    status: "#stage [role=status]",
  };
  return Object.entries(parts).flatMap(([name, selector]) =>
    [...document.querySelectorAll(selector)].map((element) => ({ name, element }))
      .filter(({ name, element }) =>
        name === "question" ? visible(element.firstElementChild ?? element) : visible(element))
      .map(({ name, element }) => [name, box(element)])
      .filter(([, [left, top, right, bottom]]) => right > left && bottom > top));
}"""
SCREENSHOTS = os.environ.get("LAYOUT_SCREENSHOTS")  # a folder


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Open one window for all tests of this file; a new one for each would take as long again."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


def visit(page: Page, api: TrialApi, width: int, height: int) -> None:
    """Load the player in a window of this size, without anything that another test has stored."""
    page.goto("about:blank")
    page.unroute_all()
    everything = {"origin": SITE, "storageTypes": "all"}
    page.context.new_cdp_session(page).send("Storage.clearDataForOrigin", everything)
    page.set_viewport_size({"width": width, "height": height})
    api.attach(page)
    page.goto(SITE + BASE)


def check(page: Page, width: int, height: int) -> list[tuple[str, list[float]]]:
    """Check that everything visible is inside the window and overlaps nothing else."""
    overflowing = page.locator("#stage button, #stage .verdict").evaluate_all(
        "all => all.filter((one) => one.scrollHeight > one.clientHeight + 1)"
        ".map((one) => one.textContent)"
    )
    assert overflowing == []
    parts: list[tuple[str, list[float]]] = page.evaluate(RECTANGLES)
    for name, (left, top, right, bottom) in parts:
        inside = left >= -0.5 and top >= -0.5 and right <= width + 0.5 and bottom <= height + 0.5
        assert inside, (name, left, top, right, bottom)
    for (one, a), (other, b) in combinations(parts, 2):
        apart = a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or a[3] <= b[1] + 0.5 or b[3] <= a[1] + 0.5
        assert apart, (one, a, other, b)
    return parts


def take_picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("width", "height"), WINDOWS)
@pytest.mark.parametrize("presentation", PRESENTATIONS)
def test_nothing_is_cut_and_nothing_overlaps(
    page: Page, presentation: str, width: int, height: int, size: int
) -> None:
    api = TrialApi(
        practice=1, presentation=presentation, size=size, feedback_ms=0, question="fake",
        exposure_ms=None if presentation != "sequential" else 600,
    )  # fmt: skip
    visit(page, api, width, height)
    page.get_by_role("button", name="Start practice").click()
    page.locator(
        "#window-too-small:visible, #stage[data-visible-slots]:not([data-phase=blank])"
        ":not([data-phase=waiting])"
    ).first.wait_for()
    name = f"{presentation}-{width}x{height}-{size}"
    if page.locator("#window-too-small").is_visible():
        take_picture(page, name)
        expect(page.get_by_role("heading", name="This window is too small")).to_be_visible()
        assert "POST trials/t0/start" not in api.sent
        assert must_be_refused(presentation, width, height)
        return
    assert not must_be_refused(presentation, width, height)
    images = seen_images(page, width, height, name)
    page.locator("#stage[data-phase=choice]").wait_for()
    take_picture(page, f"{name}-choice")
    names = [part for part, _ in check(page, width, height)]
    assert names.count("button") == 2
    assert {"question", "counter", "stop"} <= {*names}
    page.locator("#stage button[value]").first.click()
    page.locator("#stage[data-phase=feedback]").wait_for()
    take_picture(page, f"{name}-feedback")
    feedback = check(page, width, height)
    assert {"question", "image", "verdict", "button"} <= {part for part, _ in feedback}
    stay = [box for part, box in feedback if part == "image"]
    assert [box for box in stay if box in images] == images  # they have not moved
    page.get_by_role("button", name="Continue").click()
    page.locator("#break button").click()
    page.locator("#stage[data-phase=choice]").wait_for()
    parts = check(page, width, height)
    assert {"progress", "counter", "stop"} <= {part for part, _ in parts}
    page.locator("#stage button[value]").first.click()
    page.wait_for_url("**/debrief")
    scale = api.answers["t0"]["scale"]
    shown = images[0][2] - images[0][0]
    assert shown == pytest.approx(scale * size, abs=1)
    assert shown >= MIN_IMAGE_PX - 1
    assert scale <= 1


def seen_images(page: Page, width: int, height: int, name: str) -> list[list[float]]:
    """Check the layout while the first image is visible, and return the visible images."""
    page.locator("#stage:not([data-visible-slots=''])").wait_for()
    take_picture(page, name)
    images = [box for part, box in check(page, width, height) if part == "image"]
    assert images
    return images


def must_be_refused(presentation: str, width: int, height: int) -> bool:
    """Return whether images of 256 px cannot fit: pairs need a width of 560."""
    return height < MIN_IMAGE_PX + 60 or (presentation != "single" and width < 560)


@pytest.mark.parametrize(("width", "height"), [(320, 568), (560, 480), (844, 390), (1366, 625)])
@pytest.mark.parametrize("presentation", PRESENTATIONS)
def test_long_texts_and_messages_overlap_nothing(
    page: Page, presentation: str, width: int, height: int
) -> None:
    api = TrialApi(
        practice=1, presentation=presentation, size=512, feedback_ms=0, language="de",
        question_text="Welches Bild hat künstliche Farben, die ein Computerprogramm erzeugt hat?",
        exposure_ms=None if presentation != "sequential" else 150, lost_answers=1,
    )  # fmt: skip
    visit(page, api, width, height)
    page.locator("#instructions button").click()
    page.locator("#window-too-small:visible, #stage[data-phase=choice]").first.wait_for()
    if page.locator("#window-too-small").is_visible():
        assert must_be_refused(presentation, width, height)
        return
    check(page, width, height)
    page.locator("#stage button[value]").first.click()
    expect(page.locator("#stage [role=status]")).to_contain_text("Keine Verbindung")
    check(page, width, height)
    page.locator("#stage[data-phase=feedback]").wait_for()
    check(page, width, height)


def test_a_window_that_shrinks_during_a_trial_still_shows_everything(page: Page) -> None:
    api = TrialApi(presentation="simultaneous", exposure_ms=None, size=512)
    visit(page, api, 1366, 740)
    page.get_by_role("button", name="Start").click()
    page.locator("#stage[data-phase=choice]").wait_for()
    page.set_viewport_size({"width": 800, "height": 420})
    page.wait_for_timeout(100)
    check(page, 800, 420)
    page.locator("#stage button[value]").first.click()
    page.wait_for_url("**/debrief")
    assert "resized" in api.answers["t0"]["flags"]


def test_a_window_that_grows_makes_room(page: Page) -> None:
    api = TrialApi(presentation="simultaneous", exposure_ms=None, size=512)
    visit(page, api, 500, 740)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#window-too-small")).to_contain_text("need 560")
    page.set_viewport_size({"width": 700, "height": 740})
    page.locator("#stage[data-phase=choice]").wait_for()
    check(page, 700, 740)
