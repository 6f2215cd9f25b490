/** The WebSocket half of the fake server: snapshot, newest positions, events with resume, ETAs. */
import { WebSocketServer } from "ws";
import { isAllowed } from "./rest.mjs";

const TICK_MS = 250;
/** How many clients may be behind by this many bytes before positions are left out for them. */
const SLOW_BYTES = 1_000_000;

/** @param {import("node:http").Server} server @param {{ world: import("./world.mjs").World, key: string | null }} settings */
export function serveLive(server, { world, key }) {
  const sockets = new WebSocketServer({ server, path: "/v1/live" });
  sockets.on("connection", (socket, request) => {
    if (!isAllowed(request, key)) return socket.close(4401, "no session");
    socket.on("message", (data) => subscribe(socket, JSON.parse(String(data)), world));
  });
  let lastMs = Date.now();
  const timer = setInterval(() => {
    const nowMs = Date.now();
    const { positions, events, etas } = world.step(nowMs, nowMs - lastMs);
    lastMs = nowMs;
    for (const socket of sockets.clients) {
      if (positions.length > 0 && socket.bufferedAmount < SLOW_BYTES)
        say(socket, { type: "positions", seq: world.seq, positions });
      for (const event of events) say(socket, { type: "event", seq: event.seq, event });
      if (etas.length > 0) say(socket, { type: "eta", seq: world.seq, etas });
    }
  }, TICK_MS);
  server.on("close", () => {
    clearInterval(timer);
    sockets.close();
  });
}

/** @param {import("ws").WebSocket} socket @param {{ since?: number }} request @param {import("./world.mjs").World} world */
function subscribe(socket, request, world) {
  say(socket, { type: "snapshot", seq: world.seq, positions: world.vans.map((van) => van.fix) });
  const since = request.since;
  if (since === undefined) return;
  for (const event of world.events)
    if (Number(event.seq) > since) say(socket, { type: "event", seq: event.seq, event });
}

/** @param {import("ws").WebSocket} socket @param {unknown} message */
function say(socket, message) {
  socket.send(JSON.stringify(message));
}
