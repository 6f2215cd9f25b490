/** The one word for how a vehicle is doing, and how late a stop will be. Pure; everything that colours or sorts asks here. */
import type { Delay, Stop, StopStatus } from "../api/wire";

export type Motion = "moving" | "stopped" | "stale";

/** Silence after which a vehicle's last place says little. */
export const STALE_AFTER_MS = 180_000;
/** Walking pace: below it a van stands, whatever the noise of GPS says. */
export const MOVING_FROM_MPS = 1.2;

export interface Reported {
  fixAtMs: number | null;
  speed_mps: number | null;
}

export function motionOf(vehicle: Reported, nowMs: number): Motion {
  if (vehicle.fixAtMs === null || nowMs - vehicle.fixAtMs > STALE_AFTER_MS) return "stale";
  return (vehicle.speed_mps ?? 0) >= MOVING_FROM_MPS ? "moving" : "stopped";
}

const OPEN: ReadonlySet<StopStatus> = new Set(["planned", "approaching"]);

/** Whether the stop is still to be reached. */
export function isOpen(stop: Stop): boolean {
  return OPEN.has(stop.status);
}

/** Whether the vehicle has been there and gone. */
export function isDone(stop: Stop): boolean {
  return stop.status === "departed" || stop.status === "completed";
}

const SEVERITY: Record<Delay, number> = { on_time: 0, at_risk: 1, delayed: 2 };

/** The open stop in most trouble, the earliest of those; the next one where none is in any. Null when all are done. */
export function worstStop(stops: readonly Stop[]): Stop | null {
  let worst: Stop | null = null;
  for (const stop of stops) {
    if (isOpen(stop) && (worst === null || SEVERITY[stop.delay] > SEVERITY[worst.delay])) worst = stop;
  }
  return worst;
}

/** The instant that the stop was promised for: the end of its window, else the planned arrival. */
export function dueMs(stop: Stop): number | null {
  const due = stop.window?.[1] ?? stop.planned_arrival;
  return due ? Date.parse(due) : null;
}

/**
 * Seconds after the due instant (negative: before it), by the actual arrival, else by the median prediction.
 * Null where nothing was promised or predicted.
 */
export function lateS(stop: Stop): number | null {
  const due = dueMs(stop);
  const reached = stop.arrived_at ?? (isOpen(stop) ? stop.eta?.p50 : null);
  return due === null || !reached ? null : (Date.parse(reached) - due) / 1000;
}

/** Seconds against the plan, for "4 min early": the planned arrival where there is one, else the window. */
export function againstPlanS(stop: Stop, reachedMs: number): number | null {
  if (stop.planned_arrival) return (reachedMs - Date.parse(stop.planned_arrival)) / 1000;
  if (!stop.window) return null;
  const [fromMs, toMs] = stop.window.map((edge) => Date.parse(edge));
  if (reachedMs < fromMs) return (reachedMs - fromMs) / 1000;
  return reachedMs > toMs ? (reachedMs - toMs) / 1000 : 0;
}
