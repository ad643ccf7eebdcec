"""Sees to it that a Chromium is there for the browser tests: `python -m tests.browser.chromium`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "no Chromium: install the package chromium or run `.venv/bin/playwright install chromium`; "
    "the browser tests are skipped without it"
)
WAYS = (
    ((sys.executable, "-m", "playwright", "install", "chromium"),),
    (("apt-get", "update"), ("apt-get", "install", "-y", "chromium")),
)


def find_chromium() -> Path | None:
    """The system's browser, else Playwright's own, else None."""
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


def install_chromium() -> Path | None:
    """Try one way after the other; the browser found at the end, if any."""
    for way in WAYS:
        if way[0][0] == "apt-get" and not (os.geteuid() == 0 and shutil.which("apt-get")):
            continue
        if all(subprocess.run(command, stdout=sys.stderr).returncode == 0 for command in way) and (
            found := find_chromium()
        ):
            return found
    return None


def main() -> int:
    """0 when there is one; without one 0 too, as tests then skip, but 1 under CI=true."""
    if find_chromium() or install_chromium():
        return 0
    print(MISSING, file=sys.stderr)
    return int(required())


def required() -> bool:
    """Continuous integration must not pass for want of a browser."""
    return os.environ.get("CI") == "true"


if __name__ == "__main__":
    sys.exit(main())
