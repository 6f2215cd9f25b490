/** Text of a WebSocket message to a frame. A message that is none is refused with a reason, never passed on half-read. */
import type { ServerFrame } from "../api/wire";

export class BadFrame extends Error {}

const LISTS: Record<string, string> = { snapshot: "positions", positions: "positions", eta: "etas", gone: "vehicles" };

export function parseFrame(text: string): ServerFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadFrame("not JSON");
  }
  if (typeof value !== "object" || value === null) throw new BadFrame("not an object");
  const frame = value as Record<string, unknown>;
  const type = String(frame.type);
  if (type === "error") return frame as ServerFrame;
  if (typeof frame.seq !== "number") throw new BadFrame(`${type} without seq`);
  const list = LISTS[type];
  if (list ? Array.isArray(frame[list]) : type === "event" && typeof frame.event === "object") {
    return frame as ServerFrame;
  }
  throw new BadFrame(`unknown or incomplete frame ${type}`);
}
