/** Noise that ends what the eye still holds of an image when it is gone. */

const BLOCK_PX = 8;

/** A canvas for an image's place, each block of it a pixel. */
export function makeMask({ naturalWidth, naturalHeight }) {
  const mask = document.createElement("canvas");
  mask.width = Math.ceil(naturalWidth / BLOCK_PX);
  mask.height = Math.ceil(naturalHeight / BLOCK_PX);
  return mask;
}

/** Fill it with blocks of random colors: other ones each time. */
export function scramble(mask) {
  const context = mask.getContext("2d");
  const noise = context.createImageData(mask.width, mask.height);
  noise.data.forEach((_, index, bytes) => {
    bytes[index] = index % 4 === 3 ? 255 : 256 * Math.random();
  });
  context.putImageData(noise, 0, 0);
}
