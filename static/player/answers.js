/** The first answer after the buttons are there; what comes too early or again is only counted. */

const KEYS = { f: 0, arrowleft: 0, j: 1, arrowright: 1 };
const PLACES = { KeyF: "f", KeyJ: "j" }; // of the keys, where they bear no Latin letters

/**
 * Listen from before the buttons are shown.
 * @param {HTMLElement} stage its two buttons: F or ← presses the first, J or → the second
 * @returns offer(at): from this frame on an answer counts; given(): {answer, at} once there is one,
 *   at being the event's own timestamp in ms; stop(): {early, held}, the events that did not count
 */
export function listen(stage) {
  const buttons = stage.querySelectorAll("button[value]");
  const listening = new AbortController();
  const ignored = { early: 0, held: 0 };
  let offeredAt = Infinity;
  let given;

  const take = (event, button, again) => {
    if (again || given) ignored.held += 1;
    else if (event.timeStamp < offeredAt) ignored.early += 1;
    else if (button) given = { answer: button.value, at: event.timeStamp };
  };
  const takeKey = (event) => {
    const button = buttons[keyIndex(event)];
    if (!button) return;
    event.preventDefault(); // an arrow scrolls nothing
    take(event, button, event.repeat);
  };
  const takeClick = (event) => {
    if (event.target.closest("a")) return;
    take(event, event.target.closest("button[value]"), event.detail > 1); // a double click
  };
  const { signal } = listening;
  document.addEventListener("keydown", takeKey, { signal });
  stage.addEventListener("click", takeClick, { signal });
  return {
    offer: (at) => (offeredAt = at),
    given: () => given,
    stop() {
      listening.abort();
      return ignored;
    },
  };
}

/** @returns {number | undefined} which button; a shortcut such as Ctrl-F is the browser's */
function keyIndex(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return undefined;
  const key = event.key.toLowerCase();
  return KEYS[/^[a-z]$/.test(key) ? key : (PLACES[event.code] ?? key)];
}
