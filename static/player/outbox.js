/**
 * Messages that must arrive, in their order: each is kept on the device until the server has
 * answered it, so that neither a dead network nor a closed page loses one. One may be sent twice,
 * by a page that did not live to hear the answer; the server knows it by its id.
 */

import { Refused } from "./server.js";

/**
 * @param {(url: string, body: object) => Promise<any>} send repeats until the server answers;
 *   throws Refused when that is final
 * @param {object} store add, first, remove and count of messages, as in store.js
 * @returns keep(url, body): once it is stored, {reply: Promise} of the server's word;
 *   drained(): when nothing waits any more; waiting(): how many messages do
 */
export async function openOutbox(send, store) {
  const promised = new Map(); // message's key -> whoever wants to know the reply
  let waiting = await store.count(); // left by a page before this one
  let working = Promise.resolve();

  async function work() {
    for (let message; (message = await store.first()); ) {
      const { resolve, reject } = promised.get(message.key) ?? {};
      await send(message.url, message.body).then(resolve, (error) => {
        if (!(error instanceof Refused)) throw error;
        reject?.(error); // asking again would not help: it has had its answer
      });
      await store.remove(message.key);
      promised.delete(message.key);
      waiting -= 1;
    }
  }
  const drained = () => (working = working.then(work));
  return {
    async keep(url, body) {
      const key = await store.add({ url, body });
      const reply = new Promise((resolve, reject) => promised.set(key, { resolve, reject }));
      reply.catch(() => {}); // whoever wants to know asks
      waiting += 1;
      drained();
      return { reply };
    },
    drained,
    waiting: () => waiting,
  };
}

/** Sixteen random bytes as a UUID; crypto.randomUUID is not there without https. */
export function makeId() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5");
}
