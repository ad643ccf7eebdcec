/** Let one page per participant run: the one opened last, so that no image is seen in two tabs. */

/** Stop other pages with this base URL; call onOtherTab when another page takes over from this one. */
export function claimSingleTab(baseUrl, onOtherTab) {
  const channel = new BroadcastChannel("hue-and-eye");
  channel.postMessage(baseUrl);
  channel.addEventListener("message", ({ data }) => data === baseUrl && onOtherTab());
  // a page restored from the back-forward cache does not know what was answered in the meantime
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}
