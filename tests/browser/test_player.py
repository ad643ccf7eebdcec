"""The trial player alone: what is seen when, which answers count, what the network may do."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import window
from tests.browser.lone_player import QUESTION, ROOT, TIMING, TrialApi

INLINE = r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"application/json\")(?![^>]*\ssrc=)"
PHASES = ["blank", "image", "gap", "image", "after", "choice"]


def begin(page: Page, api: TrialApi) -> None:
    api.visit(page)
    page.get_by_role("button", name=re.compile("Start|Continue")).click()


def wait_for(page: Page, phase: str) -> None:
    page.locator(f"#stage[data-phase={phase}]").wait_for()


def answer(page: Page, key: str) -> None:
    wait_for(page, "choice")
    page.keyboard.press(key)


@dataclass(frozen=True)
class Played:
    """What one pair, played to the end, left behind."""

    api: TrialApi
    steps: list[dict[str, Any]]  # of the witness
    attributes: list[list[str]]  # of the images
    sent_before_answer: list[str]


@pytest.fixture(scope="module")
def played(browser: Browser) -> Played:
    """Two pairs, the first answered: several claims are about nothing more."""
    api = TrialApi(test=2)
    with window(browser) as page:
        begin(page, api)
        wait_for(page, "choice")
        steps, sent = page.evaluate("window.seen"), list(api.sent)
        attributes = page.locator("#stage img").evaluate_all(
            "images => images.map(i => [...i.attributes].filter(a => a.name != 'src')"
            ".map(a => `${a.name}=${a.value}`).sort())"
        )
        page.keyboard.press("ArrowRight")
        page.get_by_text("Pair 2 of 2").wait_for()
    return Played(api, steps, attributes, sent)


def test_the_left_image_comes_first_and_never_both(played: Played) -> None:
    visible = {step["phase"]: step["visible"] for step in played.steps}
    assert visible == {
        "waiting": [],
        "blank": [],
        "left": ["left"],
        "gap": [],
        "right": ["right"],
        "after": [],
        "choice": ["buttons"],
    }
    assert [phase for phase in visible if phase != "waiting"] == PHASES


def test_blanks_and_gaps_last_as_long_as_asked(played: Played) -> None:
    entered = {step["phase"]: step["at"] for step in played.steps}
    asked = {"blank": TIMING["blank_ms"], "gap": TIMING["gap_ms"], "after": TIMING["after_ms"]}
    frame_ms = 1000 / played.api.environment["refresh_hz"]  # half of it may be rounded away
    for phase, until in pairwise(PHASES):
        if phase in asked:
            assert entered[until] - entered[phase] > asked[phase] - frame_ms


def test_an_answer_carries_what_was_asked_for(played: Played) -> None:
    answer = played.api.answers["t0"]
    assert answer.keys() == {"answer", "rt_ms", "first_ms", "second_ms", "flags"}
    assert answer["answer"] == "right"
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


def test_images_are_fetched_ahead_and_the_start_is_told_at_the_onset(played: Played) -> None:
    fetched = [f"GET trials/t{n}/{side}" for n in (0, 1) for side in ("left", "right")]
    about_trials = [call for call in played.sent_before_answer if "/t" in call]
    assert sorted(about_trials[:-1]) == fetched
    assert about_trials[-1] == "POST trials/t0/start"


def test_an_image_says_the_same_whether_real_or_fake(played: Played) -> None:
    assert played.attributes == [
        ["alt=Left image", "decoding=sync"],
        ["alt=Right image", "decoding=sync"],
    ]


def test_images_have_their_own_size_and_nothing_moves(page: Page) -> None:
    begin(page, TrialApi(practice=1, size=300))
    answer(page, "f")
    page.get_by_role("button", name="Continue").wait_for()
    steps = {step["phase"]: step["places"] for step in page.evaluate("window.seen")}
    (left, right) = steps["feedback"]
    assert left[2:] == right[2:] == [300, 300]
    assert right[:2] == [left[0] + 300 + 48, left[1]]
    assert all(steps[phase] == [left, right] for phase in PHASES)


def test_keys_before_the_buttons_and_held_keys_are_no_answer(page: Page) -> None:
    api = TrialApi(exposure_ms=2000)
    begin(page, api)
    wait_for(page, "left")
    page.keyboard.down("f")  # and never up: what follows are repeats of it
    wait_for(page, "choice")
    page.keyboard.down("f")
    page.keyboard.press("Control+f")
    page.keyboard.press("x")
    page.wait_for_timeout(100)
    assert api.answers == {}
    page.keyboard.press("j")
    page.wait_for_url("**/debrief")
    assert api.answers["t0"]["answer"] == "right"


def test_an_answer_is_sent_again_until_it_arrives(page: Page) -> None:
    api = TrialApi(test=2, lost_answers=2)
    begin(page, api)
    answer(page, "f")
    expect(page.locator("#stage [role=status]")).to_have_text(re.compile("^No connection"))
    assert "POST trials/t1/start" not in api.sent
    wait_for(page, "choice")
    assert api.sent.count("POST trials/t0/response") == 3
    assert list(api.answers) == ["t0"]


def test_a_voided_pair_gives_way_to_its_replacement(page: Page) -> None:
    api = TrialApi()
    begin(page, api)
    wait_for(page, "choice")
    api.voided.add("t0")  # another tab took over
    page.keyboard.press("f")
    answer(page, "j")
    page.wait_for_url("**/debrief")
    assert "POST trials/t0-again/response" in api.sent
    assert api.answers["t0"]["answer"] == "right"


def test_feedback_says_in_words_what_was_right(page: Page) -> None:
    begin(page, TrialApi(practice=2))
    answer(page, "f")
    page.get_by_text("Practice pair 2 of 2").wait_for()
    answer(page, "j")
    page.get_by_role("heading", name="From here on there is no feedback").wait_for()
    steps = [step for step in page.evaluate("window.seen") if step["phase"] == "feedback"]
    assert [(step["question"], step["captions"]) for step in steps] == [
        ("Right: the left image is the fake.", ["Fake your choice", "Real"]),
        ("Wrong: the left image is the fake.", ["Fake", "Real your choice"]),
    ]


def test_the_question_is_asked_with_the_buttons(page: Page) -> None:
    begin(page, TrialApi())
    wait_for(page, "choice")
    expect(page.locator("#question")).to_have_text(QUESTION)


def test_a_disturbance_while_images_are_shown_is_flagged(page: Page) -> None:
    api = TrialApi(exposure_ms=2000)
    begin(page, api)
    wait_for(page, "left")
    page.set_viewport_size({"width": 1000, "height": 700})
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    answer(page, "f")
    page.wait_for_url("**/debrief")
    assert {"resized", "blurred"} <= set(api.answers["t0"]["flags"])


def test_a_narrow_window_waits_for_room(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    api = TrialApi()
    begin(page, api)
    page.get_by_role("heading", name="This window is too narrow").wait_for()
    assert "POST trials/t0/start" not in api.sent
    page.set_viewport_size({"width": 560, "height": 844})
    answer(page, "f")
    page.wait_for_url("**/debrief")
    assert api.answers["t0"]["flags"] == []


def test_what_the_server_refuses_for_good_is_told_in_its_words(page: Page) -> None:
    TrialApi(closed=True).visit(page)
    page.get_by_role("heading", name="The study cannot go on here").wait_for()
    expect(page.locator("#reason")).to_have_text("This study is closed.")


def test_the_player_is_small_and_brings_no_inline_script_or_style() -> None:
    modules = list((ROOT / "static/player").glob("*.js"))
    assert 0 < sum(module.stat().st_size for module in modules) < 30_000
    for template in Path(ROOT, "templates").rglob("*.html"):
        words = template.read_text()
        assert not re.search(INLINE, words), template
