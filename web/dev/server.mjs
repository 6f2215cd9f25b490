/**
 * A server that speaks the API's shapes with made-up vans: for working on the screen without a fleet.
 *
 *   node dev/server.mjs [--port 8099] [--vans 300] [--seed 7] [--key K] [--role R] [--tile-url U] [--style-url U] [--history-s 1200]
 *
 * Prints `listening on http://127.0.0.1:PORT` once it is ready. Binds to loopback only.
 */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serveLive } from "./live.mjs";
import { handlerOf } from "./rest.mjs";
import { World } from "./world.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8099" },
    vans: { type: "string", default: "300" },
    seed: { type: "string", default: "7" },
    "history-s": { type: "string", default: "1200" },
    key: { type: "string" },
    role: { type: "string", default: "viewer" },
    "tile-url": { type: "string" },
    "style-url": { type: "string" },
  },
});

const settings = {
  world: new World({
    vans: Number(values.vans),
    seed: Number(values.seed),
    nowMs: Date.now(),
    historyMs: Number(values["history-s"]) * 1000,
  }),
  key: values.key ?? null,
  role: values.role,
  dist: fileURLToPath(new URL("../dist", import.meta.url)),
  tileUrl: values["tile-url"] ?? null,
  styleUrl: values["style-url"] ?? null,
};
const server = createServer(handlerOf(settings));
serveLive(server, settings);
server.listen(Number(values.port), "127.0.0.1", () => {
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  process.stdout.write(`listening on http://127.0.0.1:${address.port}\n`);
});
process.on("SIGTERM", () => process.exit(0));
