/** Images fetched and decoded ahead of their trial: a late image would be seen for less. */

const MOST_DECODINGS = 3; // of a file that comes broken

/** An image that cannot be shown. status: of the server's reply; null where what came is no image. */
export class Missing extends Error {
  constructor(place, status) {
    super(`no image: ${place}`);
    this.incident = { place, status };
  }
}

/**
 * @param {(url: string) => Promise<Blob>} fetchImage
 * @returns prepare(trials): begin on these, one trial after the other, and forget all others;
 *   images(trial): those of a trial, decoded, once they are there
 */
export function preloader(fetchImage) {
  let sets = new Map();
  let last = Promise.resolve();

  const fetchSet = ({ token, images }) => {
    const fetchAll = () => Promise.all(images.map((image) => fetchDecoded(fetchImage, image)));
    const set = last.then(fetchAll); // all at once, the first trial would wait for the last image
    last = set.catch(() => sets.delete(token)); // it matters when the trial's turn comes, not before
    return set;
  };
  return {
    prepare(trials) {
      sets = new Map(trials.map((trial) => [trial.token, sets.get(trial.token) ?? fetchSet(trial)]));
    },
    images: (trial) => sets.get(trial.token) ?? fetchSet(trial),
  };
}

/** @throws {Missing} when it is not to be had */
async function fetchDecoded(fetchImage, { place, url }) {
  for (let tries = 1; ; tries += 1) {
    const file = await fetchImage(url).catch(({ status }) => {
      throw new Missing(place, status);
    });
    const address = URL.createObjectURL(file);
    try {
      return await decoded(address);
    } catch {
      if (tries === MOST_DECODINGS) throw new Missing(place, null);
    } finally {
      URL.revokeObjectURL(address);
    }
  }
}

async function decoded(address) {
  const image = new Image();
  image.decoding = "sync"; // painted with the frame that shows it, never later
  image.src = address;
  await image.decode();
  return image;
}
