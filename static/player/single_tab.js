/** One page a participant: the one opened last plays, so that no image is seen in two. */

export function takeOver(base, onOther) {
  const channel = new BroadcastChannel("hue-and-eye");
  channel.postMessage(base);
  channel.addEventListener("message", ({ data }) => data === base && onOther());
  // a page that the browser kept and brings back does not know what was answered since
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}
