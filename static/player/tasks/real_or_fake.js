/** Real or fake: choose an image of a pair, or say what a single one is. */

import { indexOfKey, listen } from "../trial/answers.js";

const SLOT_BY_VALUE = { left: 0, right: 1 };

/** Listen for the answer. F or ← answers with the stage's first button, J or → with the second. */
export function listenForAnswer(stage) {
  const buttons = stage.querySelectorAll("button[value]");
  return listen(stage, {
    buttonOfKey: (event) => buttons[indexOfKey(event)],
    answerOf: ({ value }) =>
      value in SLOT_BY_VALUE ? { choice: SLOT_BY_VALUE[value] } : { verdict: value },
  });
}
