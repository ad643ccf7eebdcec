/** The trial API (docs/trial-api.md). What the network loses is sent again until the server answers. */

import { text } from "./words.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const PATIENCE_MS = 20_000; // a request without an answer so long is given up and sent again
const MOST_FAILURES = 4; // of a server that answers, but cannot: so often an image is asked for

/** The server answered, and asking again would not change its mind. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} base the participant's address, "/p/<token>"
 * @param {() => void} onTrouble called whenever a request failed and will be sent again
 */
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
    image: (url) => get(url, (reply) => reply.blob(), MOST_FAILURES),
    environment: (facts) => post(`${base}/environment`, facts),
  };
}

const json = (reply) => (reply.status === 204 ? null : reply.json());

async function persist(url, options, read, onTrouble, failures = Infinity) {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await attempt(url, options, read);
    } catch (error) {
      if (error.status && --failures <= 0) throw new Refused(error.status, error.message);
      if (error instanceof Refused) throw error;
    }
    onTrouble();
    await pauseOrOnline(pauseMs);
  }
}

/** One request. @throws {Refused} when it is final; anything else is worth repeating */
async function attempt(url, options, read) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const reply = await fetch(url, { ...options, signal });
  if (reply.ok) return await read(reply);
  if (reply.status >= 500 || reply.status === 408 || reply.status === 429) {
    throw Object.assign(new Error(`${reply.status} from ${url}`), { status: reply.status });
  }
  const { error } = await reply.json().catch(() => ({}));
  throw new Refused(reply.status, error ?? text("refused", { status: reply.status }));
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
