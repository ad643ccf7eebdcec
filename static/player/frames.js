/** Time in frames: what a frame's callback changes, that frame paints; its timestamp says when. */

const MOST_FRAMES = 2; // from one frame to the next; more is a slow frame

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
 * @returns {Promise<{endedAt, ms, frames, slow}>} as achieved
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
