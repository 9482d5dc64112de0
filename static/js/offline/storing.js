// What this window keeps while it has no network, in IndexedDB: its key (which cannot leave it), its numbers, its queue.
// Of a receipt that was sent nothing stays but number and amount, and that until the numbers are handed back.

const NAME = "counter-offline";
const STRICT = { durability: "strict" }; // written to the disk before a receipt is given

const opened = () =>
  new Promise((done, fail) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      const made = asked.result;
      made.createObjectStore("facts"); // "device", "numbers", "place", "draft"
      made.createObjectStore("queue", { keyPath: "sequence" });
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });

// Runs one transaction; what act returns is a request, or several by name.
const inside = async (stores, mode, act) => {
  const base = await opened();
  try {
    return await new Promise((done, fail) => {
      const change = base.transaction(stores, mode, STRICT);
      const request = act(change);
      change.oncomplete = () => done(request?.result);
      change.onabort = () => fail(change.error);
      change.onerror = () => fail(change.error);
    });
  } finally {
    base.close();
  }
};

export const fact = (name) => inside(["facts"], "readonly", (change) => change.objectStore("facts").get(name));
export const keep = (name, value) => inside(["facts"], "readwrite", (change) => change.objectStore("facts").put(value, name));
export const forget = (name) => inside(["facts"], "readwrite", (change) => change.objectStore("facts").delete(name));
export const items = () => inside(["queue"], "readonly", (change) => change.objectStore("queue").getAll());

// The item and where the chain stands, both or neither.
export const append = (item, device) =>
  inside(["facts", "queue"], "readwrite", (change) => {
    change.objectStore("queue").add(item); // two of one sequence cannot be
    change.objectStore("facts").put(device, "device");
  });

// What was answered keeps its number and its sum only.
export const answered = (results) =>
  inside(["queue"], "readwrite", (change) => {
    const queue = change.objectStore("queue");
    for (const { sequence, number, amount_paise, status, words } of results) {
      queue.put({ sequence, number, amount_paise, status, words });
    }
  });

export const wipe = (names) =>
  inside(["facts", "queue"], "readwrite", (change) => {
    change.objectStore("queue").clear();
    for (const name of names) change.objectStore("facts").delete(name);
  });
