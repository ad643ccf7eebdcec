/** One pair: left, then right, then the question. Sequence of Zhang, Isola & Efros, ECCV 2016. */

import { hold, nextFrame } from "./frames.js";

const KEYS = { KeyF: "left", ArrowLeft: "left", KeyJ: "right", ArrowRight: "right" };

/**
 * Show a pair whose images are decoded and in place, and wait for the answer.
 * @param {HTMLElement} stage its data-phase says what is visible; the style sheet obeys
 * @param {object} timing blank_ms, exposure_ms, gap_ms, after_ms
 * @param {number} frameMs of this display
 * @param {() => void} onOnset called in the frame that shows the first image
 * @returns {Promise<object>} answer, rt_ms, first_ms and second_ms as achieved, flags
 */
export async function runTrial(stage, timing, frameMs, onOnset) {
  const disturbances = watchDisturbances();
  let now = await nextFrame();

  const spend = async (phase, durationMs) => {
    stage.dataset.phase = phase;
    const { endedAt, slow } = await hold(now, durationMs, frameMs);
    const achievedMs = endedAt - now;
    now = endedAt;
    return { achievedMs, slow };
  };
  await spend("blank", timing.blank_ms);
  onOnset();
  const first = await spend("left", timing.exposure_ms);
  await spend("gap", timing.gap_ms);
  const second = await spend("right", timing.exposure_ms);
  await spend("after", timing.after_ms);
  stage.dataset.phase = "choice";

  const flags = disturbances.stop();
  if (first.slow || second.slow) flags.push("slow_frame");
  const { answer, at } = await firstAnswer(stage, now);
  const rt_ms = Math.round(at - now);
  return { answer, rt_ms, first_ms: first.achievedMs, second_ms: second.achievedMs, flags };
}

/** Note what keeps a pair from being seen. @returns {{stop: () => string[]}} stop gives the flags */
function watchDisturbances() {
  const seen = new Set();
  if (!document.hasFocus()) seen.add("blurred"); // it was lost before: no event will come
  const watching = new AbortController();
  const note = (target, event, flag) =>
    target.addEventListener(event, () => seen.add(flag), { signal: watching.signal });
  note(document, "visibilitychange", "hidden");
  note(window, "blur", "blurred");
  note(window, "resize", "resized");
  return {
    stop() {
      watching.abort();
      return [...seen];
    },
  };
}

/**
 * The first key or click made after the buttons were shown; a key held down since before is none.
 * @returns {Promise<{answer: string, at: number}>} at: the event's own timestamp in ms
 */
function firstAnswer(stage, offeredAt) {
  return new Promise((resolve) => {
    const listening = new AbortController();
    const take = (event, answer) => {
      if (!answer || event.timeStamp < offeredAt) return;
      event.preventDefault();
      listening.abort();
      resolve({ answer, at: event.timeStamp });
    };
    const { signal } = listening;
    document.addEventListener("keydown", (event) => take(event, keyAnswer(event)), { signal });
    for (const button of stage.querySelectorAll("button[value]")) {
      button.addEventListener("click", (event) => take(event, button.value), { signal });
    }
  });
}

/** @returns {string | undefined} the side; a shortcut such as Ctrl-F is the browser's */
function keyAnswer(event) {
  const shortcut = event.repeat || event.ctrlKey || event.altKey || event.metaKey;
  return shortcut ? undefined : KEYS[event.code];
}
