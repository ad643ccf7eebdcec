/** The pages of the player other than the trial itself, and the stage's progress and feedback. */

import { whenDeviceSuits } from "../participant/device.js";
import { fitCandidates } from "./judged_layout.js";
import { formatText } from "./texts.js";
import { createMask } from "./trial/masks.js";
import { imagesInOrder, slotNames } from "./trial/slots.js";

const MIN_IMAGE_PX = 256; // the longer side of an image is never scaled below this
const IMAGE_ROW = 1; // of the stage's grid in the style sheet

const query = (selector) => document.querySelector(selector);
const stage = query("#stage");
const question = query("#question span");
const questionText = question.textContent;
const hasFeedback = query(".verdict") !== null;
const MESSAGES = ["loading", "saving", "sending", "sending_from_page", "unreachable"];
query("#question").dataset.longest = findLongestQuestion();
query("#stage footer").dataset.longest = longest(MESSAGES.map((key) => formatText(key)));

/** Return the longest text that may take the place of the question, to reserve room for it. */
function findLongestQuestion() {
  if (!hasFeedback) return questionText;
  const slots = [...document.querySelectorAll(".slot")].map(({ id }) => id);
  const fakeSlots = slots.length === 1 ? [...slots, "none"] : slots;
  const feedback = fakeSlots.flatMap((slot) =>
    ["correct", "incorrect"].map((verdict) => formatText(`${verdict}_${slot}`)),
  );
  return longest([questionText, ...feedback]);
}

function longest(texts) {
  return texts.reduce((one, other) => (other.length > one.length ? other : one));
}

/** Show one page of the document, or the stage. Nothing replaces the failure page. */
function showPage(name) {
  const { dataset } = document.body;
  if (dataset.page === "failed") return;
  dataset.page = name;
  for (const page of document.querySelectorAll("main > section")) page.hidden = page.id !== name;
}

export async function showPageUntilContinue(name) {
  showPage(name);
  const button = query(`#${name} button`);
  await whenDeviceSuits(document.body.dataset.device);
  button.disabled = false; // disabled in the document, because nothing listens before this
  button.focus({ preventScroll: true }); // so that Enter continues
  return new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
}

/** Return whether there is a page between practice and test trials. */
export const hasBreak = () => query("#break") !== null;

/** Show a status message, or clear it with "". While an image is visible, nothing changes. */
export function showStatus(message) {
  if (stage.dataset.visibleSlots) return;
  for (const line of document.querySelectorAll("[role=status]")) line.textContent = message;
}

export function showAnsweredCount(answered, planned) {
  query("#answered-count").textContent = formatText("answered", { answered, planned });
}

/** Let the participant rest before the first trial of another block. */
export function rest({ number, total }) {
  query("#rest-count").textContent = formatText("answered", { answered: number - 1, planned: total });
  return showPageUntilContinue("rest");
}

/** Put a trial's images, still invisible, into their slots. @returns the stage */
export function placeImages(trial, images, status) {
  stage.dataset.phase = "blank";
  delete stage.dataset.verdict;
  question.textContent = questionText;
  imagesInOrder(trial).forEach(({ name }, index) => {
    const image = images[index];
    const slot = query(`#${name}`);
    // A description never says what the image shows. Candidates' buttons are named already.
    image.alt = name.startsWith("slot-") ? "" : formatText(`${name}_image`);
    const masks = trial.timing.masks ? [createMask(image)] : [];
    slot.querySelector(".slot-image").replaceChildren(image, ...masks);
    delete slot.dataset.chosen;
  });
  const caption = query("#caption");
  if (caption) caption.textContent = trial.caption ?? "";
  showProgress(trial);
  showStatus(status);
  showPage("stage");
  return stage;
}

function showProgress({ kind, number, total, slots }) {
  const unit = { 1: "image", 2: "pair" }[slots.length] ?? "set";
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
  showStatus("");
  stage.dataset.verdict = verdict;
  stage.dataset.phase = "feedback";
  question.textContent = formatText(`${verdict}_${fakeSlot ?? "none"}`);
}

/** Wait until the participant has read the feedback and continues. */
export function waitUntilRead() {
  const button = query("#continue-feedback");
  // a key that has been held down since the answer must not press the button
  button.addEventListener("keydown", (event) => event.repeat && event.preventDefault());
  button.focus({ preventScroll: true });
  return new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
}

/**
 * Scale the images of the stage to the window, and wait until they are large enough in it.
 * @returns {Promise<number>} the scale: 1 if the images have their own size, never more
 */
export async function waitForRoom(images) {
  for (;;) {
    const { scale, isTooSmall, needed } = fitImages(images);
    if (!isTooSmall) return scale;
    query("#needed-size").textContent = needed.map(Math.ceil).join(" × ");
    query("#available-size").textContent = `${innerWidth} × ${innerHeight}`;
    showPage("window-too-small");
    await new Promise((resolve) => addEventListener("resize", resolve, { once: true }));
    showPage("stage");
  }
}

/**
 * Scale the images, and their masks, so that the whole stage fits into the window.
 * @returns {{scale, isTooSmall, needed}} needed: the smallest [width, height] of the window
 */
function fitImages(images) {
  if (query("#candidates")) return fitCandidates(stage, images);
  const width = Math.max(...images.map(({ naturalWidth }) => naturalWidth));
  const height = Math.max(...images.map(({ naturalHeight }) => naturalHeight));
  resizeImages(images, 0); // what remains is the room that everything else takes
  const style = getComputedStyle(stage);
  const rows = style.gridTemplateRows.split(" ").map(parseFloat);
  const otherRows = rows.reduce((sum, px, row) => sum + (row === IMAGE_ROW ? 0 : px), 0);
  const usedHeight = otherRows + parseFloat(style.paddingTop) + parseFloat(style.paddingBottom);
  const columns = images.length;
  const gaps = (columns - 1) * parseFloat(style.columnGap);
  const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
  const usedWidth = gaps + padding;

  const minScale = Math.min(1, MIN_IMAGE_PX / Math.max(width, height));
  const minWidth = Math.max(minScale * width, MIN_IMAGE_PX); // of a slot, as in the style sheet
  const needed = [
    columns * minWidth + gaps + (columns === 1 ? padding : 0), // a pair may take the whole width
    Math.max(minScale * height, rows[IMAGE_ROW]) + usedHeight,
  ];
  const room = [(innerWidth - usedWidth) / columns, innerHeight - usedHeight];
  const isTooSmall = innerWidth < needed[0] || innerHeight < needed[1];
  const fitting = Math.min(1, room[0] / width, room[1] / height);
  const scale = Math.max(isTooSmall ? 0 : minScale, fitting); // rounding must not undercut it
  resizeImages(images, scale);
  return { scale, isTooSmall, needed };
}

function resizeImages(images, scale) {
  for (const image of images) {
    for (const { style } of image.parentElement.children) {
      style.width = `${Math.floor(scale * image.naturalWidth)}px`;
      style.height = `${Math.floor(scale * image.naturalHeight)}px`;
    }
  }
}

// A trial whose window changes is flagged, but its images still fit into the window.
addEventListener("resize", () => {
  const images = [...stage.querySelectorAll("img")];
  if (images.length && document.body.dataset.page === "stage") fitImages(images);
});

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
