/** The trial API (study_server/views/trials.py). What the network loses is sent again until the server answers. */

import { text } from "./words.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const PATIENCE_MS = 20_000; // a request without an answer so long is given up and sent again

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
  const get = (url, read) => persist(url, { cache: "no-store" }, read, onTrouble);
  const post = (path, body, read) => {
    const headers = { "Content-Type": "application/json" };
    // keepalive: a page that is left must still get its last word out
    const options = { method: "POST", headers, body: JSON.stringify(body), keepalive: true };
    return persist(`${base}/${path}`, options, read, onTrouble);
  };
  return {
    resume: () => post("resume", {}, json),
    trials: () => get(`${base}/trials`, json),
    image: (url) => get(url, (reply) => reply.blob()),
    start: (trial) => post(`trials/${trial.token}/start`, {}, nothing),
    respond: (trial, response) => post(`trials/${trial.token}/response`, response, json),
    environment: (facts) => post("environment", facts, nothing),
  };
}

const json = (reply) => reply.json();
const nothing = () => undefined;

async function persist(url, options, read, onTrouble) {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await attempt(url, options, read);
    } catch (error) {
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
  if (reply.ok) return read(reply);
  if (reply.status >= 500 || reply.status === 408 || reply.status === 429) {
    throw new Error(`${reply.status} from ${url}`);
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
