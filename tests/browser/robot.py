"""A script in the page that presses its buttons and answers every trial."""

from playwright.sync_api import Page

# Acts on what the page shows, in every tab whose sessionStorage enables it.
ROBOT = """
document.addEventListener("DOMContentLoaded", () => {
  const stage = document.querySelector("#stage");
  if (!stage) return;
  const act = () => {
    const { page } = document.body.dataset;
    if (!sessionStorage.robot || page === "failed") return;
    if (page !== "stage") document.querySelector(`#${page} button:enabled`)?.click();
    else if (stage.dataset.phase === "choice") {
      document.dispatchEvent(new KeyboardEvent("keydown", { key: sessionStorage.robot }));
    }
  };
  window.act = act;
  new MutationObserver(() => setTimeout(act, 20)).observe(document.body, {
    subtree: true, attributeFilter: ["data-phase", "data-page", "disabled"],
  });
});
"""


def build_robot(page: Page) -> None:
    """Add the robot to the page; call this before the page loads."""
    page.add_init_script(ROBOT)


def set_going(page: Page, key: str = "f") -> None:
    """Start the robot; it keeps running after reloads."""
    page.evaluate("(key) => { sessionStorage.robot = key; window.act?.(); }", key)


def halt(page: Page) -> None:
    page.evaluate("sessionStorage.removeItem('robot')")


def finish(page: Page, seconds: float = 60) -> None:
    """Run the robot to the debriefing."""
    set_going(page)
    page.wait_for_url("**/debrief", timeout=1000 * seconds)
