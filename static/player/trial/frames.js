/** Time in frames: what a frame's callback changes, that frame paints; its timestamp says when. */

const MOST_FRAMES = 2; // from one to the next; more is slow

export const nextFrame = () => new Promise(requestAnimationFrame);

/** The display's frame time in ms: the median of many gaps. */
export async function measureFrame(gaps = 120) {
  const times = [await nextFrame()];
  while (times.length <= gaps) times.push(await nextFrame());
  const lengths = times.slice(1).map((time, index) => time - times[index]);
  return lengths.sort((a, b) => a - b)[gaps >> 1];
}

/** A frame that a busy page kept waiting is painted whole frames after its timestamp. */
function paintedAt(frame, frameMs) {
  return frame + Math.max(0, Math.floor((performance.now() - frame) / frameMs)) * frameMs;
}

/**
 * Let pass durationMs from the frame at startedAt to that nearest to its end, which paints what is
 * changed next. At least one frame passes, unless it is 0. isOver ends it in the next frame.
 * Call it in a frame. @returns {Promise<{endedAt, ms, frames, slow}>} ms as painted
 */
export async function hold(startedAt, durationMs, frameMs, isOver = () => false) {
  let now = startedAt;
  const painted = [paintedAt(now, frameMs)];
  let slow = false;
  while (!isOver() && now - startedAt < durationMs - (painted[1] ? frameMs / 2 : 0)) {
    now = await nextFrame();
    painted.push(paintedAt(now, frameMs));
    slow ||= Math.round((painted.at(-1) - painted.at(-2)) / frameMs) > MOST_FRAMES;
  }
  const ms = painted.at(-1) - painted[0];
  return { endedAt: now, ms, frames: painted.length - 1, slow };
}
