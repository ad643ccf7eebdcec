/** Enable the screening's button only if the window and the input devices suit the study. */

import { deviceSuits, onDeviceChange } from "./device.js";

const form = document.querySelector("form[data-min-width]");
const { minWidth, device } = form.dataset;

function updateButton() {
  const suits = deviceSuits(device);
  document.body.classList.toggle("unsuitable-device", !suits);
  form.querySelector("button").disabled = !suits || innerWidth < Number(minWidth);
}

onDeviceChange(updateButton);
addEventListener("resize", updateButton);
updateButton();
