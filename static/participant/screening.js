/** Enable the screening's button only if the window and the input devices suit the study. */

const form = document.querySelector("form[data-min-width]");
const button = form.querySelector("button");
const finePointer = matchMedia("(any-pointer: fine)");
let hasKeyboard = false;

function updateButton() {
  document.body.classList.toggle("has-keyboard", hasKeyboard);
  const isWideEnough = innerWidth >= Number(form.dataset.minWidth);
  const hasPreciseInput = form.dataset.device === "any" || finePointer.matches || hasKeyboard;
  button.disabled = !(isWideEnough && hasPreciseInput);
}

// an on-screen keyboard only types into text fields; a key pressed elsewhere is a real keyboard
addEventListener("keydown", ({ target }) => {
  if (target.type === "text" || hasKeyboard) return;
  hasKeyboard = true;
  updateButton();
});
addEventListener("resize", updateButton);
finePointer.addEventListener("change", updateButton);
updateButton();
