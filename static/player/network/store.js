/** Where messages wait: in IndexedDB, which outlives the page, else in memory. */

const TABLE = "messages";

/** A store: add(message) -> key, first() -> message with its key, remove(key), count(). */
export async function openStore(name = "hue-and-eye") {
  try {
    return inDatabase(await openDatabase(name));
  } catch {
    return inMemory(); // some private windows refuse
  }
}

function openDatabase(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () =>
    opening.result.createObjectStore(TABLE, { keyPath: "key", autoIncrement: true });
  return settled(opening);
}

function inDatabase(database) {
  const run = async (request, mode = "readonly") => {
    const transaction = database.transaction(TABLE, mode, { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const value = await settled(request(transaction.objectStore(TABLE)));
    await done; // only now it is on the disk
    return value;
  };
  return {
    add: (message) => run((messages) => messages.add(message), "readwrite"),
    first: async () => (await run((messages) => messages.getAll(null, 1)))[0],
    remove: (key) => run((messages) => messages.delete(key), "readwrite"),
    count: () => run((messages) => messages.count()),
  };
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export function inMemory() {
  const messages = [];
  let key = 0;
  return {
    add: async (message) => messages.push({ ...message, key: (key += 1) }) && key,
    first: async () => messages[0],
    remove: async () => void messages.shift(), // only ever the first
    count: async () => messages.length,
  };
}
