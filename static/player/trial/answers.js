/** The first answer after the buttons are there; what comes too early or again is only counted. */

const KEYS = { f: 0, keyf: 0, arrowleft: 0, j: 1, keyj: 1, arrowright: 1 };

/**
 * Listen, before the buttons are shown: F or ← presses the stage's first, J or → its second.
 * @returns offer(at): from this frame on an answer counts; given(): {answer, at, input}, once there
 *   is one, at the event's own timestamp; stop(): {early, held}, how many events did not count
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
    else if (button) {
      const input = event.isTrusted ? event.pointerType || event.type : "script";
      given = { answer: button.value, at: event.timeStamp, input };
    }
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

/** By a key's letter, or its place in other scripts; Ctrl-F and its like are the browser's. */
function keyIndex({ key, code, ctrlKey, altKey, metaKey }) {
  const name = /^[a-z]$/i.test(key) ? key : code;
  return ctrlKey || altKey || metaKey ? undefined : KEYS[name.toLowerCase()];
}
