"""Tests of timing in frames on a simulated display, whose frames come when the test says."""

import pytest
from playwright.sync_api import Page

from tests.browser.lone_player import TrialApi

pytestmark = pytest.mark.slow(10)

# Passes the timestamps of a display to frames.js; some frames are missing.
HOLD = """
async ([times, durationMs, frameMs, overAfter, late = {}]) => {
  const { hold } = await import("/static/player/trial/frames.js");
  const frames = times[Symbol.iterator]();
  const started = frames.next().value;
  let now = started;
  performance.now = () => now + (late[now] ?? 0);
  window.requestAnimationFrame = (callback) => Promise.resolve().then(
    () => callback((now = frames.next().value)));
  const isDone = overAfter === null ? undefined : () => now - started >= overAfter;
  return hold(started, durationMs ?? Infinity, frameMs, isDone);
}
"""
MEASURE = """
async (times) => {
  const { measureFrameMs } = await import("/static/player/trial/frames.js");
  const frames = times[Symbol.iterator]();
  window.requestAnimationFrame = (callback) => Promise.resolve().then(
    () => callback(frames.next().value));
  return measureFrameMs(120);
}
"""
PLAN = """
async (trial) => (await import("/static/player/trial/trial.js")).planPhases(trial).map(
  ({ phase, ms, slots }) => [phase, ms === Infinity ? null : ms, slots.join("+")])
"""


@pytest.fixture
def page_of_modules(page: Page) -> Page:
    TrialApi().visit(page)
    return page


@pytest.mark.parametrize(
    ("hertz", "asked_ms", "frames"), [(60, 1000, 60), (60, 100, 6), (75, 1000, 75), (144, 30, 4)]
)
def test_a_duration_ends_with_the_nearest_frame(
    page_of_modules: Page, hertz: int, asked_ms: int, frames: int
) -> None:
    times = [1000 * n / hertz for n in range(2 * frames)]
    held = page_of_modules.evaluate(HOLD, [times, asked_ms, 1000 / hertz, None])
    assert held == {"endedAt": times[frames], "ms": times[frames], "frames": frames, "slow": False}


@pytest.mark.parametrize(("dropped", "slow"), [(0, False), (1, False), (2, True)])
def test_a_gap_of_more_than_two_frames_is_noticed(
    page_of_modules: Page, dropped: int, slow: bool
) -> None:
    times = [1000 * n / 60 for n in range(30) if not 3 <= n < 3 + dropped]
    held = page_of_modules.evaluate(HOLD, [times, 200, 1000 / 60, None])
    assert (held["slow"], held["frames"]) == (slow, 12 - dropped)


def test_a_delayed_frame_counts_from_when_it_is_painted(
    page_of_modules: Page,
) -> None:
    times = [10 * n for n in range(30)]
    held = page_of_modules.evaluate(HOLD, [times, 100, 10, None, {"30": 9, "100": 12}])
    assert (held["ms"], held["slow"]) == (110, False)
    held = page_of_modules.evaluate(HOLD, [times, 100, 10, None, {"50": 25}])
    assert (held["ms"], held["slow"]) == (100, True)


def test_images_that_are_painted_late_are_shown_as_long_as_asked(page_of_modules: Page) -> None:
    """A busy page delays the first frame by 50 ms, which must not shorten the exposure."""
    times = [10 * n for n in range(30)]
    held = page_of_modules.evaluate(HOLD, [times, 100, 10, None, {"0": 50}])
    assert (held["endedAt"], held["ms"]) == (150, 100)


def test_a_duration_of_zero_takes_no_frame(page_of_modules: Page) -> None:
    held = page_of_modules.evaluate(HOLD, [[50, 60], 0, 1000 / 60, None])
    assert held == {"endedAt": 50, "ms": 0, "frames": 0, "slow": False}


def test_an_unlimited_duration_ends_with_the_frame_after_the_answer(page_of_modules: Page) -> None:
    times = [10 * n for n in range(30)]
    held = page_of_modules.evaluate(HOLD, [times, None, 10, 123])
    assert (held["ms"], held["frames"]) == (130, 13)


def test_a_few_late_frames_do_not_change_the_frame_time(page_of_modules: Page) -> None:
    late = {20, 50, 51}
    times = [n * 1000 / 60 + (9 if n in late else 0) for n in range(121)]
    assert page_of_modules.evaluate(MEASURE, times) == pytest.approx(1000 / 60)


TIMING = {"blank_ms": 900, "exposure_ms": 1000, "gap_ms": 600, "after_ms": 100}
MASKED = TIMING | {"masks": 2, "mask_ms": 30}
FIRST, SECOND = {"image": "", "appears": 0}, {"image": "", "appears": 1}


def test_a_sequential_trial_shows_its_images_as_they_appear(page_of_modules: Page) -> None:
    trial = {
        "presentation": "sequential",
        "slots": [SECOND, FIRST],
        "timing": TIMING | {"masks": 0},
    }
    assert page_of_modules.evaluate(PLAN, trial) == [
        ["blank", 900, ""],
        ["image", 1000, "right"],
        ["gap", 600, ""],
        ["image", 1000, "left"],
        ["after", 100, ""],
        ["choice", None, ""],
    ]


def test_masks_follow_every_image_in_its_slot(page_of_modules: Page) -> None:
    pair = {"presentation": "sequential", "slots": [FIRST, SECOND], "timing": MASKED}
    steps = page_of_modules.evaluate(PLAN, pair)
    assert [shown for phase, _, shown in steps if phase == "mask"] == ["left"] * 2 + ["right"] * 2
    single = {"presentation": "single", "slots": [FIRST], "timing": MASKED}
    assert page_of_modules.evaluate(PLAN, single) == [
        ["blank", 900, ""],
        ["image", 1000, "center"],
        ["mask", 30, "center"],
        ["mask", 30, "center"],
        ["after", 100, ""],
        ["choice", None, ""],
    ]


def test_without_an_exposure_the_images_stay_until_the_answer(page_of_modules: Page) -> None:
    timing = MASKED | {"exposure_ms": None}
    trial = {"presentation": "simultaneous", "slots": [FIRST, FIRST], "timing": timing}
    steps = page_of_modules.evaluate(PLAN, trial)
    assert steps == [["blank", 900, ""], ["choice", None, "left+right"]]
