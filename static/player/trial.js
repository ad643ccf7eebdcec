/**
 * One trial: images, masks, then the question. One image after the other as Zhang, Isola & Efros
 * (ECCV 2016) do, both at once, or a single one as in HYPE (Zhou et al., NeurIPS 2019).
 */

import { listen } from "./answers.js";
import { watchDisturbances } from "./disturbances.js";
import { hold, nextFrame } from "./frames.js";
import { scramble } from "./masks.js";

/**
 * What a trial goes through.
 * @param {object} trial presentation, images, timing as the server sends them
 * @returns {{phase: string, ms: number, shown: string[]}[]} shown: the places that are not empty
 */
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
 * Show a trial whose images are decoded and in place, and wait for the answer.
 * @param {HTMLElement} stage data-phase and data-shown say what is visible; the style sheet obeys
 * @param {object} trial as in plan
 * @param {number} frameMs of this display
 * @returns {Promise<object>} what the server takes: answer, times in ms, frames, counts, flags
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

  const { answer, at } = answers.given();
  const flags = [...disturbances.stop(), ...(slow ? ["slow_frame"] : [])];
  const rt_ms = Math.round(at - offeredAt);
  return { answer, rt_ms, ...achieved(exposures), ...answers.stop(), flags };
}

/** Make visible what a phase shows, with the frame that runs. */
function enter(stage, phase, shown) {
  stage.dataset.shown = shown.join(" ");
  stage.dataset.phase = phase;
}

/** For how long the images were there; null for a second one that never was alone. */
function achieved([first, second]) {
  return {
    first_ms: first.ms,
    second_ms: second?.ms ?? null,
    first_frames: first.frames,
    second_frames: second?.frames ?? null,
  };
}
