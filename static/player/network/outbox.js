/**
 * Messages that must arrive, in their order: each stays on the device until the server has answered.
 * A page that did not live to hear it leaves its message to be sent twice, under the same id.
 */

import { Refused } from "./server.js";

/**
 * @param send (url, body) -> Promise of the server's word, however late; may be Refused
 * @returns keep(url, body): once it is stored, {reply: Promise}; drained(): once nothing waits;
 *   waiting(): how many do
 */
export async function openOutbox(send, store) {
  const promised = new Map(); // a message's key -> who wants to know the reply
  let waiting = await store.count(); // left by a page before this one
  let working = Promise.resolve();

  async function work() {
    for (let message; (message = await store.first()); waiting -= 1) {
      const { resolve, reject } = promised.get(message.key) ?? {};
      await send(message.url, message.body).then(resolve, (error) => {
        if (!(error instanceof Refused)) throw error;
        reject?.(error); // it has had its answer
      });
      await store.remove(message.key);
    }
  }
  const drained = () => (working = working.then(work));
  return {
    async keep(url, body) {
      const key = await store.add({ url, body });
      const reply = new Promise((resolve, reject) => promised.set(key, { resolve, reject }));
      reply.catch(() => {}); // who wants to know asks
      waiting += 1;
      drained();
      return { reply };
    },
    drained,
    waiting: () => waiting,
  };
}

/** crypto.randomUUID is not there without https. */
export const makeId = () =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("-");
