/** The answer to a trial: the first valid key press, click or touch after the buttons appear. */

const SLOT_BY_KEY = { f: 0, keyf: 0, arrowleft: 0, j: 1, keyj: 1, arrowright: 1 };

/**
 * Listen for the answer. Call it before the buttons are shown, so that early inputs are counted.
 * F or ← answers with the stage's first button, J or → with the second.
 * @returns enableFrom(at): inputs count from this animation frame on; firstAnswer(): {value, at, input}, or
 *   undefined until there is one, where value is the button's and at the event's own timestamp;
 *   stop(): {early_inputs, repeated_inputs}, the numbers of ignored inputs
 */
export function listenForAnswer(stage) {
  const buttons = stage.querySelectorAll("button[value]");
  const listening = new AbortController();
  const ignoredInputs = { early_inputs: 0, repeated_inputs: 0 };
  let enabledAt = Infinity;
  let firstAnswer;

  const handleInput = (event, button, isRepeat) => {
    if (isRepeat || firstAnswer) ignoredInputs.repeated_inputs += 1;
    else if (event.timeStamp < enabledAt) ignoredInputs.early_inputs += 1;
    else if (button) {
      const input = event.isTrusted ? event.pointerType || event.type : "script";
      firstAnswer = { value: button.value, at: event.timeStamp, input };
    }
  };
  const handleKey = (event) => {
    const button = buttons[slotOfKey(event)];
    if (!button) return;
    event.preventDefault(); // arrow keys must not scroll the page
    handleInput(event, button, event.repeat);
  };
  const handleClick = (event) => {
    if (event.target.closest("a")) return;
    const isDoubleClick = event.detail > 1;
    handleInput(event, event.target.closest("button[value]"), isDoubleClick);
  };
  const { signal } = listening;
  document.addEventListener("keydown", handleKey, { signal });
  stage.addEventListener("click", handleClick, { signal });
  return {
    enableFrom: (at) => (enabledAt = at),
    firstAnswer: () => firstAnswer,
    stop() {
      listening.abort();
      return ignoredInputs;
    },
  };
}

/**
 * Return 0 or 1, or undefined for any other key. Keyboards without Latin letters are read by the
 * key's position. Combinations such as Ctrl-F are left to the browser.
 */
function slotOfKey({ key, code, ctrlKey, altKey, metaKey }) {
  const name = /^[a-z]$/i.test(key) ? key : code;
  return ctrlKey || altKey || metaKey ? undefined : SLOT_BY_KEY[name.toLowerCase()];
}
