/** Watch for what keeps images from being seen as planned, until stop(), which gives the flags. */
export function watchDisturbances() {
  const seen = new Set();
  if (document.hidden) seen.add("hidden"); // it was before: no event will come
  if (!document.hasFocus()) seen.add("blurred");
  const watching = new AbortController();
  const note = (target, event, flag) =>
    target.addEventListener(event, () => seen.add(flag), { signal: watching.signal });
  note(document, "visibilitychange", "hidden");
  note(window, "blur", "blurred");
  note(window, "resize", "resized");
  return {
    stop() {
      watching.abort();
      return [...seen];
    },
  };
}
