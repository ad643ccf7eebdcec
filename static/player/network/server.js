/** The trial API (study_server/views/answering.py), asked until it answers. */

import { text } from "../texts.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const PATIENCE_MS = 20_000; // for an answer; then the request is sent again
const MOST_FAILURES = 4; // so often an image is asked for

/** The server's last word. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** onTrouble is called whenever a request failed and will be sent again. */
export function connect(base, onTrouble) {
  const get = (url, read, failures) => persist(url, { cache: "no-store" }, read, onTrouble, failures);
  const post = (url, body) => {
    const headers = { "Content-Type": "application/json" };
    // keepalive: a page that is left must still get its last word out
    const options = { method: "POST", headers, body: JSON.stringify(body), keepalive: true };
    return persist(url, options, json, onTrouble);
  };
  return {
    send: post,
    resume: () => post(`${base}/resume`, {}),
    trials: () => get(`${base}/trials`, json),
    image: (url) => get(url, async (reply) => decoded(await reply.blob()), MOST_FAILURES),
    environment: (facts) => post(`${base}/environment`, facts),
  };
}

const json = (reply) => (reply.status === 204 ? null : reply.json());

/** @throws {DOMException} an EncodingError where it is no image */
async function decoded(file) {
  const image = new Image();
  image.decoding = "sync"; // painted with the frame that shows it, never later
  image.src = URL.createObjectURL(file);
  await image.decode().finally(() => URL.revokeObjectURL(image.src));
  return image;
}

/** failures: how many of a server that answers; those of the network are not counted */
async function persist(url, options, read, onTrouble, failures = Infinity) {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await attempt(url, options, read);
    } catch (error) {
      if (error instanceof Refused) throw error;
      const answered = error.status || error.name === "EncodingError";
      if (answered && --failures <= 0) throw new Refused(error.status, error.message);
    }
    onTrouble();
    await pauseOrOnline(pauseMs);
  }
}

async function attempt(url, options, read) {
  const reply = await fetch(url, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
  const { ok, status } = reply;
  if (ok) return await read(reply);
  if (status >= 500 || status === 408 || status === 429) {
    throw Object.assign(new Error(`${status} from ${url}`), { status });
  }
  const { error } = await reply.json().catch(() => ({}));
  throw new Refused(status, error ?? text("refused", { status }));
}

function pauseOrOnline(pauseMs) {
  return new Promise((resolve) => {
    const waiting = new AbortController();
    const timer = setTimeout(done, pauseMs);
    addEventListener("online", done, { signal: waiting.signal });
    function done() {
      clearTimeout(timer);
      waiting.abort();
      resolve();
    }
  });
}
