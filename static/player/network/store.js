/** Storage for unsent messages: IndexedDB, which survives the page, or else memory. */

const OBJECT_STORE = "messages";

/**
 * Open the storage of one participant. Each has a database of their own, because other participants
 * of this or another study may use the same browser, even at the same time.
 * @param baseUrl the address of the participant's pages
 * @returns add(message): its key; first(): the oldest message with its key; remove(key); count();
 *   discard(): delete the storage; isOnDevice: whether messages outlive the page
 */
export async function openStore(baseUrl) {
  try {
    return createDatabaseStore(await openDatabase(databaseName(baseUrl)));
  } catch {
    return createMemoryStore(); // some browsers refuse IndexedDB in private windows
  }
}

/** Delete what a participant's pages have left in this browser. */
export function discardStore(baseUrl) {
  try {
    indexedDB.deleteDatabase(databaseName(baseUrl));
  } catch {
    // nothing was stored, for the same reason
  }
}

const databaseName = (baseUrl) => `hue-and-eye ${baseUrl}`;

function openDatabase(name) {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () =>
    opening.result.createObjectStore(OBJECT_STORE, { keyPath: "key", autoIncrement: true });
  return toPromise(opening);
}

function createDatabaseStore(database) {
  database.onversionchange = () => database.close(); // another tab of this participant ends the study
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
    discard() {
      database.close();
      const deleting = indexedDB.deleteDatabase(database.name);
      return new Promise((resolve) => {
        // blocked: another tab is open, and the browser deletes it when that tab is closed
        deleting.onsuccess = deleting.onerror = deleting.onblocked = resolve;
      });
    },
    isOnDevice: true,
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
    discard: async () => {},
    isOnDevice: false,
  };
}
