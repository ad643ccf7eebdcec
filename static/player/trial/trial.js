/**
 * One trial: images as in Zhang, Isola & Efros (ECCV 2016) or HYPE (NeurIPS 2019), then buttons.
 */

import { isSkipping } from "../preview.js";
import { TASKS } from "../tasks/catalog.js";
import { watchDisturbances } from "./disturbances.js";
import { hold, nextFrame } from "./frames.js";
import { fillWithNoise } from "./masks.js";
import { imagesInOrder } from "./slots.js";

/**
 * List the phases of a trial.
 * @returns {{phase, ms, slots}[]} slots: the names of the slots whose images, or masks, are visible
 */
export function planPhases(trial) {
  const { presentation, timing } = trial;
  const images = imagesInOrder(trial);
  const [candidates, references] = [false, true].map((isReference) =>
    images.filter((image) => image.isReference === isReference).map(({ name }) => name),
  );
  const slots = [...candidates, ...references];
  const exposureGroups =
    presentation === "sequential" ? candidates.map((slot) => [slot, ...references]) : [slots];
  const createPhase = (phase, ms, visible = []) => ({ phase, ms, slots: visible });
  const phases = [createPhase("blank", timing.blank_ms)];
  if (timing.exposure_ms === null) return [...phases, createPhase("choice", Infinity, slots)];

  for (const [index, group] of exposureGroups.entries()) {
    if (index) phases.push(createPhase("gap", timing.gap_ms));
    phases.push(createPhase("image", timing.exposure_ms, group));
    for (let n = 0; n < timing.masks; n += 1) phases.push(createPhase("mask", timing.mask_ms, group));
  }
  return [...phases, createPhase("after", timing.after_ms), createPhase("choice", Infinity)];
}

/**
 * Run one trial whose images are in place, and return the body of the response request.
 * The stage's data-phase and data-visible-slots say what is visible; the style sheet shows it.
 */
export async function runTrial(stage, trial, frameMs) {
  const disturbances = watchDisturbances();
  const answers = TASKS[trial.task].listenForAnswer(stage, trial);
  const exposures = [];
  let hasSlowFrame = false;
  let buttonsShownAt;
  let now = await nextFrame();

  for (const { phase, ms, slots } of planPhases(trial)) {
    const isChoice = phase === "choice";
    if (phase === "mask") stage.querySelectorAll("canvas").forEach(fillWithNoise);
    if (isChoice) answers.enableFrom((buttonsShownAt = now));
    if (isChoice && !slots.length) disturbances.stop(); // no image can be missed from here on
    enterPhase(stage, phase, slots);
    const exposure = await hold(now, ms, frameMs, isChoice ? answers.firstAnswer : isSkipping);
    now = exposure.endedAt;
    if (slots.length && phase !== "mask") exposures.push(exposure);
    if (slots.length) hasSlowFrame ||= exposure.slow;
  }
  enterPhase(stage, "waiting", []);

  const { answer, at, input } = answers.firstAnswer();
  const flags = [...disturbances.stop(), ...(hasSlowFrame ? ["slow_frame"] : [])];
  const rt_ms = Math.round(at - buttonsShownAt);
  return { answer, rt_ms, input, ...exposureFields(exposures), ...answers.stop(), flags };
}

function enterPhase(stage, phase, slots) {
  stage.dataset.visibleSlots = slots.join(" ");
  stage.dataset.phase = phase;
  for (const slot of stage.querySelectorAll("[data-slot]")) {
    slot.toggleAttribute("data-shown", slots.includes(slot.id));
  }
}

/** There is no second exposure of a single image, or of two images shown at once. */
function exposureFields([first, second]) {
  return {
    first_ms: first.ms,
    second_ms: second?.ms ?? null,
    first_frames: first.frames,
    second_frames: second?.frames ?? null,
  };
}
