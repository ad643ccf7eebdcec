/**
 * Watch for events that keep images from being seen as planned: another tab, another window, a
 * resized window.
 * @returns stop(): end the watch and return the trial's flags
 */
export function watchDisturbances() {
  const flags = new Set();
  if (document.hidden) flags.add("hidden"); // already hidden: no event will follow
  if (!document.hasFocus()) flags.add("blurred");
  const abortController = new AbortController();
  const addFlagOn = (target, event, flag) =>
    target.addEventListener(event, () => flags.add(flag), { signal: abortController.signal });
  addFlagOn(document, "visibilitychange", "hidden");
  addFlagOn(window, "blur", "blurred");
  addFlagOn(window, "resize", "resized");
  return {
    stop() {
      abortController.abort();
      return [...flags];
    },
  };
}
