/** Update a study's progress while its page is open. Without this module, reload the page. */

const REFRESH_MS = 10_000;

const progressElement = document.getElementById("study-progress");
const freshnessElement = document.getElementById("last-updated");

/** Replace the progress by the server's newest. @throws {TypeError | Error} if that fails */
async function refreshProgress() {
  const { source } = progressElement.dataset;
  const reply = await fetch(source, { cache: "no-store", redirect: "manual" });
  if (reply.type === "opaqueredirect") return location.reload(); // signed out: go to the login page
  if (!reply.ok) throw new Error(`${reply.status} from the server`);
  progressElement.innerHTML = await reply.text(); // safe: our own server's template escapes it
  showFreshness(`As of ${formatUtcTime()}; updated every ${REFRESH_MS / 1000} seconds.`);
}

function formatUtcTime() {
  return `${new Date().toISOString().slice(11, 19)} UTC`;
}

function showFreshness(text) {
  freshnessElement.textContent = text;
}

/** Refresh again and again, but not while the page is hidden. */
async function refreshForever() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    if (document.hidden) continue;
    await refreshProgress().catch(() => {
      showFreshness(`Cannot reach the server (last attempt at ${formatUtcTime()}).`);
    });
  }
}

refreshForever();
