/** What is on the screen besides the images: pages, progress, feedback, news of the connection. */

import { text } from "./words.js";

const SIDES = ["left", "right"];
const SLOT_PX = 256; // an image's place, where the image is not larger; as in the style sheet
const GAP_PX = 48; // between the two

const stage = document.querySelector("#stage");
const question = document.querySelector("#question");
const slots = SIDES.map((side) => document.querySelector(`#${side}`));

/** Show one page of the document, or the stage. */
function show(name) {
  document.body.dataset.screen = name;
}

/** Show a page until its button is pressed. */
export function turnPage(name) {
  show(name);
  const button = document.querySelector(`#${name} button`);
  button.disabled = false; // it was, lest it be pressed before anything listens
  button.focus({ preventScroll: true }); // Enter goes on, but the text comes first
  return new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
}

/** Say how things stand, below the images; an empty text says nothing. */
export function say(news) {
  for (const line of document.querySelectorAll("[role=status]")) line.textContent = news;
}

/** Say how far somebody who returns has come. */
export function tellAnswered(answered, planned) {
  document.querySelector("#answered").textContent = text("answered", { answered, planned });
}

/** Put a pair in place, still unseen, and tell how far the participant is. @returns the stage */
export function place(trial, images) {
  stage.dataset.phase = "blank";
  delete stage.dataset.verdict;
  question.textContent = question.dataset.asked;
  slots.forEach((slot, index) => {
    slot.querySelector(".image").replaceChildren(images[index]);
    delete slot.dataset.chosen;
  });
  tellProgress(trial);
  say("");
  show("stage");
  return stage;
}

function tellProgress({ kind, number, of }) {
  document.querySelector("#counter").textContent = text(kind, { number, of });
  const bar = document.querySelector("#bar");
  bar.max = of;
  bar.value = number - 1;
  bar.dataset.kind = kind;
}

/** Blank the stage while something is on its way; the style sheet lets a short wait pass unsaid. */
export function wait(news) {
  stage.dataset.phase = "waiting";
  say(news);
  show("stage");
}

/** Show both images again with their names and the verdict in words. */
export function showFeedback({ fake, correct }, answer) {
  SIDES.forEach((side, index) => {
    slots[index].querySelector(".name").textContent = text(side === fake ? "fake" : "real");
    slots[index].toggleAttribute("data-chosen", side === answer);
  });
  const verdict = correct ? "right" : "wrong";
  stage.dataset.verdict = verdict;
  stage.dataset.phase = "feedback";
  question.textContent = text(`${verdict}_${fake}`);
}

/** Wait until the window shows both images side by side at their own size. */
export async function roomFor(images) {
  const widths = images.map((image) => Math.max(image.naturalWidth, SLOT_PX));
  const neededPx = widths[0] + GAP_PX + widths[1];
  while (innerWidth < neededPx) {
    document.querySelector("#needed").textContent = neededPx;
    document.querySelector("#available").textContent = innerWidth;
    show("narrow");
    await new Promise((resolve) => addEventListener("resize", resolve, { once: true }));
  }
}

/** Say why it cannot go on. */
export function fail(reason) {
  document.querySelector("#reason").textContent = reason;
  show("failed");
}
