"""Find or install Chromium for the browser tests: `python -m tests.browser.chromium`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SHELL = "chromium-headless-shell"  # with it, tests take two fifths less CPU time
NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "no Chromium: install the package chromium or run `.venv/bin/playwright install chromium`; "
    "the browser tests are skipped without it"
)
WAYS = (
    ((sys.executable, "-m", "playwright", "install", "chromium"),),
    (("apt-get", "update"), ("apt-get", "install", "-y", "chromium", SHELL)),
    (("apt-get", "install", "-y", "chromium"),),
)


def find_chromium() -> Path | None:
    """Return the system's headless shell, or else a whole browser, or else None."""
    shell = shutil.which(SHELL)
    return Path(shell) if shell else find_whole_browser()


def find_whole_browser() -> Path | None:
    """Return the system's browser, which has settings of its own, or else Playwright's, or None."""
    for name in NAMES:
        if browser := shutil.which(name):
            return Path(browser)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


def install_chromium() -> Path | None:
    """Try all ways to install Chromium; return its path, or None if all fail."""
    for way in WAYS:
        if way[0][0] == "apt-get" and not (os.geteuid() == 0 and shutil.which("apt-get")):
            continue
        if all(subprocess.run(command, stdout=sys.stderr).returncode == 0 for command in way) and (
            browser := find_whole_browser()
        ):
            return browser
    return None


def main() -> int:
    """Return 1 if there is no browser and CI=true, else 0, because the tests can be skipped."""
    if find_whole_browser() or install_chromium():
        return 0
    print(MISSING, file=sys.stderr)
    return int(required())


def required() -> bool:
    """Return True in continuous integration, which must not pass without a browser."""
    return os.environ.get("CI") == "true"


if __name__ == "__main__":
    sys.exit(main())
