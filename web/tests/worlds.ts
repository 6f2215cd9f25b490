/** Small worlds for the tests: stops, routes, events, positions with only what matters said. */
import type { FleetEvent, Position, Route, Stop } from "../src/api/wire";

export const T0 = Date.parse("2026-03-02T10:00:00Z");

export function at(seconds: number): string {
  return new Date(T0 + seconds * 1000).toISOString();
}

export function stop(seq: number, over: Partial<Stop> = {}): Stop {
  return {
    id: `s${seq}`,
    route: "R-12",
    seq,
    place: null,
    name: null,
    lat: 52,
    lon: 5,
    arrival_radius_m: 100,
    planned_arrival: at(seq * 600),
    window: null,
    service_s: null,
    status: "planned",
    arrived_at: null,
    departed_at: null,
    eta: null,
    delay: "on_time",
    ...over,
  };
}

export function route(stops: Stop[], over: Partial<Route> = {}): Route {
  return { id: "R-12", vehicle: "van-07", starts_at: at(0), status: "under_way", stops, ...over };
}

export function event(type: string, over: Partial<FleetEvent> = {}): FleetEvent {
  return { id: `${type}-1`, type, occurred_at: at(0), recorded_at: at(1), vehicle: "van-07", data: {}, ...over };
}

export function position(vehicle: string, over: Partial<Position> = {}): Position {
  return {
    vehicle,
    name: vehicle,
    time: at(0),
    lat: 52,
    lon: 5,
    speed_mps: 10,
    heading_deg: 90,
    accuracy_m: 5,
    route: null,
    ...over,
  };
}
