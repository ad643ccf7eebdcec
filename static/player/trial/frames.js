/**
 * Time measured in animation frames. A change made in a frame's callback is painted in that frame,
 * and the frame's timestamp is the time of the change.
 */

const MAX_FRAMES_PER_GAP = 2; // between two callbacks; a longer gap marks the trial as slow

export const nextFrame = () => new Promise(requestAnimationFrame);

/** Measure the display's frame duration in ms: the median of many gaps between frames. */
export async function measureFrameMs(gaps = 120) {
  const times = [await nextFrame()];
  while (times.length <= gaps) times.push(await nextFrame());
  const lengths = times.slice(1).map((time, index) => time - times[index]);
  return lengths.sort((a, b) => a - b)[gaps >> 1];
}

/**
 * Estimate when a frame is painted. If a busy page delays its callback, that is whole frames after
 * its timestamp.
 */
function paintTime(frame, frameMs) {
  return frame + Math.max(0, Math.floor((performance.now() - frame) / frameMs)) * frameMs;
}

/**
 * Wait until the frame nearest to durationMs after the paint of the frame at startedAt, which is late
 * on a busy page. What the caller changes next is painted in that frame. Waits at least one frame
 * unless durationMs is 0; isDone() returning true ends the wait at the next frame. Call it inside an
 * animation frame.
 * @returns {Promise<{endedAt, ms, frames, slow}>} ms: the time actually painted
 */
export async function hold(startedAt, durationMs, frameMs, isDone = () => false) {
  let now = startedAt;
  const painted = [paintTime(now, frameMs)];
  let slow = false;
  while (!isDone() && now - painted[0] < durationMs - (painted[1] ? frameMs / 2 : 0)) {
    now = await nextFrame();
    painted.push(paintTime(now, frameMs));
    slow ||= Math.round((painted.at(-1) - painted.at(-2)) / frameMs) > MAX_FRAMES_PER_GAP;
  }
  const ms = painted.at(-1) - painted[0];
  return { endedAt: now, ms, frames: painted.length - 1, slow };
}
