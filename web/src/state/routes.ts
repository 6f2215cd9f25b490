/**
 * Routes with their stops, kept current from three sides: the REST list, ETA frames and events. An event is applied at
 * once, so that the screen does not wait for the next load; a load replaces everything.
 */
import { signal } from "@preact/signals";
import type { Delay, Eta, FleetEvent, Route, Stop, StopStatus } from "../api/wire";
import { isOpen, lateS, worstStop } from "./condition";

export interface Progress {
  route: Route;
  next: Stop | null;
  /** The open stop in most trouble; the next one where all is well. */
  worst: Stop | null;
  done: number;
  total: number;
  delay: Delay;
  /** Seconds late at the worst stop by the median; null where unknown. */
  lateS: number | null;
}

export interface StopTotals {
  done: number;
  total: number;
  onTime: number;
  atRisk: number;
  late: number;
}

const STATUS_BY_EVENT: Record<string, StopStatus> = {
  "stop.approaching": "approaching",
  "stop.arrived": "arrived",
  "stop.departed": "departed",
  "stop.completed": "completed",
  "stop.failed": "failed",
  "stop.skipped": "skipped",
};

const DELAY_BY_EVENT: Record<string, Delay> = {
  "stop.at_risk": "at_risk",
  "stop.delayed": "delayed",
  "stop.recovered": "on_time",
};

export class Routes {
  readonly revision = signal(0);
  private readonly routes = new Map<string, Route>();
  private readonly stops = new Map<string, Stop>();
  private readonly byVehicle = new Map<string, Route[]>();
  private readonly progressCache = new Map<string, Progress | null>();

  all(): IterableIterator<Route> {
    return this.routes.values();
  }

  get(id: string): Route | undefined {
    return this.routes.get(id);
  }

  stop(route: string, stop: string): Stop | undefined {
    return this.stops.get(stopKey(route, stop));
  }

  replaceAll(routes: readonly Route[]): void {
    this.routes.clear();
    this.stops.clear();
    this.byVehicle.clear();
    for (const route of routes) this.take(route);
    this.touch();
  }

  applyEtas(etas: readonly Eta[]): void {
    for (const { route, stop, at, p10, p50, p90, shown } of etas) {
      const known = this.stop(route, stop);
      if (known) known.eta = { at, p10, p50, p90, shown };
    }
    this.touch();
  }

  /**
   * Returns false when the event names a stop that is not known here, or withdraws something: the caller loads the routes
   * again, because what was true before a retraction is known to the server only.
   */
  applyEvent(event: FleetEvent): boolean {
    if (!event.type.startsWith("stop.")) return true;
    if (event.type.endsWith(".retracted")) return false;
    const stop = this.stop(String(event.data.route), String(event.data.stop));
    if (!stop) return false;
    applyToStop(stop, event);
    const route = this.routes.get(stop.route);
    if (route?.status === "planned") route.status = "under_way";
    this.touch();
    return true;
  }

  /** The run a vehicle is on: the one its position names, else the one under way, else the next planned. */
  current(vehicle: string, named: string | null): Route | null {
    if (named) {
      const route = this.routes.get(named);
      if (route) return route;
    }
    const routes = this.byVehicle.get(vehicle) ?? [];
    return (
      routes.find((route) => route.status === "under_way") ?? routes.find((route) => route.status === "planned") ?? null
    );
  }

  progress(vehicle: string, named: string | null): Progress | null {
    const cached = this.progressCache.get(vehicle);
    if (cached !== undefined && (cached === null || named === null || cached.route.id === named)) return cached;
    const route = this.current(vehicle, named);
    const progress = route ? progressOf(route) : null;
    this.progressCache.set(vehicle, progress);
    return progress;
  }

  totals(): StopTotals {
    const totals = { done: 0, total: 0, onTime: 0, atRisk: 0, late: 0 };
    for (const route of this.routes.values()) {
      for (const stop of route.stops) {
        totals.total += 1;
        if (!isOpen(stop)) totals.done += 1;
        else if (stop.delay === "delayed") totals.late += 1;
        else if (stop.delay === "at_risk") totals.atRisk += 1;
        else totals.onTime += 1;
      }
    }
    return totals;
  }

  private take(route: Route): void {
    route.stops.sort((left, right) => left.seq - right.seq);
    this.routes.set(route.id, route);
    for (const stop of route.stops) this.stops.set(stopKey(route.id, stop.id), stop);
    const routes = this.byVehicle.get(route.vehicle) ?? [];
    routes.push(route);
    routes.sort((left, right) => left.starts_at.localeCompare(right.starts_at));
    this.byVehicle.set(route.vehicle, routes);
  }

  private touch(): void {
    this.progressCache.clear();
    this.revision.value += 1;
  }
}

function stopKey(route: string, stop: string): string {
  return `${route}\u001f${stop}`;
}

function applyToStop(stop: Stop, event: FleetEvent): void {
  const kind = event.type.replace(/\.revised$/, "");
  const status = STATUS_BY_EVENT[kind];
  if (status) stop.status = status;
  if (kind === "stop.arrived") stop.arrived_at = event.occurred_at;
  if (kind === "stop.departed") stop.departed_at = event.occurred_at;
  stop.delay = DELAY_BY_EVENT[kind] ?? stop.delay;
  const { p10, p50, p90 } = event.data;
  if (typeof p10 === "string" && typeof p50 === "string" && typeof p90 === "string" && isOpen(stop)) {
    stop.eta = { at: event.occurred_at, p10, p50, p90, shown: stop.eta?.shown ?? p50 };
  }
}

export function progressOf(route: Route): Progress {
  const next = route.stops.find(isOpen) ?? null;
  const worst = worstStop(route.stops);
  return {
    route,
    next,
    worst,
    done: route.stops.filter((stop) => !isOpen(stop)).length,
    total: route.stops.length,
    delay: worst?.delay ?? "on_time",
    lateS: worst ? lateS(worst) : null,
  };
}
