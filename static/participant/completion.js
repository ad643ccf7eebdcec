/** Go back to the platform by itself after a while, unless somebody stays or writes. */

const note = document.getElementById("leaving");
const way = document.getElementById("leave");

if (note) {
  const left = note.querySelector("span");
  let seconds = Number(note.dataset.seconds);
  note.hidden = false;

  const timer = setInterval(() => {
    seconds -= 1;
    left.textContent = seconds;
    if (seconds > 0) return;
    clearInterval(timer);
    if (way instanceof HTMLFormElement) way.requestSubmit();
    else location.assign(way.href);
  }, 1000);

  const stay = () => {
    clearInterval(timer);
    note.remove();
  };
  note.querySelector("button").addEventListener("click", () => {
    (way instanceof HTMLFormElement ? way.querySelector("button") : way).focus();
    stay();
  });
  document.getElementById("comment")?.addEventListener("focus", stay);
}
