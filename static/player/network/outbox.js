/**
 * A persistent queue: messages are sent in order and stay on the device until the server has replied.
 * If the page closes before the reply arrives, the message is sent again with the same id.
 */

import { RequestRefusedError } from "./server.js";

/**
 * Open the queue and send what an earlier page left in it.
 * @param send (url, body) => Promise of the server's reply; rejects with RequestRefusedError if the
 *   server refuses the message for good
 * @returns enqueue(url, body): once the message is stored, {reply: Promise}; whenEmpty(): a promise
 *   that resolves when every message is sent; pendingCount(): the number of messages not yet sent;
 *   isOnDevice: whether messages outlive the page; discard(): delete the queue, once it is empty
 */
export async function openOutbox(send, store) {
  const replyHandlers = new Map(); // by the message's key
  let pendingCount = await store.count();
  let sending = Promise.resolve();

  async function sendPending() {
    for (let message; (message = await store.first()); pendingCount -= 1) {
      const { resolve, reject } = replyHandlers.get(message.key) ?? {};
      await send(message.url, message.body).then(resolve, (error) => {
        if (!(error instanceof RequestRefusedError)) throw error;
        reject?.(error); // the server has replied: do not send it again
      });
      await store.remove(message.key);
    }
  }
  const whenEmpty = () => (sending = sending.then(sendPending));
  return {
    async enqueue(url, body) {
      const key = await store.add({ url, body });
      const reply = new Promise((resolve, reject) => replyHandlers.set(key, { resolve, reject }));
      reply.catch(() => {}); // callers that need the reply handle its rejection
      pendingCount += 1;
      whenEmpty();
      return { reply };
    },
    whenEmpty,
    pendingCount: () => pendingCount,
    isOnDevice: store.isOnDevice,
    discard: store.discard,
  };
}

/** Create a random id. crypto.randomUUID exists only on https pages. */
export const createMessageId = () =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("-");
