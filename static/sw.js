// The service worker of the counter pages. RELEASE {version, shell, addresses} stands before it: another release is
// another worker, and its cache replaces the old one. Only the shell and its files are kept, never a page of anybody.

const CACHE = `counter-${RELEASE.version}`;
const AWAY = [502, 503, 504]; // the house is not there, though something answers for it

// Letters and icons, which the style sheets name.
const letters = async (cache) => {
  const sheets = RELEASE.addresses.filter((address) => address.endsWith(".css"));
  const found = new Set();
  for (const sheet of sheets) {
    const text = await (await cache.match(sheet)).text();
    for (const [, named] of text.matchAll(/url\(["']?([^"')]+\.woff2[^"')]*)/g)) {
      found.add(new URL(named, new URL(sheet, self.location)).href);
    }
  }
  return [...found];
};

self.addEventListener("install", (event) => {
  const filled = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll([RELEASE.shell, ...RELEASE.addresses].map((address) => new Request(address, { cache: "reload" })));
    await cache.addAll(await letters(cache));
    await self.skipWaiting();
  };
  event.waitUntil(filled());
});

self.addEventListener("activate", (event) => {
  const cleared = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith("counter-") && name !== CACHE).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(cleared());
});

const shell = async () => (await caches.match(RELEASE.shell, { cacheName: CACHE })) ?? Response.error();

// A form that got no answer may have been taken: its key goes with the next try, so that it counts once.
const FIELDS = ["submit_key", "shares", "tenders", "consumer", "amount", "received", "tender", "instrument", "instrument_date", "bank_name", "micr"];

const kept = (draft) =>
  new Promise((done) => {
    const asked = indexedDB.open("counter-offline", 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("facts");
      asked.result.createObjectStore("queue", { keyPath: "sequence" });
    };
    asked.onerror = () => done();
    asked.onsuccess = () => {
      const change = asked.result.transaction(["facts"], "readwrite");
      change.objectStore("facts").put(draft, "draft");
      change.oncomplete = change.onabort = () => {
        asked.result.close();
        done();
      };
    };
  });

const unanswered = async (copy) => {
  const form = await copy.formData().catch(() => null);
  if (form?.get("submit_key")) {
    await kept(Object.fromEntries(FIELDS.filter((name) => typeof form.get(name) === "string").map((name) => [name, form.get(name)])));
  }
  return Response.redirect(RELEASE.shell, 303);
};

const page = async (request) => {
  const copy = request.method === "POST" ? request.clone() : null;
  try {
    const answer = await fetch(request);
    if (!AWAY.includes(answer.status)) return answer;
  } catch {
    // No network.
  }
  return copy ? unanswered(copy) : shell();
};

// What the shell needs comes from the network while there is one; files that style sheets name are kept as they are met.
const file = async (request) => {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok && !(await cache.match(request))) await cache.put(request, answer.clone());
    return answer;
  } catch {
    return (await cache.match(request)) ?? Response.error();
  }
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (request.method === "GET" && address.pathname.startsWith("/static/")) event.respondWith(file(request));
});
