/** Noise masks, which end visual persistence after an image (backward masking). */

const BLOCK_PX = 8;

/** Create a canvas that covers an image; each of its pixels is shown as one block of the noise. */
export function createMask({ naturalWidth, naturalHeight }) {
  const mask = document.createElement("canvas");
  mask.width = Math.ceil(naturalWidth / BLOCK_PX);
  mask.height = Math.ceil(naturalHeight / BLOCK_PX);
  return mask;
}

/** Fill a mask with random colors, different ones each time. */
export function fillWithNoise(mask) {
  const context = mask.getContext("2d");
  const noise = context.createImageData(mask.width, mask.height);
  noise.data.forEach((_, index, bytes) => {
    bytes[index] = index % 4 === 3 ? 255 : 256 * Math.random();
  });
  context.putImageData(noise, 0, 0);
}
