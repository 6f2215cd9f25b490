/** Where the selected vehicle has been: loaded for the last hours, then carried on by the live fixes. */
import { signal } from "@preact/signals";
import type { Rest } from "../api/rest";
import type { FixRecord } from "../api/wire";

export interface TrailPoint {
  timeMs: number;
  lat: number;
  lon: number;
  speed_mps: number | null;
}

/** A longer silence breaks the line: nobody knows where the van was in between. */
const BREAK_MS = 5 * 60_000;
/** Points kept: a day at one a second is more than a screen can show. */
const POINTS_BOUND = 40_000;
const PAGE = 5000;

export type TrailStatus = "none" | "loading" | "ready" | "failed";

export class Trail {
  readonly status = signal<TrailStatus>("none");
  /** Consecutive points without a gap; a new array whenever anything changes. */
  readonly pieces = signal<readonly (readonly TrailPoint[])[]>([]);
  private points: TrailPoint[] = [];
  private vehicle: string | null = null;
  private loading: AbortController | null = null;

  constructor(private readonly rest: Rest) {}

  get length(): number {
    return this.points.length;
  }

  clear(): void {
    this.loading?.abort();
    this.loading = null;
    this.vehicle = null;
    this.set([]);
    this.status.value = "none";
  }

  async load(vehicle: string, hours: number, nowMs: number): Promise<void> {
    if (this.vehicle !== vehicle) this.clear();
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    this.vehicle = vehicle;
    this.status.value = "loading";
    const query = {
      from: new Date(nowMs - hours * 3_600_000).toISOString(),
      to: new Date(nowMs + 60_000).toISOString(),
      limit: PAGE,
    };
    try {
      const path = `v1/vehicles/${encodeURIComponent(vehicle)}/fixes`;
      const fixes = await this.rest.all<FixRecord>(path, query, POINTS_BOUND, loading.signal);
      if (this.loading !== loading) return;
      this.set(fixes.map(pointOf).sort((left, right) => left.timeMs - right.timeMs));
      this.status.value = "ready";
    } catch (error) {
      // Another vehicle was chosen meanwhile: its own load reports.
      if (loading.signal.aborted) return;
      this.status.value = "failed";
      throw error;
    }
  }

  /** A newer fix of some vehicle; taken when it is the one that is shown. */
  extend(vehicle: string, point: TrailPoint): void {
    if (vehicle !== this.vehicle || this.status.value !== "ready") return;
    const last = this.points[this.points.length - 1];
    if (last && point.timeMs <= last.timeMs) return;
    this.set([...this.points.slice(-POINTS_BOUND + 1), point]);
  }

  private set(points: TrailPoint[]): void {
    this.points = points;
    this.pieces.value = piecesOf(points);
  }
}

function pointOf(fix: FixRecord): TrailPoint {
  return { timeMs: Date.parse(fix.time), lat: fix.lat, lon: fix.lon, speed_mps: fix.speed_mps };
}

export function piecesOf(points: readonly TrailPoint[]): TrailPoint[][] {
  const pieces: TrailPoint[][] = [];
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    if (point.timeMs - lastMs > BREAK_MS) pieces.push([]);
    pieces[pieces.length - 1].push(point);
    lastMs = point.timeMs;
  }
  return pieces.filter((piece) => piece.length > 1);
}
