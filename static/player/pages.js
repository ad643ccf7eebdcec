/** What is on the screen besides the trial: pages, progress, feedback, news. */

import { makeMask } from "./trial/masks.js";
import { text } from "./texts.js";

const SLOT_PX = 256; // the least for an image; as in the style sheet
const GAP_PX = 48; // between two

const find = (selector) => document.querySelector(selector);
const stage = find("#stage");
const question = find("#question span");
const asked = question.textContent;

/** Show one page of the document, or the stage; after the failure nothing else. */
function show(name) {
  const { dataset } = document.body;
  if (dataset.screen === "failed") return;
  dataset.screen = name;
  for (const page of document.querySelectorAll("main > section")) page.hidden = page.id !== name;
}

export function turnPage(name) {
  show(name);
  const button = find(`#${name} button`);
  button.disabled = false; // until now nothing listened
  button.focus({ preventScroll: true }); // Enter goes on
  return new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
}

/** Say how things stand, or nothing, but never while an image is shown. */
export function tell(news) {
  if (stage.dataset.shown) return;
  for (const line of document.querySelectorAll("[role=status]")) line.textContent = news;
}

export function tellAnswered(answered, planned) {
  find("#answered").textContent = text("answered", { answered, planned });
}

/** Put a trial's images in place, still unseen. @returns the stage */
export function place(trial, images, news) {
  stage.dataset.phase = "blank";
  delete stage.dataset.verdict;
  question.textContent = asked;
  trial.images.forEach(({ place }, index) => {
    const image = images[index];
    const slot = find(`#${place}`);
    image.alt = text(`${place}_image`); // the same words whatever it shows
    const masks = trial.timing.masks ? [makeMask(image)] : [];
    slot.querySelector(".image").replaceChildren(image, ...masks);
    delete slot.dataset.chosen;
  });
  tellProgress(trial);
  tell(news);
  show("stage");
  return stage;
}

function tellProgress({ kind, number, of, presentation }) {
  const what = presentation === "single" ? "image" : "pair";
  find("#counter").textContent = text(`${kind}_${what}`, { number, of });
  const bar = find("#bar");
  bar.max = of;
  bar.value = number - 1;
  bar.dataset.kind = kind;
}

/** Blank the stage while something is on its way. */
export function wait(news) {
  stage.dataset.phase = "waiting";
  tell(news);
  show("stage");
}

/** Show the images again with their names and the verdict. */
export function showFeedback({ images }, { fake, correct }, answer) {
  for (const { place } of images) {
    const slot = find(`#${place}`);
    slot.querySelector(".name").textContent = text(place === fake ? "fake" : "real");
    slot.toggleAttribute("data-chosen", place === answer || place === "center");
  }
  const verdict = correct ? "right" : "wrong";
  stage.dataset.verdict = verdict;
  stage.dataset.phase = "feedback";
  question.textContent = text(`${verdict}_${fake ?? "none"}`);
  tell("");
}

/** Wait until the window has room for the images. */
export async function roomFor(images) {
  const widths = images.map(({ naturalWidth }) => Math.max(naturalWidth, SLOT_PX));
  const width = widths.reduce((sum, px) => sum + GAP_PX + px);
  const height = Math.max(...images.map(({ naturalHeight }) => naturalHeight));
  while (innerWidth < width || innerHeight < height) {
    find("#needed").textContent = `${width} × ${height}`;
    find("#available").textContent = `${innerWidth} × ${innerHeight}`;
    show("narrow");
    await new Promise((resolve) => addEventListener("resize", resolve, { once: true }));
  }
}

export function fail(reason) {
  find("#reason").textContent = reason;
  find("#failed button").addEventListener("click", () => location.reload());
  show("failed");
}
