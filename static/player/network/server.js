/** A client of the trial API that repeats each request until the server has replied. */

import { formatText } from "../texts.js";

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 15_000;
const TIMEOUT_MS = 20_000; // a request without a reply is then sent again
const MAX_IMAGE_FAILURES = 4;

/** The server has refused a request for good. */
export class RequestRefusedError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Create a client. onRetry is called whenever a request has failed and will be sent again. */
export function createApiClient(baseUrl, onRetry) {
  const get = (url, read, maxFailures) =>
    requestUntilAnswered(url, { cache: "no-store" }, read, onRetry, maxFailures);
  const post = (url, body) => {
    const headers = { "Content-Type": "application/json" };
    // keepalive: the request is completed even if the participant leaves the page
    const options = { method: "POST", headers, body: JSON.stringify(body), keepalive: true };
    return requestUntilAnswered(url, options, readJson, onRetry);
  };
  return {
    send: post,
    resume: () => post(`${baseUrl}/resume`, {}),
    trials: () => get(`${baseUrl}/trials`, readJson),
    image: (url) => get(url, async (reply) => decodeImage(await reply.blob()), MAX_IMAGE_FAILURES),
    environment: (facts) => post(`${baseUrl}/environment`, facts),
  };
}

const readJson = (reply) => (reply.status === 204 ? null : reply.json());

/** @throws {DOMException} an EncodingError if the file is not an image */
async function decodeImage(file) {
  const image = new Image();
  image.decoding = "sync"; // painted in the frame that shows it, never later
  image.src = URL.createObjectURL(file);
  await image.decode().finally(() => URL.revokeObjectURL(image.src));
  return image;
}

/**
 * Repeat a request until it succeeds or is refused.
 * maxFailures: the number of failed replies before giving up; network failures do not count
 */
async function requestUntilAnswered(url, options, read, onRetry, maxFailures = Infinity) {
  let failures = 0;
  for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)) {
    try {
      return await requestOnce(url, options, read);
    } catch (error) {
      if (error instanceof RequestRefusedError) throw error;
      if (error.status || error.name === "EncodingError") failures += 1;
      if (failures >= maxFailures) throw new RequestRefusedError(error.status, error.message);
    }
    onRetry();
    await waitOrOnline(retryMs);
  }
}

async function requestOnce(url, options, read) {
  const reply = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const { ok, status } = reply;
  if (ok) return await read(reply);
  if (status >= 500 || status === 408 || status === 429) {
    throw Object.assign(new Error(`${status} from ${url}`), { status });
  }
  const { error } = await reply.json().catch(() => ({}));
  throw new RequestRefusedError(status, error ?? formatText("refused", { status }));
}

/** Wait for a time, or until the browser is online again. */
function waitOrOnline(ms) {
  return new Promise((resolve) => {
    const waiting = new AbortController();
    const timer = setTimeout(done, ms);
    addEventListener("online", done, { signal: waiting.signal });
    function done() {
      clearTimeout(timer);
      waiting.abort();
      resolve();
    }
  });
}
