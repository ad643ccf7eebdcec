/** The button of a preview that skips waits; the pages of other participants do not have it. */

const SKIP_KEY = "F8";
const button = document.querySelector("#skip-waits");

/** Return whether images, pauses and feedback are to last no longer than a frame. */
export const isSkipping = () => button?.ariaPressed === "true";

function toggle() {
  button.ariaPressed = String(!isSkipping());
}

if (button) {
  button.addEventListener("click", toggle);
  document.addEventListener("keydown", (event) => {
    if (event.key !== SKIP_KEY || event.repeat) return;
    event.preventDefault();
    toggle();
  });
}
