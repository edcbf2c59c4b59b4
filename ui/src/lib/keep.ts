// What the browser keeps for this page: the device's key and tokens in IndexedDB, small wishes in localStorage.

const DATABASE = "openclaw";
const STORE = "keep";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function within<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result as T);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** What is kept under a name; `undefined` where nothing is, or where the browser keeps nothing. */
export async function load<T>(name: string): Promise<T | undefined> {
  try {
    return await within<T | undefined>("readonly", (store) => store.get(name));
  } catch {
    return undefined;
  }
}

/** Keeps a value; a browser that keeps nothing just asks again next time. */
export async function save(name: string, value: unknown): Promise<void> {
  try {
    await within("readwrite", (store) => (value === undefined ? store.delete(name) : store.put(value, name)));
  } catch {
    // A private window: the page works, only not past its end.
  }
}

/** A small wish. */
export function wish(name: string): string | null {
  try {
    return localStorage.getItem(`openclaw.${name}`);
  } catch {
    return null;
  }
}

/** Remembers a small wish; `null` forgets it. */
export function setWish(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`openclaw.${name}`);
    else localStorage.setItem(`openclaw.${name}`, value);
  } catch {
    // As above.
  }
}
