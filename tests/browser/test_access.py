"""Accessibility tests of the trial: axe in every phase, 200% zoom, keyboard only.

tests/browser/test_languages.py tests every other page with axe and at 320 pixels.
"""

import re
from itertools import product
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import window
from tests.browser.lone_player import QUESTION, TrialApi
from tests.conftest import LiveStudy

pytestmark = pytest.mark.slow(15)


def begin(page: Page, api: TrialApi) -> None:
    api.visit(page)
    page.get_by_role("button", name=re.compile("Start|Continue")).click()


def wait_for(page: Page, phase: str) -> None:
    page.locator(f"[data-page=stage] #stage[data-phase={phase}]").wait_for()


def faults(page: Page) -> list[tuple[str, str]]:
    violations = Axe().run(page).response["violations"]
    return [(rule["id"], rule["nodes"][0]["html"][:120]) for rule in violations]


@pytest.mark.parametrize("presentation", ["sequential", "simultaneous", "single"])
def test_axe_finds_nothing_while_a_trial_runs(browser: Browser, presentation: str) -> None:
    with window(browser, bypass_csp=True) as page:
        begin(page, TrialApi(practice=1, presentation=presentation, exposure_ms=1500, masks=1))
        page.set_default_timeout(30_000)
        wait_for(page, "image")
        assert page.locator("#stage img").first.get_attribute("alt")
        violations = {"image": faults(page)}
        wait_for(page, "choice")
        violations["choice"] = faults(page)
        assert violations == {"image": [], "choice": []}


@pytest.mark.parametrize(
    ("presentation", "width", "height"),
    [("sequential", 640, 400), ("simultaneous", 640, 400), ("single", 640, 400),
     ("sequential", 560, 640), ("single", 320, 640)],
)  # fmt: skip
def test_images_and_buttons_have_room(
    browser: Browser, presentation: str, width: int, height: int
) -> None:
    """A window of 1280 x 800 has 640 x 400 CSS pixels at a zoom of 200%."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=2
    )
    page = context.new_page()
    exposure_ms = None if presentation != "sequential" else 150
    begin(page, TrialApi(presentation=presentation, exposure_ms=exposure_ms))
    wait_for(page, "choice")
    for part in page.locator("#stage img, #stage button").all():
        box = part.bounding_box()
        assert box is not None
        assert min(box["x"], box["y"]) >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    context.close()


def test_the_buttons_are_reachable_by_tab_with_visible_focus(page: Page) -> None:
    api = TrialApi(test=2)
    begin(page, api)
    wait_for(page, "choice")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Left")).to_be_focused()
    page.keyboard.press("Tab")
    right = page.get_by_role("button", name="Right")
    expect(right).to_be_focused()
    assert right.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.get_by_text("Pair 2 of 2").wait_for()
    api.wait_for_answers(page, 1)
    assert api.answers["t0"]["answer"] == "right"


def test_question_feedback_and_status_are_announced(page: Page) -> None:
    begin(page, TrialApi())
    wait_for(page, "choice")
    assert page.locator("#question").get_attribute("aria-live") == "polite"
    expect(page.locator("#stage [role=status]")).to_have_count(1)
    expect(page.get_by_role("progressbar", include_hidden=True)).to_have_accessible_name(
        re.compile("Pair 1 of 1")
    )


def test_a_page_is_described_by_its_focused_button(page: Page) -> None:
    TrialApi(practice=1, test=2).visit(page)
    start = page.get_by_role("button", name="Start practice")
    expect(start).to_be_focused()
    expect(start).to_have_accessible_description(re.compile("Look.*F or ← for left"))
    expect(page.get_by_role("region")).to_have_accessible_name(QUESTION)
    start.click()
    wait_for(page, "choice")
    page.keyboard.press("f")
    go_on = page.get_by_role("button", name="Continue")
    expect(go_on).to_be_focused()
    expect(go_on).to_have_accessible_description(re.compile("2 pairs to go.*F or ← for left"))
    expect(page.get_by_role("region")).to_have_accessible_name(re.compile("no feedback"))


def test_a_page_without_a_button_is_an_alert(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    api = TrialApi()
    begin(page, api)
    expect(page.get_by_role("alert")).to_contain_text("This window is too small")
    api.closed = True
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("This study is closed.")


def test_the_stage_is_the_same_in_every_color_scheme_and_with_forced_colors(
    browser: Browser,
) -> None:
    """The surroundings affect how images look; a black check mark is visible on gray.

    Practice has no progress bar, whose look depends on the system.
    """
    schemes: tuple[Literal["light", "dark"], ...] = "light", "dark"
    forcing: tuple[Literal["none", "active"], ...] = "none", "active"
    pictures = set()
    for scheme, forced in product(schemes, forcing):
        context = browser.new_context(color_scheme=scheme, forced_colors=forced)
        page = context.new_page()
        begin(page, TrialApi(practice=1))
        wait_for(page, "choice")
        page.mouse.move(0, 0)
        pictures.add(page.screenshot())
        context.close()
    assert len(pictures) == 1


def test_nothing_moves_with_reduced_motion(browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    TrialApi(practice=1).visit(page)
    moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationDuration } = getComputedStyle(element);
      return [transitionDuration, animationDuration].some((time) => parseFloat(time) > 0);
    }).length""")
    assert moving == 0
    context.close()


def test_the_consent_page_warns_in_a_narrow_window(page: Page, live_study: LiveStudy) -> None:
    page.set_viewport_size({"width": 559, "height": 800})
    page.goto(live_study.entry)
    expect(page.get_by_role("heading", name="This study needs a wider window")).to_be_visible()
    expect(page.get_by_role("checkbox")).to_be_hidden()
    page.get_by_role("link", name="Read about the study anyway").click()
    expect(page.get_by_text("What you will do", exact=True)).to_be_visible()
    expect(page.get_by_role("checkbox")).to_be_hidden()
    page.goto(live_study.entry)
    page.set_viewport_size({"width": 560, "height": 800})
    expect(page.get_by_role("checkbox")).to_be_visible()
    expect(page.get_by_text("This study needs a wider window")).to_be_hidden()
