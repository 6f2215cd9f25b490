/** The side list: which vehicles match a search, in which order. Pure. */
import type { Delay } from "../api/wire";
import { type Motion, motionOf } from "./condition";
import type { FleetVehicle } from "./fleet";
import type { Progress } from "./routes";
import type { SortKey } from "./settings";

/** Every word of the query must occur in the name, the id, the tracker or a tag. */
export function matches(haystack: string, query: string): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => haystack.includes(word));
}

const DELAY_RANK: Record<Delay, number> = { delayed: 2, at_risk: 1, on_time: 0 };
const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

export type ProgressOf = (vehicle: FleetVehicle) => Progress | null;

/** Sorted by name with numbers as numbers; by lateness: the worst word first, then the most seconds, then the name. */
export function roster(
  vehicles: readonly FleetVehicle[],
  query: string,
  sort: SortKey,
  progressOf: ProgressOf,
): FleetVehicle[] {
  const found = vehicles.filter((vehicle) => matches(vehicle.haystack, query));
  if (sort === "name") return found.sort((left, right) => byName.compare(left.name, right.name));
  const keyed = found.map((vehicle) => ({ vehicle, urgency: urgencyOf(progressOf(vehicle)) }));
  keyed.sort((left, right) => right.urgency - left.urgency || byName.compare(left.vehicle.name, right.vehicle.name));
  return keyed.map((entry) => entry.vehicle);
}

/** Whole minutes, so that a second more or less does not make rows jump. */
function urgencyOf(progress: Progress | null): number {
  if (!progress?.next) return -1e6;
  return DELAY_RANK[progress.delay] * 1e5 + Math.round((progress.lateS ?? -3600) / 60);
}

export interface MotionTotals extends Record<Motion, number> {
  total: number;
}

export function motionTotals(vehicles: readonly FleetVehicle[], nowMs: number): MotionTotals {
  const totals = { moving: 0, stopped: 0, stale: 0, total: vehicles.length };
  for (const vehicle of vehicles) totals[motionOf(vehicle, nowMs)] += 1;
  return totals;
}
