/** The player's texts in the page's language: study_server/wording/player_texts.py. */

const texts = JSON.parse(document.querySelector("#player-texts").textContent);

/** Return a text with its {placeholders} filled in. */
export function formatText(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (_, placeholder) => values[placeholder]);
}
