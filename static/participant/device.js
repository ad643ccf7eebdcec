/**
 * Find out whether a device has what a study on computers needs: a mouse, a trackpad or a keyboard.
 * Browsers report pointers but not keyboards, so a keyboard is known from its first key.
 */

const finePointer = matchMedia("(any-pointer: fine)");
let hasKeyboard = false;

/** Return whether the device suits a study for these devices: "computer" or "any". */
export function deviceSuits(devices) {
  return devices === "any" || finePointer.matches || hasKeyboard;
}

/** Call a function whenever `deviceSuits` may return something else. */
export function onDeviceChange(callback) {
  finePointer.addEventListener("change", callback);
  addEventListener("keydown", () => queueMicrotask(callback));
}

/** Wait until the device suits a study for these devices. */
export async function whenDeviceSuits(devices) {
  const isUnsuitable = () => !deviceSuits(devices);
  document.body.classList.toggle("unsuitable-device", isUnsuitable());
  if (isUnsuitable()) {
    await new Promise((resolve) => onDeviceChange(() => deviceSuits(devices) && resolve()));
  }
  document.body.classList.remove("unsuitable-device");
}

// an on-screen keyboard only types into text fields; a key pressed elsewhere is a real keyboard
addEventListener("keydown", ({ target }) => {
  if (target.type === "text") return;
  hasKeyboard = true;
  document.body.classList.add("has-keyboard");
});
