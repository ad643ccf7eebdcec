/** Images fetched and decoded ahead of their trial: a late image would be seen for less. */

/** An image that is not to be had. status: of the server's reply, where that is why. */
export class Missing extends Error {
  constructor(place, status = null) {
    super(`no image: ${place}`);
    this.incident = { place, status };
  }
}

/**
 * @returns prepare(trials): begin on these in turn, and forget all others;
 *   images(trial): those of a trial, once they are there, else Missing
 */
export function preloader(fetchImage) {
  let sets = new Map();
  let last = Promise.resolve();

  const fetchOne = ({ place, url }) =>
    fetchImage(url).catch(({ status }) => {
      throw new Missing(place, status);
    });
  const fetchSet = ({ token, images }) => {
    const set = last.then(() => Promise.all(images.map(fetchOne)));
    last = set.catch(() => sets.delete(token)); // it matters in the trial's turn
    return set;
  };
  return {
    prepare(trials) {
      sets = new Map(trials.map((trial) => [trial.token, sets.get(trial.token) ?? fetchSet(trial)]));
    },
    images: (trial) => sets.get(trial.token) ?? fetchSet(trial),
  };
}
