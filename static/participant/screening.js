/** Go on only where the study can be seen and answered; the page's notes say what is missing. */

const form = document.querySelector("form[data-min-width]");
const button = form.querySelector("button");
const mouse = matchMedia("(any-pointer: fine)");
let keyboard = false;

function check() {
  document.body.classList.toggle("has-keyboard", keyboard);
  const wide = innerWidth >= Number(form.dataset.minWidth);
  const precise = form.dataset.device === "any" || mouse.matches || keyboard;
  button.disabled = !(wide && precise);
}

// keys on the screen write into fields; others are pressed anywhere
addEventListener("keydown", ({ target }) => {
  if (target.type === "text" || keyboard) return;
  keyboard = true;
  check();
});
addEventListener("resize", check);
mouse.addEventListener("change", check);
check();
