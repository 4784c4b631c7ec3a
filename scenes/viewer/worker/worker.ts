/**
 * The service worker: what was shown is shown again where there is no network, as in a tunnel.
 *
 * What the server says never changes comes from here first; all else from the network first, and from here where
 * it does not answer. What is private, or asked for with a key, is never kept.
 */

export {};
declare const self: ServiceWorkerGlobalScope;

/** Bytes kept of each part, as they were sent: of the page itself, and of what it shows. */
const MOST = { page: 16 * 2 ** 20, shown: 64 * 2 ** 20 };
type Part = keyof typeof MOST;
/** Bytes that an answer is held to have when it does not say. */
const UNTOLD = 2 ** 16;
/** Milliseconds after which a network that has not answered is taken for none; then, for how long little is hoped of it, and how little. */
const PATIENCE = 8000;
const DESPAIR = 30_000;
const HOPE = 2000;
/** Milliseconds without a new answer before the oldest are dropped. */
const PAUSE = 1000;

const scope = new URL(self.registration.scope);
let due = 0;
/** Until when the network is held to be silent. */
let silent = 0;

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const part = request.method === "GET" && !request.headers.has("Authorization") ? partOf(request) : null;
  if (part) event.respondWith(answer(event, part));
});

/** The page tells what it had read before the worker was there. */
self.addEventListener("message", (event: ExtendableMessageEvent) => event.waitUntil(keepAll(event.data as string[])));

/** The part to which an address belongs; null for what the page does not read: it is one client of the site among others. */
function partOf({ url, mode }: Pick<Request, "url" | "mode">): Part | null {
  const { origin, pathname } = new URL(url);
  if (origin !== scope.origin || !pathname.startsWith(scope.pathname)) return null;
  const path = pathname.slice(scope.pathname.length);
  if (path === "" || /^(assets|cesium)\//.test(path)) return "page";
  return mode !== "navigate" && /^(scenes|ogc\/collections)\//.test(path) ? "shown" : null;
}

/** The caches of an origin are shared by all that is served under it. */
function open(part: Part): Promise<Cache> {
  return caches.open(`${scope.pathname} ${part}`);
}

async function answer(event: FetchEvent, part: Part): Promise<Response> {
  const { request } = event;
  const kept = await (await open(part)).match(request, { ignoreVary: true, ignoreSearch: request.mode === "navigate" });
  if (kept && says(kept, "immutable")) return kept;
  const fresh = fetch(request);
  event.waitUntil(fresh.then((response) => heard(part, request.url, response.clone())).catch(() => {}));
  if (!kept) return fresh;
  try {
    return await Promise.race([fresh, tooLate()]);
  } catch {
    silent = Date.now() + DESPAIR;
    if (part === "shown") event.waitUntil(tell(event.clientId, kept));
    return kept;
  }
}

function says(response: Response, directive: string): boolean {
  return (response.headers.get("Cache-Control") ?? "").includes(directive);
}

function tooLate(): Promise<never> {
  const patience = Date.now() < silent ? HOPE : PATIENCE;
  return new Promise((_, fail) => setTimeout(() => fail(new Error("no answer")), patience));
}

function heard(part: Part, url: string, response: Response): Promise<void> {
  silent = 0;
  return keep(part, url, response);
}

/** Tells a page when what it is given was read. */
async function tell(clientId: string, kept: Response): Promise<void> {
  const client = await self.clients.get(clientId);
  const read = Date.parse(kept.headers.get("Date") ?? "");
  if (read) client?.postMessage({ read });
}

async function keep(part: Part, url: string, response: Response): Promise<void> {
  if (!response.ok || says(response, "private") || says(response, "no-store")) return;
  await (await open(part)).put(url, response);
  clearTimeout(due);
  due = setTimeout(() => void Promise.all([bound("page"), bound("shown")]), PAUSE);
}

/** Keeps what the browser still has of some addresses; the first is the page, kept once all that it needs is. */
async function keepAll([page, ...urls]: string[]): Promise<void> {
  const one = async (url: string) => {
    const part = partOf({ url, mode: "cors" });
    if (part) await keep(part, url, await fetch(url, { cache: "force-cache" })).catch(() => {});
  };
  await Promise.all(urls.map(one));
  if (page) await one(page);
}

/** Drops the oldest answers of a part beyond its bytes. */
async function bound(part: Part): Promise<void> {
  const cache = await open(part);
  let left = MOST[part];
  for (const request of (await cache.keys()).toReversed()) {
    const kept = await cache.match(request, { ignoreVary: true });
    left -= Number(kept?.headers.get("Content-Length") ?? UNTOLD);
    if (left < 0) await cache.delete(request, { ignoreVary: true });
  }
}
