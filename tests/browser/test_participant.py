"""Tests of a whole participation with the real server, in a browser and in the database."""

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from study_server.storage.engine import read_session
from study_server.storage.models import Environment, Participant, Response, Trial
from study_server.vocabulary import Outcome, TrialKind
from tests.browser.lone_player import WITNESS
from tests.conftest import LiveStudy
from tests.study_server.acting import fake_slot

pytestmark = pytest.mark.slow(15)

FEEDBACK = "window.seen.filter((step) => step.phase === 'feedback')"
PRACTICE, SHOWN = 2, 7  # of the short study: 2 practice, 4 test, 1 attention checks


def agree(page: Page, study: LiveStudy) -> None:
    page.goto(study.entry)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take part").click()


def wait_for_buttons(page: Page) -> None:
    page.locator("#stage[data-phase=choice]").wait_for()


SIDES = ("left", "right")


def go_on(page: Page, button: str) -> None:
    expect(page.get_by_role("button", name=button)).to_be_focused()
    page.keyboard.press("Enter")


def finish_by_keyboard(page: Page, answered: int = 0) -> None:
    """Answer the remaining pairs by keyboard, with the break after practice."""
    for number in range(answered, SHOWN):
        if number == PRACTICE:
            go_on(page, "Continue")
        wait_for_buttons(page)
        with page.expect_response("**/response"):
            page.keyboard.press("f")
    page.wait_for_url("**/debrief")


def preferred(response: Response) -> int:
    """Return the slot that was said to be the fake."""
    return [one.value for one in response.judgments].index(0)


def test_every_answer_of_a_whole_study_is_in_the_database(
    page: Page, live_study: LiveStudy
) -> None:
    page.add_init_script(WITNESS)
    page.goto(live_study.address)
    page.get_by_role("link", name="fake colors").click()
    agree(page, live_study)
    page.get_by_role("button", name="Start practice").click()
    chosen = [0 if number % 3 else 1 for number in range(SHOWN)]
    for number, slot in enumerate(chosen):
        if number == PRACTICE:
            page.get_by_text("From now on there is no feedback").wait_for()
            questions = [step["question"] for step in page.evaluate(FEEDBACK)]
            page.get_by_role("button", name="Continue").click()
        wait_for_buttons(page)
        page.get_by_role("button", name=SIDES[slot].capitalize()).click()
    page.wait_for_url("**/debrief")

    with read_session(live_study.engine) as db:
        trials = db.scalars(select(Trial).order_by(Trial.place)).all()
        responses = db.scalars(select(Response).join(Trial).order_by(Trial.place)).all()
        environment = db.scalars(select(Environment)).one()
        outcome = db.scalars(select(Participant.outcome)).one()
        assert [preferred(response) for response in responses] == chosen
        fake_slots = [fake_slot(trial) for trial in trials]
    assert [trial.id for trial in trials] == [response.trial_id for response in responses]
    assert [trial.kind for trial in trials].count(TrialKind.PRACTICE) == PRACTICE
    right = [slot == fake for slot, fake in zip(chosen, fake_slots, strict=True)]
    verdicts = ["Correct" if is_right else "Incorrect" for is_right in right[:PRACTICE]]
    fakes = [SIDES[slot or 0] for slot in fake_slots[:PRACTICE]]
    assert questions == [
        f"{verdict}: the {side} image is the fake."
        for verdict, side in zip(verdicts, fakes, strict=True)
    ]
    assert outcome is Outcome.COMPLETE
    assert environment.viewport == "1280x800"

    answered = zip(trials, right, strict=True)
    correct = [is_right for trial, is_right in answered if trial.kind is TrialKind.TEST]
    score = re.compile(rf"^\s*{sum(correct)}\s+of\s+{len(correct)}\s*$")
    expect(page.locator(".score-value")).to_have_text(score)
    expect(page.locator("#code")).to_have_text(re.compile(r"^\w{6,}$"))


def test_the_keyboard_alone_is_enough(page: Page, live_study: LiveStudy) -> None:
    page.goto(live_study.entry)
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    go_on(page, "Start practice")
    finish_by_keyboard(page)
    page.get_by_label("Comments").focus()
    page.keyboard.type("The sky gave it away.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your comment has been saved.")).to_be_visible()
    with read_session(live_study.engine) as db:
        assert [preferred(one) for one in db.scalars(select(Response))] == [0] * SHOWN
        assert db.scalars(select(Participant.comment)).one() == "The sky gave it away."


def test_a_reload_during_a_pair_continues_with_another_pair(
    page: Page, live_study: LiveStudy
) -> None:
    agree(page, live_study)
    page.get_by_role("button", name="Start practice").click()
    wait_for_buttons(page)
    page.keyboard.press("j")
    page.get_by_text("Practice pair 2 of 2").wait_for()
    wait_for_buttons(page)
    page.reload()
    expect(page.get_by_text("You have completed 1 of 7 trials")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    finish_by_keyboard(page, answered=1)
    with read_session(live_study.engine) as db:
        voided = db.scalars(select(Trial).where(Trial.voided)).one()
        assert (voided.place, voided.response) == (1, None)
        assert db.scalar(select(func.count()).select_from(Response)) == SHOWN
        assert db.scalars(select(Participant.outcome)).one() is Outcome.COMPLETE


def test_consent_requires_the_checkbox(page: Page, live_study: LiveStudy) -> None:
    page.goto(live_study.entry)
    page.get_by_role("button", name="Take part").click()
    assert page.get_by_role("checkbox").evaluate("box => box.validity.valueMissing")
    page.locator("form").evaluate("form => form.submit()")  # past the browser's own check
    page.get_by_text("We need your consent").wait_for()
    with read_session(live_study.engine) as db:
        assert db.scalars(select(Participant)).all() == []
