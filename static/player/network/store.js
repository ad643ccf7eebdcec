/** Storage for unsent messages: IndexedDB, which survives the page, or else memory. */

const OBJECT_STORE = "messages";

/**
 * Open the storage.
 * @returns add(message): its key; first(): the oldest message with its key; remove(key); count()
 */
export async function openStore(name = "hue-and-eye") {
  try {
    return createDatabaseStore(await openDatabase(name));
  } catch {
    return createMemoryStore(); // some browsers refuse IndexedDB in private windows
  }
}

function openDatabase(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () =>
    opening.result.createObjectStore(OBJECT_STORE, { keyPath: "key", autoIncrement: true });
  return toPromise(opening);
}

function createDatabaseStore(database) {
  const runTransaction = async (request, mode = "readonly") => {
    const transaction = database.transaction(OBJECT_STORE, mode, { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const value = await toPromise(request(transaction.objectStore(OBJECT_STORE)));
    await done; // the data is on the disk only now
    return value;
  };
  return {
    add: (message) => runTransaction((messages) => messages.add(message), "readwrite"),
    first: async () => (await runTransaction((messages) => messages.getAll(null, 1)))[0],
    remove: (key) => runTransaction((messages) => messages.delete(key), "readwrite"),
    count: () => runTransaction((messages) => messages.count()),
  };
}

const toPromise = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export function createMemoryStore() {
  const messages = [];
  let key = 0;
  return {
    add: async (message) => messages.push({ ...message, key: (key += 1) }) && key,
    first: async () => messages[0],
    remove: async () => void messages.shift(), // only the first message is ever removed
    count: async () => messages.length,
  };
}
