/** Preference: choose the best image, or call them equal. */

import { listen } from "../trial/answers.js";
import { candidateOfKey, resetCandidates } from "./candidates.js";

/** Listen for the answer: a candidate, its key, or 0 for a tie. */
export function listenForAnswer(stage) {
  const candidates = resetCandidates(stage);
  const tie = stage.querySelector("button[value=tie]");
  return listen(stage, {
    buttonOfKey: (event) =>
      event.key === "0" ? tie : candidateOfKey(event, candidates),
    answerOf: ({ value }) => ({ choice: value === "tie" ? value : Number(value) }),
  });
}
