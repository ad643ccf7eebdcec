"""The check that a page can be used by everybody and on a small screen."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def require_accessible(page: Page) -> None:
    """Require that axe finds nothing, and that the page does not scroll sideways."""
    violations = Axe().run(page).response["violations"]
    assert [violation["id"] for violation in violations] == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
