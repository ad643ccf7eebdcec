/**
 * Update the parts of a page that change while it is open. Without this module, reload the page.
 *
 * An element with data-source is replaced by what this address returns, every data-refresh-ms
 * milliseconds, for as long as the new element has data-source, too. If it has data-reload-at-end,
 * the whole page is loaded again after that.
 */

const REFRESH_MS = 10_000;

/** Replace an element by the server's newest. @throws {TypeError | Error} if that fails */
async function replaceElement(element) {
  const reply = await fetch(element.dataset.source, { cache: "no-store", redirect: "manual" });
  if (reply.type === "opaqueredirect") location.reload(); // signed out: go to the login page
  if (!reply.ok) throw new Error(`${reply.status} from the server`);
  const template = document.createElement("template");
  template.innerHTML = await reply.text(); // safe: our own server's template escapes it
  const [replacement] = template.content.children;
  keepDetailsOpen(element, replacement);
  element.replaceWith(replacement);
  return replacement;
}

/** Open the details of the new element that are open in the old one. */
function keepDetailsOpen(element, replacement) {
  const isOpen = new Map();
  for (const details of element.querySelectorAll("details")) isOpen.set(details.id, details.open);
  for (const details of replacement.querySelectorAll("details[id]")) {
    details.open = isOpen.get(details.id) ?? details.open;
  }
}

/** Refresh an element again and again, but not while the page is hidden or a key user is in it. */
async function keepFresh(element) {
  let current = element;
  while (current?.dataset.source) {
    const pause = Number(current.dataset.refreshMs ?? REFRESH_MS);
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (document.hidden || current.contains(document.activeElement)) continue;
    try {
      current = await replaceElement(current);
      showFreshness(`As of ${formatUtcTime()}; updated every ${pause / 1000} seconds.`);
    } catch {
      showFreshness(`Cannot reach the server (last attempt at ${formatUtcTime()}).`);
    }
  }
  if (current && "reloadAtEnd" in current.dataset) location.reload(); // the page shows the result
}

function formatUtcTime() {
  return `${new Date().toISOString().slice(11, 19)} UTC`;
}

/** Say how old the numbers are, in the line of the page for this, if there is one. */
function showFreshness(text) {
  const line = document.getElementById("last-updated");
  if (line) line.textContent = text;
}

document.querySelectorAll("[data-source]").forEach(keepFresh);
