/** Promise and prediction of one stop on a common axis, in percent. Pure. */
import type { Stop } from "../api/wire";
import { clockTime } from "../text/time";

interface Stretch {
  left: number;
  width: number;
}

export interface WindowBar {
  promise: Stretch | null;
  planned: number | null;
  eta: Stretch;
  median: number;
  words: string;
}

/** Room on both sides, as a share of the axis. */
const MARGIN = 0.08;
/** A prediction as narrow as a line would not be seen. */
const NARROWEST_PERCENT = 2;

export function windowBar(stop: Stop): WindowBar | null {
  if (!stop.eta) return null;
  const [earlyMs, medianMs, lateMs] = [stop.eta.p10, stop.eta.p50, stop.eta.p90].map((instant) => Date.parse(instant));
  const window = stop.window?.map((edge) => Date.parse(edge)) ?? [];
  const plannedMs = stop.planned_arrival ? Date.parse(stop.planned_arrival) : null;
  const instants = [earlyMs, lateMs, ...window, ...(plannedMs === null ? [] : [plannedMs])];
  const lengthMs = Math.max(60_000, Math.max(...instants) - Math.min(...instants));
  const startMs = Math.min(...instants) - lengthMs * MARGIN;
  const percent = (ms: number): number => ((ms - startMs) / (lengthMs * (1 + 2 * MARGIN))) * 100;
  const stretch = (fromMs: number, toMs: number): Stretch => ({
    left: percent(fromMs),
    width: Math.max(NARROWEST_PERCENT, percent(toMs) - percent(fromMs)),
  });
  return {
    promise: window.length === 2 ? stretch(window[0], window[1]) : null,
    planned: plannedMs === null ? null : percent(plannedMs),
    eta: stretch(earlyMs, lateMs),
    median: percent(medianMs),
    words: `expected between ${clockTime(earlyMs)} and ${clockTime(lateMs)}, most likely ${clockTime(medianMs)}`,
  };
}
