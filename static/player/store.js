/** Where messages wait: in IndexedDB, which outlives the page, or in memory where that is refused. */

const TABLE = "messages";

/** @returns {Promise<object>} a store: add(message) -> key, first() -> {key, ...}, remove, count */
export async function openStore(name = "hue-and-eye") {
  try {
    return inDatabase(await openDatabase(name));
  } catch {
    return inMemory(); // some private windows
  }
}

function openDatabase(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () =>
    opening.result.createObjectStore(TABLE, { keyPath: "key", autoIncrement: true });
  return settled(opening);
}

function inDatabase(database) {
  const table = (mode) => database.transaction(TABLE, mode, { durability: "strict" });
  const read = (request) => settled(request(table("readonly").objectStore(TABLE)));
  const write = async (request) => {
    const transaction = table("readwrite");
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const value = await settled(request(transaction.objectStore(TABLE)));
    await done; // only now it is on the disk
    return value;
  };
  return {
    add: (message) => write((messages) => messages.add(message)),
    first: async () => (await read((messages) => messages.getAll(null, 1)))[0],
    remove: (key) => write((messages) => messages.delete(key)),
    count: () => read((messages) => messages.count()),
  };
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** The same for as long as the page lives. */
export function inMemory() {
  const messages = [];
  let key = 0;
  return {
    add: async (message) => messages.push({ ...message, key: (key += 1) }) && key,
    first: async () => messages[0],
    remove: async (gone) => void messages.splice(messages.findIndex((m) => m.key === gone), 1),
    count: async () => messages.length,
  };
}
