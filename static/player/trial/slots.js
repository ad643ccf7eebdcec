/** The slots of a trial: places on the stage, numbered from 0 on the left. */

/** Return the id of each candidate's slot in the document, by number. */
export function slotNames({ slots }) {
  if (document.querySelector("#candidates")) return slots.map((_, slot) => `slot-${slot}`);
  return slots.length === 1 ? ["center"] : ["left", "right"];
}

/** Return {slot, name, url, isReference} of a trial's images, in the order in which they are shown. */
export function imagesInOrder(trial) {
  const names = slotNames(trial);
  const candidates = trial.slots
    .map(({ image, appears }, slot) => ({ slot, name: names[slot], url: image, appears, isReference: false }))
    .sort((a, b) => a.appears - b.appears);
  if (!trial.reference) return candidates;
  const slot = trial.slots.length;
  return [...candidates, { slot, name: "reference", url: trial.reference, isReference: true }];
}
