/** The REST half of the fake server: the lists that the screen reads, sessions, static files. */
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** As strict as the real server's: what it forbids must not be found out in production. Fake tiles may come over plain HTTP. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "worker-src 'self' blob:",
  "child-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob: http:",
  "connect-src 'self' http:",
  "object-src 'none'",
  "base-uri 'none'",
].join("; ");

/**
 * @typedef {import("node:http").IncomingMessage} Request
 * @typedef {import("node:http").ServerResponse} Response
 * @typedef {{ world: import("./world.mjs").World, role: string, key: string | null, dist: string, tileUrl: string | null, styleUrl: string | null }} Settings
 */

/** @param {Request} request @param {string | null} key */
export function isAllowed(request, key) {
  return key === null || (request.headers.cookie ?? "").split(/;\s*/).includes(`session=${key}`);
}

/** @param {Settings} settings */
export function handlerOf(settings) {
  return (/** @type {Request} */ request, /** @type {Response} */ response) => {
    answer(settings, request, response).catch((error) => {
      response.writeHead(500, { "content-type": "text/plain" }).end(String(error));
    });
  };
}

/** @param {Settings} settings @param {Request} request @param {Response} response */
async function answer(settings, request, response) {
  const url = new URL(request.url ?? "/", "http://localhost");
  if (!url.pathname.startsWith("/v1/")) return await file(settings.dist, url.pathname, response);
  if (url.pathname === "/v1/session") return await session(settings, request, response);
  if (!isAllowed(request, settings.key)) {
    return problem(response, 401, "Unauthorized", "This server wants an API key.");
  }
  const decision = /^\/v1\/places\/([^/]+):(accept|withdraw)$/.exec(url.pathname);
  if (decision && request.method === "POST") {
    if (settings.role === "viewer") return problem(response, 403, "Forbidden", "this needs the role operator");
    return json(response, 200, settings.world.decide(decodeURIComponent(decision[1]), decision[2] === "accept"));
  }
  const body = resource(settings, url);
  if (!body) return problem(response, 404, "Not found", null);
  json(response, 200, body);
}

/** @param {Settings} settings @param {URL} url */
function resource({ world, role, tileUrl, styleUrl }, url) {
  const query = url.searchParams;
  const fixes = /^\/v1\/vehicles\/([^/]+)\/fixes$/.exec(url.pathname);
  if (fixes) {
    const van = world.vans.find((candidate) => candidate.id === decodeURIComponent(fixes[1]));
    const from = query.get("from") ?? "";
    return van
      ? page(
          van.fixes.filter((fix) => String(fix.time) >= from),
          query,
        )
      : null;
  }
  switch (url.pathname) {
    case "/v1/ui/config":
      return {
        style_url: styleUrl,
        tile_url: tileUrl,
        tile_attribution: null,
        streets_url: null,
        version: "fake",
        role,
        tenant: null,
      };
    case "/v1/vehicles":
      return page(
        world.vans.map(({ id, name, tags }) => ({
          id,
          tenant: "default",
          name,
          tracker: `t-${id}`,
          tags,
          created_at: "2026-01-01T00:00:00Z",
        })),
        query,
      );
    case "/v1/routes":
      return page(
        world.vans.map((van) => van.route),
        query,
      );
    case "/v1/fences":
      return page(world.fences, query);
    case "/v1/places":
      return page(world.offers, query);
    case "/v1/visits":
      return page(world.visits.filter((visit) => visit.vehicle === query.get("vehicle")).reverse(), query);
    case "/v1/events":
      return page(query.get("order") === "newest" ? world.events.toReversed() : world.events, query);
    default:
      return null;
  }
}

/** @param {object[]} items @param {URLSearchParams} query */
function page(items, query) {
  const limit = Number(query.get("limit") ?? 100);
  const from = Number(query.get("cursor") ?? 0);
  const to = from + limit;
  return { items: items.slice(from, to), next_cursor: to < items.length ? String(to) : null };
}

/** @param {Settings} settings @param {Request} request @param {Response} response */
async function session({ key }, request, response) {
  if (request.method === "DELETE") {
    return response.writeHead(204, { "set-cookie": "session=; Max-Age=0; HttpOnly; SameSite=Strict; Path=/" }).end();
  }
  let text = "";
  for await (const chunk of request) text += chunk;
  if (key !== null && JSON.parse(text).key !== key) {
    return problem(response, 401, "Unauthorized", "This key is not known.");
  }
  response.writeHead(204, { "set-cookie": `session=${key}; HttpOnly; SameSite=Strict; Path=/` }).end();
}

/** @param {string} dist @param {string} path @param {Response} response */
async function file(dist, path, response) {
  const name = normalize(path === "/" || path.startsWith("/t/") ? "/index.html" : path).replace(/^(\.\.[/\\])+/, "");
  try {
    const body = await readFile(join(dist, name));
    const type = TYPES[/** @type {keyof typeof TYPES} */ (extname(name))] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-security-policy": POLICY }).end(body);
  } catch {
    problem(response, 404, "Not found", "Has the page been built? npm run build");
  }
}

/** @param {Response} response @param {number} status @param {unknown} body */
function json(response, status, body) {
  response
    .writeHead(status, { "content-type": "application/json", date: new Date().toUTCString() })
    .end(JSON.stringify(body));
}

/** @param {Response} response @param {number} status @param {string} title @param {string | null} detail */
function problem(response, status, title, detail) {
  response
    .writeHead(status, { "content-type": "application/problem+json" })
    .end(JSON.stringify({ title, status, detail }));
}
