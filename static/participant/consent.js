/**
 * Show the consent form only where the study can be done. Before anyone agrees to anything, the page
 * says what is in the way, until that changes: a keyboard is attached, or the window grows.
 */

import { deviceSuits, onDeviceChange } from "./device.js";

const about = document.getElementById("about");
const form = document.getElementById("consent"); // missing in a preview
const obstacles = document.querySelectorAll("[data-obstacle]");
const { device, minWidth, turnAway } = about.dataset;
const needsCookie = document.querySelector("[data-obstacle=cookies]") !== null;
let isCounted = false;

/** Try to set a cookie: navigator.cookieEnabled is true in some browsers that block all cookies. */
function acceptsCookies() {
  document.cookie = "hue_and_eye_probe=1; SameSite=Lax";
  const isAccepted = document.cookie.includes("hue_and_eye_probe");
  document.cookie = "hue_and_eye_probe=; SameSite=Lax; Max-Age=0";
  return isAccepted;
}

/** Return the name of what keeps this visitor from taking part now, or "". */
function findObstacle() {
  if (needsCookie && !acceptsCookies()) return "cookies";
  if (!deviceSuits(device)) return "device";
  return innerWidth < Number(minWidth) ? "window" : "";
}

/** Return whether no window on this display would be wide enough. */
const isSmallDisplay = () => Math.max(screen.width, screen.height) < Number(minWidth);

function update() {
  const obstacle = findObstacle();
  for (const section of obstacles) section.hidden = section.dataset.obstacle !== obstacle;
  about.hidden = obstacle !== "" && location.hash !== "#about";
  if (form) {
    form.hidden = obstacle !== "";
    form.querySelector("button").disabled = obstacle !== "";
  }
  const isTurnedAway = obstacle === "device" || (obstacle === "window" && isSmallDisplay());
  if (isTurnedAway && form && !isCounted) countTurnedAway();
}

/** Count this browser among those turned away; the server stores the number and nothing else. */
function countTurnedAway() {
  isCounted = true;
  fetch(turnAway, { method: "POST" }).catch(console.warn);
}

onDeviceChange(update);
addEventListener("resize", update);
addEventListener("hashchange", update);
update();
