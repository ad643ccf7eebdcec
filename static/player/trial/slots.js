/** The slots of a trial: places on the stage, numbered from 0 on the left. */

/** Return the name of each slot in the document, by number. */
export const slotNames = ({ slots }) => (slots.length === 1 ? ["center"] : ["left", "right"]);

/** Return {slot, name, url} of a trial's images, in the order in which they are shown. */
export function imagesInOrder(trial) {
  const names = slotNames(trial);
  return trial.slots
    .map(({ image, appears }, slot) => ({ slot, name: names[slot], url: image, appears }))
    .sort((a, b) => a.appears - b.appears);
}
