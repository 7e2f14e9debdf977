// SPDX-License-Identifier: MIT
// The service worker: the page opens without a network. It keeps the page's files and nothing else; what the
// API answers never passes through it.
const family = `opencat-chat:${new URL('.', self.location).pathname}:`; // servers under one origin each have their own
const cacheName = family + VERSION;
const patience = 4000; // milliseconds
const base = new URL('.', self.location);
const page = new URL('chat', base).href;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(cacheName)
      .then((cache) => cache.addAll([page, ...FILES.map((file) => new URL(file, base).href)])),
  );
});

self.addEventListener('activate', (event) => {
  const old = (name) => name.startsWith(family) && name !== cacheName;
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))),
  );
});

/** The page from the server, or the kept one when that is unreachable, ill or very slow. */
async function pageFor(request) {
  const kept = () => caches.match(page, { cacheName });
  const network = fetch(request).then(async (response) =>
    response.status < 500 ? response : ((await kept()) ?? response),
  );
  const slow = new Promise((resolve) => setTimeout(resolve, patience)).then(kept);
  try {
    return (await Promise.race([network, slow])) ?? (await network);
  } catch (error) {
    const response = await kept();
    if (response) return response;
    throw error;
  }
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== base.origin) return;
  // Never kept under its own address, which may hold a token.
  if (request.mode === 'navigate' && url.pathname === new URL(page).pathname) {
    event.respondWith(pageFor(request));
  } else if (url.pathname.startsWith(`${base.pathname}assets/`)) {
    event.respondWith(caches.match(url.href, { cacheName }).then((kept) => kept ?? fetch(request)));
  }
});
