"""Fixtures of browser tests: one Chromium for all, a window with a fresh profile for each."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.chromium import MISSING, find_chromium, required


def browser_arguments() -> list[str]:
    """Return the options of Chromium's command line."""
    arguments = [
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-features=LocalNetworkAccessChecks",  # MTurk's stand-in frames a local server
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses to run as root with one
    return arguments


@contextmanager
def launch() -> Iterator[Browser]:
    """Launch the machine's Chromium. Raises FileNotFoundError if there is none."""
    executable = find_chromium()
    if executable is None:
        raise FileNotFoundError(MISSING)
    with sync_playwright() as playwright:
        is_own = str(executable) == playwright.chromium.executable_path
        browser = playwright.chromium.launch(
            executable_path=None if is_own else executable,  # None: Playwright's headless shell
            args=browser_arguments(),
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.fail(MISSING) if required() else pytest.skip(MISSING)
    with launch() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _close_windows(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close the windows that a test leaves open, whose pages would go on working beside others."""
    if "browser" not in request.fixturenames:
        yield
        return
    browser: Browser = request.getfixturevalue("browser")
    before = set(browser.contexts)
    yield
    for context in set(browser.contexts) - before:
        context.close()


@contextmanager
def window(browser: Browser, bypass_csp: bool = False) -> Iterator[Page]:
    """Open a 1280 x 800 window; fail on script errors and violations of the security policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, bypass_csp=bypass_csp)
    page = context.new_page()
    page.set_default_timeout(15_000)
    faults: list[str] = []

    def note_violation(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", note_violation)
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with window(browser) as page:
        yield page
