/**
 * Preview a text while it is edited. Without this module, the button "Preview" does the same.
 */

const PAUSE_MS = 500; // after the last key

const form = document.querySelector("form[data-preview-address]");

/** Replace the preview of a text by what the server renders. */
async function refreshPreview(area) {
  const body = new FormData();
  for (const name of ["csrf_token", "language"]) body.append(name, form.elements[name].value);
  body.append("part", area.dataset.part);
  body.append("text", area.value);
  const options = { method: "POST", body, redirect: "manual", cache: "no-store" };
  const reply = await fetch(form.dataset.previewAddress, options);
  if (!reply.ok) return; // the button "Preview" shows what is wrong
  const template = document.createElement("template");
  template.innerHTML = await reply.text(); // safe: our own server's template escapes it
  const shown = document.querySelector(`[data-preview="${area.dataset.part}"]`);
  const { scrollTop } = shown;
  const [replacement] = template.content.children;
  shown.replaceWith(replacement);
  replacement.scrollTop = scrollTop;
}

/** Refresh the preview of a text once its researcher pauses. */
function previewLater(area) {
  let timer;
  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => refreshPreview(area).catch(() => {}), PAUSE_MS);
  });
}

for (const area of form?.querySelectorAll("textarea[data-part]") ?? []) previewLater(area);
