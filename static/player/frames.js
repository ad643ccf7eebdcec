/**
 * Time in animation frames. A change made inside a frame's callback is painted by that frame,
 * so the frame's own timestamp says when; a timer says only when it was asked for.
 */

const MOST_FRAMES = 2; // a longer gap between two frames is a slow frame

/** Wait for the next animation frame. @returns {Promise<number>} its timestamp in ms */
export const nextFrame = () => new Promise(requestAnimationFrame);

/** The display's frame time: the median of many gaps. @returns {Promise<number>} ms */
export async function measureFrame(gaps = 120) {
  const times = [await nextFrame()];
  while (times.length <= gaps) times.push(await nextFrame());
  const lengths = times.slice(1).map((time, index) => time - times[index]);
  return lengths.sort((a, b) => a - b)[gaps >> 1];
}

/** A frame that a busy page kept waiting has its old timestamp, but is painted whole frames later. */
function paintedAt(frame, frameMs) {
  return frame + Math.max(0, Math.floor((performance.now() - frame) / frameMs)) * frameMs;
}

/**
 * Let pass durationMs from the frame at startedAt; ends in the frame nearest to that, so that what
 * the caller changes next is painted by the frame that ends the span. At least one frame passes,
 * unless the duration is 0.
 * @param {() => boolean} isOver ends it in the next frame, however much is left
 * @returns {Promise<{endedAt: number, ms: number, frames: number, slow: boolean}>} as achieved
 */
export async function hold(startedAt, durationMs, frameMs, isOver = () => false) {
  let now = startedAt;
  let frames = 0;
  let longestMs = 0;
  while (!isOver() && now - startedAt < durationMs - (frames ? frameMs / 2 : 0)) {
    const next = paintedAt(await nextFrame(), frameMs);
    longestMs = Math.max(longestMs, next - now);
    now = next;
    frames += 1;
  }
  const slow = Math.round(longestMs / frameMs) > MOST_FRAMES;
  return { endedAt: now, ms: now - startedAt, frames, slow };
}
