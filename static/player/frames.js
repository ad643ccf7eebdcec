/**
 * Time in animation frames. A change made inside a frame's callback is painted by that frame,
 * so the frame's own timestamp says when; a timer says only when it was asked for.
 */

/** Wait for the next animation frame. @returns {Promise<number>} its timestamp in ms */
export const nextFrame = () => new Promise(requestAnimationFrame);

/** The display's frame time: the median of many gaps. @returns {Promise<number>} ms */
export async function measureFrame(gaps = 120) {
  const times = [await nextFrame()];
  while (times.length <= gaps) times.push(await nextFrame());
  const lengths = times.slice(1).map((time, index) => time - times[index]);
  return lengths.sort((a, b) => a - b)[gaps >> 1];
}

/**
 * Let pass durationMs from the frame at startedAt; ends in the frame nearest to that, so that what
 * the caller changes next is painted by the frame that ends the span. At least one frame passes,
 * unless the duration is 0.
 * @returns {Promise<{endedAt: number, slow: boolean}>} slow: a gap of more than two frames
 */
export async function hold(startedAt, durationMs, frameMs) {
  let now = startedAt;
  let longestMs = 0;
  while (now - startedAt < durationMs - (now > startedAt ? frameMs / 2 : 0)) {
    const next = await nextFrame();
    longestMs = Math.max(longestMs, next - now);
    now = next;
  }
  return { endedAt: now, slow: Math.round(longestMs / frameMs) > 2 };
}
