"""Tests of what a browser keeps: it belongs to one participant of one study of one server."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from study_server.app import create_app
from study_server.recruitment.invitations import create_invitation
from study_server.storage.engine import read_session
from study_server.storage.models import Judgment, Participant, Response, Trial
from study_server.studies.lookup import find_study
from study_server.vocabulary import Mode, Outcome
from tests.browser.chromium import MISSING, find_whole_browser, required
from tests.browser.conftest import browser_arguments
from tests.browser.robot import build_robot, finish, halt, set_going
from tests.conftest import SECRET, LiveStudy, serve_study, served, short_protocol
from tests.imported_studies import open_study

pytestmark = pytest.mark.slow(30)

SHOWN = 7  # trials of the short study
DATABASES = "async () => (await indexedDB.databases()).map(({ name }) => name)"
BLOCK_COOKIES = {"profile": {"default_content_setting_values": {"cookies": 2}}}


@contextmanager
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """Open a fresh profile, in which several people may take part."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    yield context
    context.close()


def open_tab(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    build_robot(page)
    page.goto(address)
    return page


def agree(page: Page) -> None:
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take part").click()
    page.get_by_role("button", name=re.compile("Start")).wait_for()


def people(study: LiveStudy, slug: str | None = None) -> list[Participant]:
    with read_session(study.engine) as db:
        of_study = Participant.study_id == find_study(db, slug or study.slug).id
        return list(db.scalars(select(Participant).where(of_study).order_by(Participant.id)))


def answer_count(study: LiveStudy, participant: Participant) -> int:
    with read_session(study.engine) as db:
        own = select(Response).join(Trial).where(Trial.participant_id == participant.id)
        return len(db.scalars(own).all())


def test_two_people_take_part_one_after_the_other(browser: Browser, live_study: LiveStudy) -> None:
    with profile(browser) as context:
        page = open_tab(context, live_study.entry)
        agree(page)
        finish(page)
        halt(page)
        code = page.locator("#code").inner_text()
        assert page.evaluate(DATABASES) == []
        page.goto(live_study.entry)
        expect(page.get_by_role("heading", name="Someone has already taken part")).to_be_visible()
        assert code not in page.content()
        page.get_by_role("button", name="I am someone else").click()
        agree(page)
        finish(page)
        assert page.locator("#code").inner_text() != code
    first, second = people(live_study)
    assert [first.outcome, second.outcome] == [Outcome.COMPLETE] * 2
    assert [first.shared_browser, second.shared_browser] == [False, True]
    assert [answer_count(live_study, person) for person in (first, second)] == [SHOWN] * 2


def test_a_participant_continues_and_someone_else_does_not_resume_their_record(
    browser: Browser, live_study: LiveStudy
) -> None:
    with profile(browser) as context:
        page = open_tab(context, live_study.entry)
        agree(page)
        page.get_by_role("button", name="Start").click()
        page.locator("#stage[data-phase=choice]").wait_for()
        with page.expect_response("**/response"):
            page.keyboard.press("f")
        page.goto(live_study.entry)
        page.get_by_role("link", name="That was me: continue").click()
        expect(page.get_by_text("You have completed 1 of 7 trials")).to_be_visible()
        page.goto(live_study.entry)
        page.get_by_role("button", name="I am someone else").click()
        agree(page)
        assert len(people(live_study)) == 2


def test_someone_else_can_take_part_after_a_withdrawal(
    browser: Browser, live_study: LiveStudy
) -> None:
    with profile(browser) as context:
        page = open_tab(context, live_study.entry)
        agree(page)
        page.get_by_role("link", name="Withdraw and delete my data").click()
        page.get_by_role("button", name="Withdraw and delete my data").click()
        page.get_by_role("heading", name="Your data have been deleted").wait_for()
        page.wait_for_function(f"({DATABASES})().then((names) => names.length === 0)")
        page.goto(live_study.entry)
        expect(page.get_by_text("Nobody can take part twice")).to_be_visible()
        page.get_by_role("button", name="I am someone else").click()
        agree(page)


@contextmanager
def two_studies(folder: Path, manifest: Path) -> Iterator[tuple[LiveStudy, LiveStudy]]:
    """Serve two studies of one server."""
    protocol = short_protocol("short", practice=0, trials=7, attention_checks=0, prefetch=5)
    with serve_study(folder, manifest, protocol) as one:
        other = protocol.model_copy(update={"slug": "other"})
        slug = open_study(one.engine, other, manifest, folder / "instance")
        yield one, LiveStudy(one.address, slug, one.engine, one.app)


def test_answers_of_two_studies_in_two_tabs_survive_an_outage_and_reach_their_own_study(
    browser: Browser, tmp_path: Path, manifest: Path
) -> None:
    with two_studies(tmp_path, manifest) as studies, profile(browser) as context:
        tabs = []
        for study in studies:
            page = open_tab(context, study.entry)
            agree(page)
            page.get_by_role("button", name="Start").click()
            page.locator("#stage[data-phase=choice]").wait_for()
            page.wait_for_load_state("networkidle")
            tabs.append(page)
        context.set_offline(True)
        for page, key in zip(tabs, "fj", strict=True):
            page.bring_to_front()
            for number in (2, 3):
                page.keyboard.press(key)
                expect(page.locator("#trial-counter")).to_have_text(f"Pair {number} of 7")
                page.locator("#stage[data-phase=choice]").wait_for()
        assert [answer_count(study, *people(study)) for study in studies] == [0, 0]
        tabs[1].close()  # with two answers that only this participant's page may send
        context.set_offline(False)
        tabs[0].bring_to_front()
        finish(tabs[0])
        assert [answer_count(study, *people(study)) for study in studies] == [7, 0]
        own = open_tab(context, studies[1].entry)
        own.get_by_role("link", name="That was me: continue").click()
        expect(own.get_by_text("You have completed 2 of 7 trials")).to_be_visible()
        set_going(own, "j")
        own.wait_for_url("**/debrief")
        for study, answer in zip(studies, (0, 1), strict=True):
            (participant,) = people(study)
            assert participant.outcome is Outcome.COMPLETE
            with read_session(study.engine) as db:
                trials = select(Trial.id).where(Trial.participant_id == participant.id)
                own_answers = select(Judgment.slot).where(
                    Judgment.trial_id.in_(trials),
                    Judgment.value == 0,  # said to be the fake
                )
                assert set(db.scalars(own_answers)) == {answer}


def test_two_servers_on_one_host_do_not_forget_their_participants(
    browser: Browser, tmp_path: Path, manifest: Path, live_study: LiveStudy
) -> None:
    """Browsers send the cookies of a host to all of its ports."""
    (tmp_path / "other").mkdir()
    with serve_study(tmp_path / "other", manifest, short_protocol()) as study:
        settings = study.app.extensions["settings"]
        changed = settings.model_copy(update={"secret_key": f"another {SECRET}"})
        with served(create_app(changed, study.engine)) as address, profile(browser) as context:
            other = LiveStudy(address, study.slug, study.engine, study.app)
            for server in (live_study, other):
                agree(open_tab(context, server.entry))
            for server in (live_study, other):
                page = open_tab(context, server.entry)
                page.get_by_role("link", name="That was me: continue").click()
                page.get_by_role("button", name="Start practice").wait_for()
            assert [len(people(server)) for server in (live_study, other)] == [1, 1]


@contextmanager
def without_cookies(browser: Browser, folder: Path) -> Iterator[Page]:
    """Open a window of a Chromium that blocks all cookies, and with them all storage.

    The headless shell has no settings.
    """
    whole_browser = find_whole_browser()
    if whole_browser is None:
        pytest.fail(MISSING) if required() else pytest.skip(MISSING)
    settings = folder / "Default" / "Preferences"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(BLOCK_COOKIES))
    context = browser.browser_type.launch_persistent_context(
        folder, executable_path=whole_browser, args=browser_arguments()
    )
    context.set_default_timeout(15_000)
    yield context.pages[0]
    context.close()


@pytest.mark.parametrize("query", ["", "?PROLIFIC_PID=a1"])
def test_blocked_cookies_are_explained_before_consent(
    query: str, browser: Browser, tmp_path: Path, live_study: LiveStudy
) -> None:
    with without_cookies(browser, tmp_path / "profile") as page:
        page.goto(live_study.entry + query)
        expect(page.get_by_role("heading", name="This study needs a cookie")).to_be_visible()
        expect(page.get_by_text("Please allow cookies for this site")).to_be_visible()
        expect(page.get_by_role("checkbox")).to_be_hidden()
    assert people(live_study) == []


def test_an_invitation_needs_no_cookie_and_no_storage(
    browser: Browser, tmp_path: Path, live_study: LiveStudy
) -> None:
    invitation = create_invitation(SECRET, live_study.slug, Mode.LIVE, "one")
    with without_cookies(browser, tmp_path / "profile") as page:
        page.goto(f"{live_study.entry}?invitation={invitation}")
        agree(page)
        page.locator("section:visible button.button-primary").click()
        for number in range(SHOWN):
            if number == 2:
                page.locator("#break button").click()
            page.locator("#stage[data-phase=choice]").wait_for()
            with page.expect_response("**/response"):
                page.keyboard.press("f")
        page.wait_for_url("**/debrief")
    assert [person.outcome for person in people(live_study)] == [Outcome.COMPLETE]
