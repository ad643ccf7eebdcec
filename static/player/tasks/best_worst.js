/** Best and worst: choose the best image, then the worst. */

import { listen } from "../trial/answers.js";
import { formatText } from "../texts.js";
import { candidateOfKey, markCandidate, resetCandidates } from "./candidates.js";

/** Listen for the answer. The best image, chosen again, is no longer the best. */
export function listenForAnswer(stage) {
  const candidates = resetCandidates(stage);
  const status = stage.querySelector("#task-status");
  let best;

  const mark = () => {
    for (const button of candidates) {
      const number = String(Number(button.value) + 1);
      const isBest = button === best;
      markCandidate(button, isBest ? `${number}: ${formatText("best")}` : number, isBest);
    }
    status.textContent = formatText(best ? "choose_worst" : "choose_best");
  };
  mark();
  return listen(stage, {
    buttonOfKey: (event) => candidateOfKey(event, candidates),
    answerOf: (button) => {
      if (best && button !== best) {
        return { best: Number(best.value), worst: Number(button.value) };
      }
      best = button === best ? undefined : button;
      mark();
      return undefined;
    },
  });
}
