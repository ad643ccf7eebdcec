/** Ranking: choose all images one after the other, the best first. */

import { listen } from "../trial/answers.js";
import { formatText } from "../texts.js";
import { candidateOfKey, markCandidate, resetCandidates } from "./candidates.js";

/** Listen for the answer. Undo, or Backspace, takes back the last choice. */
export function listenForAnswer(stage) {
  const candidates = resetCandidates(stage);
  const status = stage.querySelector("#task-status");
  const undo = stage.querySelector("button[value=undo]");
  const done = stage.querySelector("button[value=done]");
  const order = [];

  const mark = () => {
    for (const button of candidates) {
      const rank = order.indexOf(button) + 1;
      const label = rank ? formatText("rank", { rank }) : String(Number(button.value) + 1);
      markCandidate(button, label, rank > 0);
    }
    const isComplete = order.length === candidates.length;
    status.textContent = formatText(isComplete ? "order_complete" : "choose_next");
    undo.disabled = !order.length;
    done.disabled = !isComplete;
    if (isComplete) done.focus({ preventScroll: true }); // so that Enter answers
  };
  mark();
  return listen(stage, {
    buttonOfKey: (event) =>
      event.key === "Backspace" ? undo : candidateOfKey(event, candidates),
    answerOf: (button) => {
      if (button === done) return { order: order.map(({ value }) => Number(value)) };
      if (button === undo) order.pop();
      else if (!order.includes(button)) order.push(button);
      mark();
      return undefined;
    },
  });
}
