/** Images fetched and decoded ahead of their trial: a late image would be seen for less. */

import { text } from "./words.js";

/**
 * @param {(url: string) => Promise<Blob>} fetchImage
 * @returns prepare(trials): begin on these and forget all others;
 *   pair(trial): its two images, decoded, once they are there
 */
export function preloader(fetchImage) {
  let pairs = new Map();

  const fetchPair = (trial) => {
    const pair = Promise.all(
      trial.images.map(({ place, url }) => fetchDecoded(fetchImage, url, text(`${place}_image`))),
    );
    pair.catch(() => pairs.delete(trial.token)); // it matters when the pair's turn comes, not before
    return pair;
  };
  return {
    prepare(trials) {
      pairs = new Map(trials.map((trial) => [trial.token, pairs.get(trial.token) ?? fetchPair(trial)]));
    },
    pair: (trial) => pairs.get(trial.token) ?? fetchPair(trial),
  };
}

async function fetchDecoded(fetchImage, url, alt) {
  const image = new Image();
  image.alt = alt; // the same words whatever it shows
  image.decoding = "sync"; // painted with the frame that shows it, never later
  const address = URL.createObjectURL(await fetchImage(url));
  try {
    image.src = address;
    await image.decode();
  } finally {
    URL.revokeObjectURL(address);
  }
  return image;
}
