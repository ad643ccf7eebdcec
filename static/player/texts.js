/** What the scripts say, in the page's language: study_server/wording/player_texts.py. */

const words = JSON.parse(document.querySelector("#words").textContent);

/** A text with values in its {blanks}. */
export function text(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, blank) => values[blank]);
}
