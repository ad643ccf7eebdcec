/** The pages of the player other than the trial itself, and the stage's progress and feedback. */

import { formatText } from "./texts.js";
import { createMask } from "./trial/masks.js";
import { imagesInOrder, slotNames } from "./trial/slots.js";

const MIN_SLOT_PX = 256; // as in the style sheet
const GAP_PX = 48; // between two slots, as in the style sheet

const query = (selector) => document.querySelector(selector);
const stage = query("#stage");
const question = query("#question span");
const questionText = question.textContent;

/** Show one page of the document, or the stage. Nothing replaces the failure page. */
function showPage(name) {
  const { dataset } = document.body;
  if (dataset.page === "failed") return;
  dataset.page = name;
  for (const page of document.querySelectorAll("main > section")) page.hidden = page.id !== name;
}

export function showPageUntilContinue(name) {
  showPage(name);
  const button = query(`#${name} button`);
  button.disabled = false; // disabled in the document, because nothing listens before this
  button.focus({ preventScroll: true }); // so that Enter continues
  return new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
}

/** Show a status message, or clear it with "". While an image is visible, nothing changes. */
export function showStatus(message) {
  if (stage.dataset.visibleSlots) return;
  for (const line of document.querySelectorAll("[role=status]")) line.textContent = message;
}

export function showAnsweredCount(answered, planned) {
  query("#answered-count").textContent = formatText("answered", { answered, planned });
}

/** Put a trial's images, still invisible, into their slots. @returns the stage */
export function placeImages(trial, images, status) {
  stage.dataset.phase = "blank";
  delete stage.dataset.verdict;
  question.textContent = questionText;
  imagesInOrder(trial).forEach(({ name }, index) => {
    const image = images[index];
    const slot = query(`#${name}`);
    image.alt = formatText(`${name}_image`); // never says what the image shows
    const masks = trial.timing.masks ? [createMask(image)] : [];
    slot.querySelector(".slot-image").replaceChildren(image, ...masks);
    delete slot.dataset.chosen;
  });
  showProgress(trial);
  showStatus(status);
  showPage("stage");
  return stage;
}

function showProgress({ kind, number, total, presentation }) {
  const unit = presentation === "single" ? "image" : "pair";
  query("#trial-counter").textContent = formatText(`${kind}_${unit}`, { number, of: total });
  const bar = query("#progress-bar");
  bar.max = total;
  bar.value = number - 1;
  bar.dataset.kind = kind;
}

/** Blank the stage while the page waits for the server. */
export function showWaiting(status) {
  stage.dataset.phase = "waiting";
  showStatus(status);
  showPage("stage");
}

/** Show the images again, each labeled real or fake, and say whether the answer was correct. */
export function showFeedback(trial, { truth, is_correct: isCorrect }, answer) {
  const names = slotNames(trial);
  names.forEach((name, number) => {
    const slot = query(`#${name}`);
    slot.querySelector(".verdict-label").textContent = formatText(truth[number]);
    slot.toggleAttribute("data-chosen", names.length === 1 || number === answer.choice);
  });
  const fakeSlot = names[truth.indexOf("fake")];
  const verdict = isCorrect ? "correct" : "incorrect";
  stage.dataset.verdict = verdict;
  stage.dataset.phase = "feedback";
  question.textContent = formatText(`${verdict}_${fakeSlot ?? "none"}`);
  showStatus("");
}

/** Wait until the window is large enough for the images. */
export async function waitForWindowSize(images) {
  const widths = images.map(({ naturalWidth }) => Math.max(naturalWidth, MIN_SLOT_PX));
  const width = widths.reduce((sum, px) => sum + GAP_PX + px);
  const height = Math.max(...images.map(({ naturalHeight }) => naturalHeight));
  while (innerWidth < width || innerHeight < height) {
    query("#needed-size").textContent = `${width} × ${height}`;
    query("#available-size").textContent = `${innerWidth} × ${innerHeight}`;
    showPage("window-too-small");
    await new Promise((resolve) => addEventListener("resize", resolve, { once: true }));
  }
}

/** Show why the study stops on this page. */
export function showFailure(reason) {
  query("#failure-reason").textContent = reason;
  showFailurePage();
}

/** Say that the study is open in another tab or on another device. */
export function showOpenElsewhere() {
  query("#failed h1").textContent = formatText("elsewhere");
  query("#failed button").textContent = formatText("continue_here");
  showFailurePage();
}

function showFailurePage() {
  query("#failed button").addEventListener("click", () => location.reload());
  showPage("failed");
}
