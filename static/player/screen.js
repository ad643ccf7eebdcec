/** What is on the screen besides the trial itself: pages, progress, feedback, news of the connection. */

import { makeMask } from "./masks.js";
import { text } from "./words.js";

const SLOT_PX = 256; // an image's place, where the image is not larger; as in the style sheet
const GAP_PX = 48; // between two

const stage = document.querySelector("#stage");
const question = document.querySelector("#question span");
const asked = question.textContent;

/** Show one page of the document, or the stage; after the failure nothing else. */
function show(name) {
  if (document.body.dataset.screen !== "failed") document.body.dataset.screen = name;
}

/** Show a page until its button is pressed. */
export function turnPage(name) {
  show(name);
  const button = document.querySelector(`#${name} button`);
  button.disabled = false; // it was, lest it be pressed before anything listens
  button.focus({ preventScroll: true }); // Enter goes on, but the text comes first
  return new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
}

/** Say how things stand, below the images, unless one is being shown; an empty text says nothing. */
export function tell(news) {
  if (stage.dataset.shown) return;
  for (const line of document.querySelectorAll("[role=status]")) line.textContent = news;
}

/** Say how far somebody who returns has come. */
export function tellAnswered(answered, planned) {
  document.querySelector("#answered").textContent = text("answered", { answered, planned });
}

/** Put a trial's images in place, still unseen, and tell how far the participant is. @returns the stage */
export function place(trial, images, news) {
  stage.dataset.phase = "blank";
  delete stage.dataset.verdict;
  question.textContent = asked;
  trial.images.forEach(({ place }, index) => {
    const image = images[index];
    const slot = document.querySelector(`#${place}`);
    image.alt = text(`${place}_image`); // the same words whatever it shows
    slot.querySelector(".image").replaceChildren(image, ...(trial.timing.masks ? [makeMask(image)] : []));
    delete slot.dataset.chosen;
  });
  tellProgress(trial);
  tell(news);
  show("stage");
  return stage;
}

function tellProgress({ kind, number, of, presentation }) {
  const what = presentation === "single" ? "image" : "pair";
  document.querySelector("#counter").textContent = text(`${kind}_${what}`, { number, of });
  const bar = document.querySelector("#bar");
  bar.max = of;
  bar.value = number - 1;
  bar.dataset.kind = kind;
}

/** Blank the stage while something is on its way; the style sheet lets a short wait pass unsaid. */
export function wait(news) {
  stage.dataset.phase = "waiting";
  tell(news);
  show("stage");
}

/** Show the images again with their names and the verdict in words. */
export function showFeedback({ images }, { fake, correct }, answer) {
  for (const { place } of images) {
    const slot = document.querySelector(`#${place}`);
    slot.querySelector(".name").textContent = text(place === fake ? "fake" : "real");
    slot.toggleAttribute("data-chosen", place === answer || place === "center");
  }
  const verdict = correct ? "right" : "wrong";
  stage.dataset.verdict = verdict;
  stage.dataset.phase = "feedback";
  question.textContent = text(`${verdict}_${fake ?? "none"}`);
  tell("");
}

/** Wait until the window shows the images side by side at their own size. */
export async function roomFor(images) {
  const widths = images.map(({ naturalWidth }) => Math.max(naturalWidth, SLOT_PX));
  const width = widths.reduce((sum, px) => sum + GAP_PX + px);
  const height = Math.max(...images.map(({ naturalHeight }) => naturalHeight));
  while (innerWidth < width || innerHeight < height) {
    document.querySelector("#needed").textContent = `${width} × ${height}`;
    document.querySelector("#available").textContent = `${innerWidth} × ${innerHeight}`;
    show("narrow");
    await new Promise((resolve) => addEventListener("resize", resolve, { once: true }));
  }
}

/** Say why it cannot go on here. */
export function fail(reason) {
  document.querySelector("#reason").textContent = reason;
  document.querySelector("#failed button").addEventListener("click", () => location.reload());
  show("failed");
}
