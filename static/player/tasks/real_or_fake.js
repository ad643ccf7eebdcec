/** Real or fake: the answer of a button, and the feedback to it. */

const SLOT_BY_VALUE = { left: 0, right: 1 };

/** Return the answer that a button stands for: a slot of a pair, or fake or real. */
export function answerOf(value) {
  return value in SLOT_BY_VALUE ? { choice: SLOT_BY_VALUE[value] } : { verdict: value };
}
