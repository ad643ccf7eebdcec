/** Rating: a value on every scale, by radio buttons or sliders. */

import { isShortcut, listen } from "../trial/answers.js";

/** Listen for the answer: the button that is enabled once every scale has a value. */
export function listenForAnswer(stage, { scales }) {
  const next = stage.querySelector("button[value=next]");
  const scores = new Map();
  next.disabled = true;
  const setScore = (name, score) => {
    scores.set(name, score);
    next.disabled = scores.size < scales.length;
  };
  const fields = scales.map((scale) => createScale(scale, (score) => setScore(scale.name, score)));
  stage.querySelector("#scales").replaceChildren(...fields);
  stage.querySelector("#scales").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !next.disabled) next.focus({ preventScroll: true });
  });
  const findOpenField = () => fields[scales.findIndex(({ name }) => !scores.has(name))];
  const focusOpenField = () => (findOpenField()?.querySelector("input") ?? next).focus({ preventScroll: true });
  const chooseByDigit = (event) => {
    const radio = !isShortcut(event) && findOpenField()?.querySelectorAll("[type=radio]")[event.key - 1];
    if (!radio || stage.dataset.phase !== "choice") return;
    radio.click();
    focusOpenField(); // of the next scale; after the last one, Enter answers
  };
  document.addEventListener("keydown", chooseByDigit);
  const answers = listen(stage, {
    buttonOfKey: () => undefined,
    answerOf: () => ({ scores: Object.fromEntries(scores) }),
  });
  return {
    ...answers,
    enableFrom(at) {
      answers.enableFrom(at);
      requestAnimationFrame(focusOpenField); // it is visible only then
    },
    stop() {
      document.removeEventListener("keydown", chooseByDigit);
      return answers.stop();
    },
  };
}

function createScale(scale, onScore) {
  const fieldset = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = scale.text;
  fieldset.className = scale.is_slider ? "scale slider" : "scale";
  fieldset.append(legend, ...(scale.is_slider ? createSlider : createRadios)(scale, onScore));
  return fieldset;
}

/** Create a labeled radio button for each step; the first has the lowest value. */
function createRadios({ name, min, labels }, onScore) {
  return labels.map((text, step) => {
    const label = document.createElement("label");
    const radio = Object.assign(document.createElement("input"), {
      type: "radio",
      name,
      value: min + step,
    });
    radio.addEventListener("change", () => onScore(min + step));
    label.append(radio, text);
    return label;
  });
}

/** Create a slider whose handle appears once it is moved or pressed: there is no starting value. */
function createSlider({ text, min, max, labels: [low, high] }, onScore) {
  const slider = Object.assign(document.createElement("input"), { type: "range", min, max, step: "any" });
  slider.value = (min + max) / 2;
  slider.className = "untouched";
  slider.setAttribute("aria-label", `${text}: ${low} – ${high}`);
  const touch = () => {
    slider.classList.remove("untouched");
    onScore(Number(slider.value));
  };
  slider.addEventListener("input", touch);
  slider.addEventListener("click", touch); // in the middle, nothing changes
  slider.addEventListener("keydown", ({ key }) => {
    if (/^(Arrow|Home|End|Page)/.test(key)) requestAnimationFrame(touch);
  });
  const ends = [low, high].map((label) => {
    const end = document.createElement("span");
    end.textContent = label;
    return end;
  });
  return [ends[0], slider, ends[1]];
}
