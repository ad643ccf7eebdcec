"""Tests of the trial player alone: what it shows, which answers it accepts, network failures."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import window
from tests.browser.lone_player import QUESTION, ROOT, TIMING, TrialApi

pytestmark = pytest.mark.slow(30)

PLAYER = ROOT / "static/player"
INLINE = r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"application/json\")(?![^>]*\ssrc=)"


def begin(page: Page, api: TrialApi) -> None:
    api.visit(page)
    page.get_by_role("button", name=re.compile("Start|Continue")).click()


def wait_for(page: Page, phase: str) -> None:
    page.locator(f"[data-page=stage] #stage[data-phase={phase}]").wait_for()


def seen(steps: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return the phases of a trial with what was visible in each; successive masks count as one."""
    phases = [(step["phase"], step["visible"]) for step in steps if step["phase"] != "waiting"]
    return [phase for phase, _ in groupby(phases)]


def answer(page: Page, key: str) -> None:
    wait_for(page, "choice")
    page.keyboard.press(key)


@dataclass(frozen=True)
class Played:
    """The records of a player that has played one pair to the end."""

    api: TrialApi
    steps: list[dict[str, Any]]  # of the witness
    attributes: list[list[str]]  # of the images
    sent_before_answer: list[str]
    started_at: float  # when the start was reported, on the clock of the steps


@pytest.fixture(scope="module")
def played(browser: Browser) -> Played:
    """Play the first of two pairs; several tests need nothing more."""
    api = TrialApi(test=2)
    with window(browser) as page:
        begin(page, api)
        wait_for(page, "choice")
        steps, sent = page.evaluate("window.seen"), list(api.sent)
        attributes = page.locator("#stage img").evaluate_all(
            "images => images.map(i => [...i.attributes].filter(a => a.name != 'src')"
            ".map(a => `${a.name}=${a.value}`).sort())"
        )
        started_at = page.evaluate(
            "performance.getEntriesByType('resource').find(e => e.name.endsWith('start')).startTime"
        )
        page.keyboard.press("ArrowRight")
        page.get_by_text("Pair 2 of 2").wait_for()
        api.wait_for_answers(page, 1)
    return Played(api, steps, attributes, sent, started_at)


def test_the_left_image_comes_first_and_never_with_the_right(played: Played) -> None:
    assert seen(played.steps) == [
        ("blank", []),
        ("image", ["left"]),
        ("gap", []),
        ("image", ["right"]),
        ("after", []),
        ("choice", ["buttons"]),
    ]


def test_blanks_and_gaps_last_as_long_as_planned(played: Played) -> None:
    entered = [step for step in played.steps if step["phase"] != "waiting"]
    asked = {"blank": TIMING["blank_ms"], "gap": TIMING["gap_ms"], "after": TIMING["after_ms"]}
    frame_ms = 1000 / played.api.environment["refresh_hz"]  # half of it may be rounded away
    lasted = {a["phase"]: b["at"] - a["at"] for a, b in pairwise(entered)}
    assert all(lasted[phase] > asked_ms - frame_ms for phase, asked_ms in asked.items())


def test_an_answer_has_the_required_fields(played: Played) -> None:
    answer = played.api.answers["t0"]
    assert answer.keys() == {
        "id", "answer", "rt_ms", "first_ms", "second_ms", "first_frames", "second_frames",
        "early_inputs", "repeated_inputs", "input", "scale", "flags",
    }  # fmt: skip
    assert answer["answer"] == {"choice": 1}
    assert (answer["early_inputs"], answer["repeated_inputs"]) == (0, 0)
    assert isinstance(answer["rt_ms"], int)
    assert answer["rt_ms"] >= 0
    half_frame_ms = 500 / played.api.environment["refresh_hz"]
    assert min(answer["first_ms"], answer["second_ms"]) > 150 - half_frame_ms - 0.2


def test_the_screen_is_described_once(played: Played) -> None:
    assert played.api.sent.count("POST environment") == 1
    environment = played.api.environment
    assert environment["viewport"] == "1280x800"
    assert environment["color_gamut"] in ("srgb", "p3", "rec2020")
    assert environment["refresh_hz"] > 1
    assert environment["inverted_colors"] is False
    assert environment["webdriver"] is True  # Playwright drives it


def test_images_are_fetched_ahead(played: Played) -> None:
    fetched = [f"GET trials/t{n}/{slot}" for n in (0, 1) for slot in (0, 1)]
    assert sorted(call for call in played.sent_before_answer if "GET trials/" in call) == fetched


def test_the_start_is_reported_before_anything_is_shown(played: Played) -> None:
    assert "POST trials/t0/start" in played.sent_before_answer
    assert played.started_at < next(step["at"] for step in played.steps if step["visible"])


def test_real_and_fake_images_have_the_same_attributes(played: Played) -> None:
    assert played.attributes == [
        ["alt=Left image", "decoding=sync", "style=width: 256px; height: 256px;"],
        ["alt=Right image", "decoding=sync", "style=width: 256px; height: 256px;"],
    ]


def test_images_have_their_own_size_and_nothing_moves(page: Page) -> None:
    begin(page, TrialApi(practice=1, size=300))
    answer(page, "f")
    page.get_by_role("button", name="Continue").wait_for()
    steps = page.evaluate("window.seen")
    (left, right) = next(step["places"] for step in steps if step["phase"] == "feedback")
    assert left[2:] == right[2:] == [300, 300]
    assert right[:2] == [left[0] + 300 + 48, left[1]]
    assert all(step["places"] == [left, right] for step in steps if step["places"])


def test_early_and_held_keys_are_not_answers(page: Page) -> None:
    api = TrialApi(exposure_ms=2000)
    begin(page, api)
    wait_for(page, "image")
    page.keyboard.down("f")  # never released, so that the next events are repeats
    wait_for(page, "choice")
    page.keyboard.down("f")
    page.keyboard.press("Control+f")
    page.keyboard.press("x")
    page.wait_for_timeout(100)
    assert api.answers == {}
    page.keyboard.press("j")
    page.wait_for_url("**/debrief")
    answer = api.answers["t0"]
    assert (answer["answer"], answer["early_inputs"], answer["repeated_inputs"]) == (
        {"choice": 1},
        1,
        1,
    )


@pytest.mark.parametrize(
    ("press", "reported"),
    [
        (lambda page: page.locator("[value=left]").click(), "mouse"),
        (lambda page: page.keyboard.press("f"), "keydown"),
        (lambda page: page.locator("[value=left]").press("Enter"), "click"),
        (lambda page: page.locator("[value=left]").evaluate("(b) => b.click()"), "script"),
    ],
    ids=["mouse", "key", "enter", "script"],
)
def test_the_input_type_is_reported(
    page: Page, press: Callable[[Page], None], reported: str
) -> None:
    api = TrialApi()
    begin(page, api)
    wait_for(page, "choice")
    press(page)
    page.wait_for_url("**/debrief")
    assert api.answers["t0"]["input"] == reported


def test_an_answer_waits_on_the_device_while_the_next_pairs_are_played(page: Page) -> None:
    api = TrialApi(test=3, lost_answers=2)
    begin(page, api)
    answer(page, "f")
    page.get_by_text("Pair 2 of 3").wait_for()
    expect(page.locator("#stage [role=status]")).to_have_text(re.compile("saved on this device"))
    answer(page, "j")
    page.get_by_text("Pair 3 of 3").wait_for()
    answer(page, "f")
    page.wait_for_url("**/debrief")
    assert api.sent.count("POST trials/t0/response") == 3
    assert [api.answers[slot]["answer"] for slot in ("t0", "t1", "t2")] == [
        {"choice": 0},
        {"choice": 1},
        {"choice": 0},
    ]


def test_without_a_database_answers_wait_on_the_page(page: Page) -> None:
    page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
    api = TrialApi(test=2, lost_answers=1)
    begin(page, api)
    answer(page, "f")
    page.get_by_text("Pair 2 of 2").wait_for()
    expect(page.locator("#stage [role=status]")).to_have_text(re.compile("keep this page open"))
    answer(page, "j")
    page.wait_for_url("**/debrief")
    assert [api.answers[slot]["answer"] for slot in ("t0", "t1")] == [{"choice": 0}, {"choice": 1}]


def test_practice_waits_for_the_server(page: Page) -> None:
    api = TrialApi(practice=2, lost_answers=2)
    begin(page, api)
    answer(page, "f")
    expect(page.locator("#stage [role=status]")).to_have_text(re.compile("saved on this device"))
    assert page.locator("#stage").get_attribute("data-phase") == "waiting"
    page.get_by_text("Practice pair 2 of 2").wait_for()
    assert api.sent.count("POST trials/t0/response") == 3


def test_a_voided_pair_gives_way_to_its_replacement(page: Page) -> None:
    api = TrialApi()
    begin(page, api)
    wait_for(page, "choice")
    api.voided.add("t0")  # continued in another tab
    page.keyboard.press("f")
    expect(page.locator("#failure-reason")).to_have_text("This pair was interrupted.")
    page.get_by_role("button", name="Reload and continue").click()
    page.get_by_role("button", name=re.compile("Start|Continue")).click()
    answer(page, "j")
    page.wait_for_url("**/debrief")
    assert "POST trials/t0-again/response" in api.sent
    assert api.answers["t0"]["answer"] == {"choice": 1}


def test_the_page_opened_last_plays(page: Page) -> None:
    api = TrialApi()
    begin(page, api)
    wait_for(page, "choice")
    other = page.context.new_page()
    api.visit(other)
    other.get_by_role("button", name=re.compile("Start|Continue")).wait_for()
    expect(page.get_by_role("alert")).to_contain_text("is open in another tab")
    expect(page.get_by_role("button", name="Continue here instead")).to_be_visible()
    page.keyboard.press("f")
    other.get_by_role("button", name=re.compile("Start|Continue")).click()
    answer(other, "j")
    other.wait_for_url("**/debrief")
    assert api.answers["t0"]["answer"] == {"choice": 1}


def test_a_broken_image_is_retried_then_reported(page: Page) -> None:
    api = TrialApi(broken_images=3)
    begin(page, api)
    answer(page, "f")
    page.wait_for_url("**/debrief")
    assert api.sent.count("POST trials/t0/incident") == 0  # the fourth reply was not broken
    api = TrialApi(broken_images=99)
    begin(page, api)
    answer(page, "f")
    page.wait_for_url("**/debrief")
    assert api.sent.count("POST trials/t0/incident") == 1
    assert "POST trials/t0/start" not in api.sent
    assert "POST trials/t0-again/response" in api.sent


def test_feedback_is_given_in_words(page: Page) -> None:
    begin(page, TrialApi(practice=2))
    answer(page, "f")
    page.get_by_text("Practice pair 2 of 2").wait_for()
    answer(page, "j")
    page.get_by_role("heading", name="From now on there is no feedback").wait_for()
    steps = [step for step in page.evaluate("window.seen") if step["phase"] == "feedback"]
    assert [(step["question"], step["captions"]) for step in steps] == [
        ("Correct: the left image is the fake.", ["Fake your choice", "Real"]),
        ("Incorrect: the left image is the fake.", ["Fake", "Real your choice"]),
    ]


def test_feedback_stays_until_the_participant_continues(page: Page) -> None:
    api = TrialApi(practice=2, feedback_ms=0)
    begin(page, api)
    answer(page, "f")
    go_on = page.locator("#continue-feedback")
    expect(go_on).to_be_focused()
    page.wait_for_timeout(500)
    assert page.locator("#stage").get_attribute("data-phase") == "feedback"
    page.keyboard.press("Enter")
    page.get_by_text("Practice pair 2 of 2").wait_for()
    answer(page, "j")
    go_on.click()
    page.get_by_role("heading", name="From now on there is no feedback").wait_for()


def test_a_key_held_down_skips_no_feedback(page: Page) -> None:
    begin(page, TrialApi(practice=2, feedback_ms=0))
    wait_for(page, "choice")
    page.locator("[value=left]").focus()
    page.keyboard.down("Enter")
    wait_for(page, "feedback")
    for _ in range(5):
        page.keyboard.down("Enter")  # a repeat
    page.wait_for_timeout(100)
    assert page.locator("#stage").get_attribute("data-phase") == "feedback"
    page.keyboard.up("Enter")
    page.keyboard.press("Enter")
    page.get_by_text("Practice pair 2 of 2").wait_for()


def test_touch_screens_say_tap_and_show_no_keys(browser: Browser) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True)
    page = context.new_page()
    TrialApi(exposure_ms=None, presentation="simultaneous").visit(page)
    start = page.get_by_role("button", name="Start")
    expect(start).to_be_enabled()
    expect(page.get_by_text("Tap a button to answer.").first).to_be_visible()
    expect(page.locator("#instructions kbd").first).to_be_hidden()
    expect(start).to_have_accessible_description(re.compile("Tap a button to answer.$"))
    start.tap()
    wait_for(page, "choice")
    expect(page.locator("#stage kbd").first).to_be_hidden()
    context.close()


def test_nothing_mentions_practice_where_there_is_none(page: Page) -> None:
    api = TrialApi(test=2)
    begin(page, api)
    answer(page, "f")
    api.wait_for_answers(page, 1)
    assert "ractice" not in page.locator("main").inner_html()


def test_the_stage_is_never_translated_by_the_browser(page: Page) -> None:
    TrialApi().visit(page)
    assert page.locator("#stage").get_attribute("translate") == "no"


@pytest.mark.alone
def test_both_images_stay_until_the_answer_without_an_exposure(page: Page) -> None:
    api = TrialApi(presentation="simultaneous", exposure_ms=None)
    begin(page, api)
    wait_for(page, "choice")
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Right").click()
    page.wait_for_url("**/debrief")
    stored = api.answers["t0"]
    assert (stored["answer"], stored["second_ms"], stored["second_frames"]) == (
        {"choice": 1},
        None,
        None,
    )
    assert 0 <= stored["first_ms"] - stored["rt_ms"] < 100
    assert stored["rt_ms"] > 300
    assert stored["first_frames"] > 5


def test_a_single_image_is_masked_and_answered(page: Page) -> None:
    api = TrialApi(practice=1, presentation="single", masks=2)
    begin(page, api)
    wait_for(page, "choice")
    steps = seen(page.evaluate("window.seen"))
    assert steps == [
        ("blank", []),
        ("image", ["center"]),
        ("mask", ["center_mask"]),
        ("after", []),
        ("choice", ["buttons"]),
    ]
    page.get_by_role("button", name="Fake").click()
    page.get_by_text("Correct: the image is a fake.").wait_for()
    assert api.answers["t0"]["answer"] == {"verdict": "fake"}


def test_every_mask_is_different(page: Page) -> None:
    TrialApi().visit(page)
    masks = page.evaluate("""async () => {
      const { createMask, fillWithNoise } = await import("/static/player/trial/masks.js");
      const mask = createMask({ naturalWidth: 256, naturalHeight: 100 });
      const pixels = () => mask.getContext("2d").getImageData(0, 0, 32, 13).data.join();
      return [1, 2].map(() => (fillWithNoise(mask), [mask.width, mask.height, pixels()]));
    }""")
    (first, second) = masks
    assert first[:2] == [32, 13]
    assert first[2] != second[2]


def test_a_double_click_is_one_answer(page: Page) -> None:
    api = TrialApi(test=2)
    begin(page, api)
    wait_for(page, "choice")
    page.get_by_role("button", name="Left").dblclick()
    page.get_by_text("Pair 2 of 2").wait_for()
    answer(page, "j")
    page.wait_for_url("**/debrief")
    assert api.sent.count("POST trials/t0/response") == 1
    stored = api.answers["t0"], api.answers["t1"]
    assert [answer["answer"] for answer in stored] == [{"choice": 0}, {"choice": 1}]
    assert sum(answer["repeated_inputs"] + answer["early_inputs"] for answer in stored) <= 1


def test_the_question_appears_with_the_buttons(page: Page) -> None:
    begin(page, TrialApi())
    wait_for(page, "choice")
    expect(page.locator("#question")).to_have_text(QUESTION)


def test_a_disturbance_while_images_are_shown_is_flagged(page: Page) -> None:
    api = TrialApi(exposure_ms=2000)
    begin(page, api)
    wait_for(page, "image")
    page.set_viewport_size({"width": 1000, "height": 700})
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    answer(page, "f")
    page.wait_for_url("**/debrief")
    assert {"resized", "blurred"} <= set(api.answers["t0"]["flags"])


@pytest.mark.alone  # a busy machine's slow frames would be flagged
def test_a_narrow_window_waits_for_room(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    api = TrialApi()
    begin(page, api)
    page.get_by_role("heading", name="This window is too small").wait_for()
    assert "POST trials/t0/start" not in api.sent
    page.set_viewport_size({"width": 560, "height": 844})
    answer(page, "f")
    page.wait_for_url("**/debrief")
    assert api.answers["t0"]["flags"] == []


def test_a_final_refusal_shows_the_servers_message(page: Page) -> None:
    TrialApi(closed=True).visit(page)
    page.get_by_role("heading", name="The study can’t continue here").wait_for()
    expect(page.locator("#failure-reason")).to_have_text("This study is closed.")


@pytest.mark.parametrize("press", ["F8", "button"])
def test_a_preview_skips_waits(press: str, page: Page) -> None:
    api = TrialApi(is_preview=True, exposure_ms=60_000)
    begin(page, api)
    wait_for(page, "image")
    if press == "button":
        page.get_by_role("button", name="Skip waits").click()
    else:
        page.keyboard.press(press)
    answer(page, "f")
    api.wait_for_answers(page, 1)
    assert api.answers["t0"]["early_inputs"] == 0
    assert api.answers["t0"]["first_ms"] < 30_000


def test_nobody_but_a_preview_skips_waits(page: Page) -> None:
    api = TrialApi(exposure_ms=2_000)
    begin(page, api)
    wait_for(page, "image")
    page.keyboard.press("F8")
    answer(page, "f")
    api.wait_for_answers(page, 1)
    assert api.answers["t0"]["first_ms"] > 1_900
    assert page.locator("#skip-waits").count() == 0


def test_the_page_preloads_every_module() -> None:
    named = re.findall(r'="/static/player/([^"]*\.js)"', TrialApi().render())
    modules = [str(file.relative_to(PLAYER)) for file in PLAYER.rglob("*.js")]
    assert sorted(named) == sorted(modules)


def test_the_player_is_small_and_has_no_inline_script_or_style() -> None:
    player = [file.stat().st_size for file in PLAYER.rglob("*.*")]
    assert 0 < sum(player) < 62_000
    for template in Path(ROOT, "templates").rglob("*.html"):
        words = template.read_text()
        assert not re.search(INLINE, words), template
