/**
 * Return to the platform after a countdown, unless the participant chooses to stay or starts to
 * write a comment.
 */

const countdownNotice = document.getElementById("redirect-notice");
const redirectTarget = document.getElementById("redirect-target"); // a link or a form

if (countdownNotice) {
  const secondsLabel = countdownNotice.querySelector("span");
  let seconds = Number(countdownNotice.dataset.seconds);
  countdownNotice.hidden = false;

  const timer = setInterval(() => {
    seconds -= 1;
    secondsLabel.textContent = seconds;
    if (seconds > 0) return;
    clearInterval(timer);
    if (redirectTarget instanceof HTMLFormElement) redirectTarget.requestSubmit();
    else location.assign(redirectTarget.href);
  }, 1000);

  const cancelRedirect = () => {
    clearInterval(timer);
    countdownNotice.remove();
  };
  countdownNotice.querySelector("button").addEventListener("click", () => {
    const isForm = redirectTarget instanceof HTMLFormElement;
    (isForm ? redirectTarget.querySelector("button") : redirectTarget).focus();
    cancelRedirect();
  });
  document.getElementById("comment")?.addEventListener("focus", cancelRedirect);
}
