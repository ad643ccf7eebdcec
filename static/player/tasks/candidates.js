/** The buttons of candidates, which the tasks share that compare images. */

import { indexOfKey, isShortcut } from "../trial/answers.js";

/** Return the candidates' buttons, without marks from an earlier trial. */
export function resetCandidates(stage) {
  const candidates = [...stage.querySelectorAll("button.candidate")];
  candidates.forEach((button, slot) => markCandidate(button, String(slot + 1), false));
  return candidates;
}

/** Show a label on a candidate, and whether it has been chosen. */
export function markCandidate(button, label, isChosen) {
  button.dataset.name ??= button.getAttribute("aria-label"); // Image 1 of 4
  button.querySelector(".candidate-label").textContent = label;
  button.setAttribute("aria-label", isChosen ? `${button.dataset.name}, ${label}` : button.dataset.name);
  button.setAttribute("aria-pressed", isChosen);
}

/** Return the candidate of a key: its number, or for two of them F or ←, J or →. */
export function candidateOfKey(event, candidates) {
  if (isShortcut(event)) return undefined;
  if (/^[1-9]$/.test(event.key)) return candidates[event.key - 1];
  return candidates.length === 2 ? candidates[indexOfKey(event)] : undefined;
}
