/** The answer to a trial: the first valid key press, click or touch after the buttons appear. */

const INDEX_BY_KEY = { f: 0, keyf: 0, arrowleft: 0, j: 1, keyj: 1, arrowright: 1 };

/**
 * Listen for inputs until one of them completes the answer. Call it before the buttons are shown, so
 * that early inputs are counted.
 * @param buttonOfKey the button that a key event stands for, or undefined
 * @param answerOf the answer that a press of a button completes, or undefined if it does not yet
 * @returns enableFrom(at): inputs count from this animation frame on; firstAnswer(): {answer, at,
 *   input}, or undefined until there is one, where at is the event's own timestamp;
 *   stop(): {early_inputs, repeated_inputs}, the numbers of ignored inputs
 */
export function listen(stage, { buttonOfKey, answerOf }) {
  const listening = new AbortController();
  const ignoredInputs = { early_inputs: 0, repeated_inputs: 0 };
  let enabledAt = Infinity;
  let firstAnswer;

  const handleInput = (event, button, isRepeat) => {
    if (isRepeat || firstAnswer) ignoredInputs.repeated_inputs += 1;
    else if (event.timeStamp < enabledAt) ignoredInputs.early_inputs += 1;
    else if (button && !button.disabled) {
      const answer = answerOf(button);
      const input = event.isTrusted ? event.pointerType || event.type : "script";
      if (answer) firstAnswer = { answer, at: event.timeStamp, input };
    }
  };
  const handleKey = (event) => {
    const button = buttonOfKey(event);
    if (!button) return;
    event.preventDefault(); // arrow keys must not scroll the page
    handleInput(event, button, event.repeat);
  };
  const handleClick = (event) => {
    if (event.target.closest("a, #scales, #skip-waits")) return;
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

/** Return whether a key is part of a combination such as Ctrl-F, which is left to the browser. */
export const isShortcut = ({ ctrlKey, altKey, metaKey }) => ctrlKey || altKey || metaKey;

/**
 * Return 0 for F or ←, 1 for J or →, or undefined for any other key. Keyboards without Latin letters
 * are read by the key's position.
 */
export function indexOfKey(event) {
  const name = /^[a-z]$/i.test(event.key) ? event.key : event.code;
  return isShortcut(event) ? undefined : INDEX_BY_KEY[name.toLowerCase()];
}
