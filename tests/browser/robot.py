"""Somebody who goes on by themselves, in the page: presses its buttons and answers every trial."""

from playwright.sync_api import Page

# Acts on what the page shows, once it may: in every tab whose sessionStorage says so.
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
    """To be there before the page loads."""
    page.add_init_script(ROBOT)


def set_going(page: Page, key: str = "f") -> None:
    """From now on the robot goes on, through reloads too."""
    page.evaluate("(key) => { sessionStorage.robot = key; window.act?.(); }", key)


def halt(page: Page) -> None:
    page.evaluate("sessionStorage.removeItem('robot')")


def finish(page: Page, seconds: float = 60) -> None:
    """Let the robot go on to the debriefing."""
    set_going(page)
    page.wait_for_url("**/debrief", timeout=1000 * seconds)
