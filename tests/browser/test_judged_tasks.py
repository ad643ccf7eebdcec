"""Every task that compares or rates images: by keyboard alone, with a mouse, and with axe."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from study_server.storage.engine import read_session
from study_server.storage.models import Judgment, Participant, Trial
from study_server.vocabulary import Outcome
from tests.browser.conftest import window
from tests.conftest import LiveStudy, serve_study, short_protocol, write_stimuli
from tests.study_server.tasks.test_answers_of_tasks import SETTINGS

pytestmark = pytest.mark.slow(30)

SIZES = [(1366, 625), (390, 844), (820, 1180)]
CHANGES: dict[str, dict[str, Any]] = {
    "preference": {"candidates": 2, "ties": True, "reference": "real", "include_real": False},
    "best_worst": {"candidates": 3},
    "ranking": {"candidates": 3, "layout": "grid"},
    "rating": {},
}
KEYS = {
    "preference": ["j"],
    "best_worst": ["2", "1"],
    "ranking": ["3", "1", "Backspace", "2", "1", "Enter"],
    "rating": ["4", "ArrowRight", "Enter", "Enter"],
}
VALUES = {
    "preference": [2, 1],
    "best_worst": [3, 1, 2],
    "ranking": [3, 2, 1],
    "rating": [4, 51],
}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stimuli(tmp_path_factory.mktemp("many"), images=6, size=256)


@contextmanager
def study_of(task: str, folder: Path, many: Path, **changes: Any) -> Iterator[LiveStudy]:
    settings = SETTINGS[task] | CHANGES[task] | changes
    protocol = short_protocol(
        "judged", task=task, practice=0, trials=3, attention_checks=2, **settings
    )
    with serve_study(folder, many, protocol) as study:
        yield study


def enter(page: Page, study: LiveStudy) -> None:
    page.goto(study.entry)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take part").click()
    page.get_by_role("button", name="Start").click()
    page.locator("#stage[data-phase=choice]").wait_for()


def next_trial(page: Page, number: int) -> None:
    """Wait until the trial with this 0-based number waits for an answer."""
    page.locator(f"#progress-bar[value='{number}']").wait_for(state="attached")
    page.locator("#stage[data-phase=choice]").wait_for()


@pytest.mark.parametrize("task", sorted(KEYS))
def test_the_keyboard_alone_is_enough(
    task: str, browser: Browser, tmp_path: Path, many: Path
) -> None:
    with study_of(task, tmp_path, many) as study, window(browser) as page:
        enter(page, study)
        for number in range(5):
            next_trial(page, number)
            for key in KEYS[task]:
                page.keyboard.press(key)
                page.wait_for_timeout(30)  # a slider reads its value in the next frame
        page.wait_for_url("**/debrief")
        with read_session(study.engine) as db:
            assert db.scalars(select(Participant.outcome)).one() is Outcome.COMPLETE
            ordered = select(Judgment.trial_id, Judgment.value).order_by(
                Judgment.trial_id, Judgment.slot, Judgment.scale
            )
            values: dict[int, list[float]] = {}
            for trial, value in db.execute(ordered):
                values.setdefault(trial, []).append(value)
            assert len(values) == len(db.scalars(select(Trial.id)).all()) == 5
        assert [round(value) for value in next(iter(values.values()))] == VALUES[task]
        assert len({tuple(map(round, given)) for given in values.values()}) == 1


@pytest.mark.parametrize("task", sorted(KEYS))
def test_axe_finds_nothing_and_everything_fits(
    task: str, browser: Browser, tmp_path: Path, many: Path
) -> None:
    with study_of(task, tmp_path, many) as study, window(browser, bypass_csp=True) as page:
        enter(page, study)
        violations = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:120]) for one in violations] == []
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(100)
            page.screenshot(path=tmp_path / f"{task}-{width}.png")
            boxes = [image.bounding_box() for image in page.locator("#stage img").all()]
            shown = [box for box in boxes if box is not None]
            assert len({(round(box["width"]), round(box["height"])) for box in shown}) == 1
            assert shown[0]["width"] >= 120
            for box in shown:
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
            assert page.evaluate("document.querySelector('#stage').scrollHeight <= innerHeight"), (
                width,
                height,
            )


def test_a_click_on_an_image_or_on_the_tie_answers(
    browser: Browser, tmp_path: Path, many: Path
) -> None:
    with study_of("preference", tmp_path, many) as study, window(browser) as page:
        enter(page, study)
        page.locator("#slot-1 img").click()
        next_trial(page, 1)
        page.get_by_role("button", name="Equally good").click()
        next_trial(page, 2)
        with read_session(study.engine) as db:
            values = list(db.scalars(select(Judgment.value).order_by(Judgment.trial_id)))
    assert sorted(values[:2]) == [1, 2]
    assert values[2:] == [1, 1]


def test_a_rating_needs_a_value_on_every_scale(
    browser: Browser, tmp_path: Path, many: Path
) -> None:
    with study_of("rating", tmp_path, many) as study, window(browser) as page:
        enter(page, study)
        done = page.get_by_role("button", name="Continue")
        assert done.is_disabled()
        page.get_by_role("radio").nth(1).check()
        assert done.is_disabled()  # the slider has no starting value
        page.get_by_role("slider").click()
        done.click()
        next_trial(page, 1)
        with read_session(study.engine) as db:
            values = db.scalars(select(Judgment.value).order_by(Judgment.scale)).all()
    assert values[0] == 2
    assert values[1] == pytest.approx(50, abs=2)
