/** Fetch and decode images before their trial starts. An image that loads late would be shown too briefly. */

import { imagesInOrder } from "../trial/slots.js";

/** An image that could not be loaded. status: of the server's reply, or null if it is no image. */
export class ImageUnavailableError extends Error {
  constructor(slot, status = null) {
    super(`image unavailable: ${slot}`);
    this.incident = { slot, status };
  }
}

/**
 * @returns preload(trials): start loading these trials' images in order, and forget all others;
 *   images(trial): a promise of the trial's images in the order shown; rejects with ImageUnavailableError
 */
export function createPreloader(fetchImage) {
  let imagesByToken = new Map();
  let last = Promise.resolve();

  const fetchTrialImage = ({ slot, url }) =>
    fetchImage(url).catch(({ status }) => {
      throw new ImageUnavailableError(slot, status);
    });
  const fetchTrialImages = (trial) => {
    const loading = last.then(() => Promise.all(imagesInOrder(trial).map(fetchTrialImage)));
    last = loading.catch(() => imagesByToken.delete(trial.token)); // loaded again when the trial starts
    return loading;
  };
  return {
    preload(trials) {
      imagesByToken = new Map(
        trials.map((trial) => [
          trial.token,
          imagesByToken.get(trial.token) ?? fetchTrialImages(trial),
        ]),
      );
    },
    images: (trial) => imagesByToken.get(trial.token) ?? fetchTrialImages(trial),
  };
}
