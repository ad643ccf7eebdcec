/** One trial: images, as in Zhang, Isola & Efros (ECCV 2016) or HYPE (NeurIPS 2019), then buttons. */

import { listen } from "./answers.js";
import { watchDisturbances } from "./disturbances.js";
import { hold, nextFrame } from "./frames.js";
import { scramble } from "./masks.js";

/** What a trial of the server goes through: {phase, ms, shown}[], shown being places. */
export function plan({ presentation, images, timing }) {
  const places = images.map(({ place }) => place);
  const views = presentation === "sequential" ? places.map((place) => [place]) : [places];
  const step = (phase, ms, shown = []) => ({ phase, ms, shown });
  const steps = [step("blank", timing.blank_ms)];
  if (timing.exposure_ms === null) return [...steps, step("choice", Infinity, places)];

  for (const [index, shown] of views.entries()) {
    if (index) steps.push(step("gap", timing.gap_ms));
    steps.push(step("image", timing.exposure_ms, shown));
    for (let n = 0; n < timing.masks; n += 1) steps.push(step("mask", timing.mask_ms, shown));
  }
  return [...steps, step("after", timing.after_ms), step("choice", Infinity)];
}

/**
 * Show images that are in place, wait for the answer, and give what the server takes.
 * The stage's data-phase and data-shown say what is visible; the style sheet obeys.
 */
export async function runTrial(stage, trial, frameMs) {
  const disturbances = watchDisturbances();
  const answers = listen(stage);
  const exposures = [];
  let slow = false;
  let offeredAt;
  let now = await nextFrame();

  for (const { phase, ms, shown } of plan(trial)) {
    if (phase === "mask") stage.querySelectorAll("canvas").forEach(scramble);
    if (phase === "choice") answers.offer((offeredAt = now));
    if (phase === "choice" && !shown.length) disturbances.stop(); // there is nothing left to miss
    enter(stage, phase, shown);
    const held = await hold(now, ms, frameMs, phase === "choice" ? answers.given : undefined);
    now = held.endedAt;
    if (shown.length && phase !== "mask") exposures.push(held);
    if (shown.length) slow ||= held.slow;
  }
  enter(stage, "waiting", []);

  const { answer, at, input } = answers.given();
  const flags = [...disturbances.stop(), ...(slow ? ["slow_frame"] : [])];
  const rt_ms = Math.round(at - offeredAt);
  return { answer, rt_ms, input, ...achieved(exposures), ...answers.stop(), flags };
}

function enter(stage, phase, shown) {
  stage.dataset.shown = shown.join(" ");
  stage.dataset.phase = phase;
}

/** No second exposure of one image, or of two at once. */
function achieved([first, second]) {
  return {
    first_ms: first.ms,
    second_ms: second?.ms ?? null,
    first_frames: first.frames,
    second_frames: second?.frames ?? null,
  };
}
