"""A staircase in the browser: each exposure waits for the answer before, through every trouble."""

import itertools
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from study_server.protocol.model import Protocol
from study_server.protocol.staircase import Staircase, next_exposure
from study_server.protocol.study_toml import create_protocol
from study_server.storage.engine import read_session
from study_server.storage.models import Response, Trial
from tests.browser.conftest import window
from tests.conftest import LiveStudy, serve_study, write_stimuli
from tests.study_server.acting import fake_slot

pytestmark = pytest.mark.slow(12)

RULE = Staircase(
    start_ms=200, up_ms=20, down_ms=60, right_in_a_row=2, min_ms=100, max_ms=400, blocks=2,
    trials_per_block=3,
)  # fmt: skip
FRAME_MS = 17


def quick_staircase() -> Protocol:
    settings = {
        "staircase": RULE.model_dump(), "trials": RULE.trials, "methods": ("l2",),
        "first_blank_ms": 90, "blank_ms": 60, "after_ms": 20, "mask_ms": 20, "feedback_ms": 300,
        "device": "any", "color_vision": "unasked", "night_light": "unasked",
    }  # fmt: skip
    return Protocol.model_validate(create_protocol("steps", "hype_time").model_dump() | settings)


def answer(page: Page, study: LiveStudy, is_right: bool) -> None:
    """Answer the trial on the page; what it shows is read from the database."""
    page.locator("[data-page=stage] #stage[data-phase=choice]").wait_for()
    with read_session(study.engine) as db:
        shown = select(Trial).outerjoin(Response).where(Trial.started_at.is_not(None))
        trial = db.scalars(shown.where(Trial.voided.is_(False), Response.trial_id.is_(None))).one()
        is_fake = fake_slot(trial) is not None
    page.keyboard.press("f" if is_fake == is_right else "j")


def begin(page: Page, study: LiveStudy) -> None:
    page.goto(study.entry)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take part").click()
    page.get_by_role("button", name="Start").click()


def test_an_outage_pauses_a_staircase_and_a_reload_keeps_its_exposure(
    browser: Browser, tmp_path: Path
) -> None:
    manifest = write_stimuli(tmp_path / "stimuli", 10, 64)
    with serve_study(tmp_path, manifest, quick_staircase()) as study, window(browser) as page:
        begin(page, study)
        counter, status = page.locator("#trial-counter"), page.locator("#stage [role=status]")
        page.locator("#stage[data-phase=choice]").wait_for()
        with page.expect_response("**/start"):  # of the second trial
            answer(page, study, is_right=False)
            expect(page.get_by_text("Incorrect: the image is")).to_be_visible()
        page.context.set_offline(True)
        expect(counter).to_have_text("Image 2 of 6")
        answer(page, study, is_right=True)
        expect(status).to_contain_text("No connection. Your answers are saved on this device.")
        page.wait_for_timeout(700)  # longer than a trial would take to begin
        expect(counter).to_have_text("Image 2 of 6")
        assert page.locator("#stage").get_attribute("data-phase") == "waiting"
        page.context.set_offline(False)
        expect(counter).to_have_text("Image 3 of 6")
        page.locator("#stage[data-phase=choice]").wait_for()
        page.reload()
        page.get_by_role("button", name="Continue").click()
        answer(page, study, is_right=False)
        expect(page.locator("#rest")).to_contain_text("You have seen 3 of 6 images.")
        page.get_by_role("button", name="Continue").click()
        for is_right in (True, True, False):
            answer(page, study, is_right)
            page.locator("#stage[data-phase=feedback]").wait_for()
        page.wait_for_url("**/debrief")
        check_exposures(study)


def check_exposures(study: LiveStudy) -> None:
    """Check that stored and shown exposures follow from the answers, and what was voided."""
    with read_session(study.engine) as db:
        trials = db.scalars(select(Trial).order_by(Trial.place, Trial.attempt)).all()
        requested = {(trial.place, trial.attempt): trial.exposure_ms for trial in trials}
        kept = [trial for trial in trials if not trial.voided]
        rights = [
            (fake_slot(trial) is None) == bool(trial.response.judgments[0].value)
            for trial in kept
            if trial.response is not None
        ]
        assert rights == [False, True, False, True, True, False]
        for _, block in itertools.groupby(zip(kept, rights, strict=True), lambda p: p[0].block):
            before = list[bool]()
            for trial, is_right in block:
                assert trial.exposure_ms == next_exposure(RULE, before)
                assert trial.response is not None
                assert trial.response.first_ms > trial.exposure_ms - FRAME_MS
                before.append(is_right)
    assert requested == {
        (0, 0): 200, (1, 0): 220, (2, 0): 220, (2, 1): 220, (3, 0): 200, (4, 0): 200, (5, 0): 140,
    }  # fmt: skip
