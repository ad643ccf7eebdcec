/** What the scripts say: the page carries the texts in its language (study_server/player_words.py). */

const words = JSON.parse(document.querySelector("#words").textContent);

/** @param {object} values for the text's {blanks} @returns {string} */
export function text(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, blank) => values[blank]);
}
