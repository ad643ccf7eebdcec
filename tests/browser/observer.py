"""An independent observer in the page, which records what each frame shows.

The observer's callback runs last in a frame, so it sees what the frame paints: it is requested in a
task after the previous frame, later than any callback that the page requests in a frame. That task
also records the time, because the page has painted by then, however late the frame began.
"""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from playwright.sync_api import CDPSession, Page

OBSERVER = """
window.observed = []; // a row a change: what is seen from then on, the longest gap of frames in it
(() => {
  let before = performance.now();
  let row = { gapMs: 0 };
  const channel = new MessageChannel();
  const isSeen = (element) =>
    element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
    (element.tagName !== "IMG" || (element.complete && element.naturalWidth > 0));
  const name = (element) =>
    element.tagName === "IMG" ? element.closest("#left, #right, #center").id : "buttons";
  const look = (frame) => {
    const seen = [...document.querySelectorAll("img, button[value]")].filter(isSeen).map(name);
    const shown = [...new Set(seen)].join("+");
    channel.port2.postMessage({ frame, shown });
  };
  channel.port1.onmessage = ({ data: { frame, shown } }) => {
    const at = performance.now();
    row.gapMs = Math.max(row.gapMs, at - before);
    before = at;
    if (shown !== row.shown) window.observed.push((row = { frame, at, shown, gapMs: 0 }));
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
# Blocks the page for 50 ms in the middle of the first exposure of every other trial.
STALLS = """
window.stalls = 0;
(() => {
  let exposures = 0;
  const stall = () => {
    const until = performance.now() + 50;
    while (performance.now() < until);
    window.stalls += 1;
  };
  document.addEventListener("DOMContentLoaded", () => {
    const stage = document.querySelector("#stage");
    if (!stage) return;
    new MutationObserver(() => {
      if (stage.dataset.phase !== "image") return;
      exposures += 1;
      if (exposures % 4 === 1) setTimeout(stall, 80);
    }).observe(stage, { attributeFilter: ["data-phase"] });
  });
})();
"""


@dataclass(frozen=True)
class Exposure:
    """An observed exposure: its start, its duration, and the longest time without a new frame.

    frames_ms: the duration between the timestamps of the frames that showed and removed it.
    """

    place: str
    at: float
    ms: float
    frames_ms: float
    gap_ms: float


def exposures(observed: Iterable[dict[str, Any]]) -> list[Exposure]:
    """Return the exposures of all images that appeared and disappeared."""
    return [
        Exposure(
            row["shown"],
            row["at"],
            following["at"] - row["at"],
            following["frame"] - row["frame"],
            row["gapMs"],
        )
        for row, following in pairwise(observed)
        if row["shown"] in ("left", "right", "center")
    ]


def buttons_shown(observed: Iterable[dict[str, Any]]) -> list[float]:
    """Return the timestamps of the frames that showed the buttons."""
    return [row["frame"] for row in observed if row["shown"] == "buttons"]


def click_at_a_known_time(page: Page, cdp: CDPSession, name: str, rng: random.Random) -> float:
    """Click through the browser's input and return the time of the click, in ms of the page."""
    page.wait_for_timeout(rng.uniform(50, 400))
    box = page.get_by_role("button", name=name).bounding_box()
    assert box is not None
    where = {"x": box["x"] + 20, "y": box["y"] + 20, "button": "left", "clickCount": 1}
    moment = time.time()
    for kind in ("mousePressed", "mouseReleased"):
        cdp.send("Input.dispatchMouseEvent", {"type": kind, "timestamp": moment, **where})
    origin: float = page.evaluate("performance.timeOrigin")
    return 1000 * moment - origin
