// Keeps the shell, so that the installed page opens without a network and says that it is not connected.
// Files under assets/ are named after what they hold and never change; everything else is asked for first.

const SHELL = "shell-1";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const scope = new URL(self.registration.scope);
  const below = url.pathname.startsWith(scope.pathname) ? url.pathname.slice(scope.pathname.length) : undefined;
  if (request.method !== "GET" || url.origin !== scope.origin || below === undefined) return;
  if (below.startsWith("assets/")) event.respondWith(kept(request, false));
  else if (["", "icon.svg", "manifest.webmanifest"].includes(below)) event.respondWith(kept(request, true));
});

async function kept(request, fresh) {
  const cache = await caches.open(SHELL);
  // Nothing of an address's query or fragment is kept.
  const name = request.url.split(/[?#]/)[0];
  const known = await cache.match(name);
  if (known && !fresh) return known;
  try {
    const response = await fetch(request);
    if (response.ok && response.type === "basic") {
      if (name === self.registration.scope) await forget(cache, name, response.clone());
      await cache.put(name, response.clone());
    }
    return response;
  } catch (error) {
    if (known) return known;
    throw error;
  }
}

/** Another page comes with other files; those of the one before are gone. */
async function forget(cache, name, response) {
  const before = await cache.match(name);
  const now = await response.text();
  if (!before || (await before.text()) === now) return;
  for (const request of await cache.keys()) {
    const file = request.url.split("/").pop();
    if (request.url.includes("/assets/") && !now.includes(file)) await cache.delete(request);
  }
}
