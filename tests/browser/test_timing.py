"""Tests of what is visible and for how long, according to an independent observer.

benchmarks/player_timing.py measures how exact exposures are, compared with a typical page. These
tests check what must also hold on a busy machine.
"""

import random
import re
import time

import pytest
from playwright.sync_api import Page, Route

from tests.browser.lone_player import TIMING, TrialApi
from tests.browser.observer import (
    OBSERVER,
    STALLS,
    buttons_shown,
    click_at_a_known_time,
    exposures,
)
from tests.browser.robot import build_robot, set_going

pytestmark = pytest.mark.alone

ASKED_MS = 300
FRAME_MS = 1000 / 60  # the frame time of the browser of the tests


def play(page: Page, api: TrialApi, script: str = "") -> list[dict[str, object]]:
    """Answer all trials but the last with the robot; return the observer's records."""
    page.add_init_script(OBSERVER + script)
    build_robot(page)
    api.visit(page)
    set_going(page)
    page.get_by_text(f"Pair {api.test} of {api.test}").wait_for(timeout=60_000)
    api.wait_for_answers(page, api.test - 1)
    observed: list[dict[str, object]] = page.evaluate("window.observed")
    return observed


def test_the_player_reports_the_exposures_that_the_observer_sees(page: Page) -> None:
    api = TrialApi(test=6, exposure_ms=ASKED_MS)
    seen = exposures(play(page, api))
    assert [exposure.place for exposure in seen[:10]] == ["left", "right"] * 5
    pairs = zip(seen[0:10:2], seen[1:10:2], api.answers.values(), strict=True)
    for first, second, answer in pairs:
        assert answer["first_ms"] == pytest.approx(first.ms, abs=FRAME_MS)
        assert answer["second_ms"] == pytest.approx(second.ms, abs=FRAME_MS)
        assert min(answer["first_ms"], answer["second_ms"]) > ASKED_MS - 0.6 * FRAME_MS


def test_a_stall_is_seen_and_flagged(page: Page) -> None:
    api = TrialApi(test=7, exposure_ms=ASKED_MS)
    seen = exposures(play(page, api, STALLS))
    stalled = [first.gap_ms > 45 for first in seen[0:12:2]]
    flagged = ["slow_frame" in answer["flags"] for answer in api.answers.values()]
    assert stalled[::2] == [True] * 3
    assert flagged[::2] == [True] * 3


def test_no_exposure_begins_before_both_images_have_arrived(page: Page) -> None:
    api = TrialApi(test=3, exposure_ms=ASKED_MS)
    late: dict[str, float] = {}

    def slow(route: Route) -> None:
        time.sleep(3)  # the whole network waits
        late[route.request.url] = time.time()
        route.fallback()

    page.add_init_script(OBSERVER)
    build_robot(page)
    api.visit(page)
    page.route("**/trials/t1/1", slow)
    set_going(page)
    page.get_by_text("Pair 3 of 3").wait_for(timeout=60_000)
    seen = exposures(page.evaluate("window.observed"))
    origin = page.evaluate("performance.timeOrigin")
    arrived = 1000 * next(iter(late.values())) - origin
    assert seen[2].at > arrived  # the left image of that pair, which had arrived in time
    assert min(exposure.ms for exposure in seen[:4]) > ASKED_MS - FRAME_MS


def test_a_response_time_runs_from_the_buttons_to_the_event(page: Page) -> None:
    api = TrialApi(test=6)
    page.add_init_script(OBSERVER)
    api.visit(page)
    page.get_by_role("button", name=re.compile("Start|Continue")).click()
    cdp, rng = page.context.new_cdp_session(page), random.Random(7)
    clicked = []
    for number in range(1, 6):
        page.get_by_text(f"Pair {number} of 6").wait_for()
        page.locator("#stage[data-phase=choice]").wait_for()
        clicked.append(click_at_a_known_time(page, cdp, rng.choice(["Left", "Right"]), rng))
    page.get_by_text("Pair 6 of 6").wait_for()
    api.wait_for_answers(page, 5)
    offered = buttons_shown(page.evaluate("window.observed"))[:5]
    true_ms = [at - frame for at, frame in zip(clicked, offered, strict=True)]
    reported_ms = [answer["rt_ms"] for answer in api.answers.values()]
    assert reported_ms == pytest.approx(true_ms, abs=1)
    assert min(true_ms) > TIMING["after_ms"]
