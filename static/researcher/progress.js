/** The progress of a study refreshes itself; without this module a reload does. */

const EVERY_MS = 10_000;

const live = document.getElementById("live");
const freshness = document.getElementById("freshness");

/** Fetch the part of the page that changes. @throws {TypeError | Error} where it cannot be had */
async function refresh() {
  const reply = await fetch(live.dataset.source, { cache: "no-store", redirect: "manual" });
  if (reply.type === "opaqueredirect") return location.reload(); // signed out: to the login
  if (!reply.ok) throw new Error(`${reply.status} from the server`);
  live.innerHTML = await reply.text(); // of our own server, escaped by its template
  tell(`As of ${now()}; refreshed every ${EVERY_MS / 1000} seconds.`);
}

function now() {
  return `${new Date().toISOString().slice(11, 19)} UTC`;
}

function tell(words) {
  freshness.textContent = words;
}

/** One refresh after the other, while somebody looks. */
async function keepFresh() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.hidden) continue;
    await refresh().catch(() => tell(`The server cannot be reached; tried at ${now()}.`));
  }
}

keepFresh();
