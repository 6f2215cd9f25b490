/**
 * The shapes that the API speaks, as `docs/decisions/0001-the-spine.md` and the contracts describe them.
 * Instants are RFC 3339 strings here and milliseconds since 1970 everywhere behind `state/`.
 */

export interface Position {
  vehicle: string;
  tenant?: string;
  name?: string | null;
  time: string;
  lat: number;
  lon: number;
  speed_mps: number | null;
  heading_deg: number | null;
  accuracy_m: number | null;
  route: string | null;
}

export interface Vehicle {
  id: string;
  tenant?: string;
  name: string | null;
  tracker: string | null;
  tags: string[];
  created_at?: string;
}

export type FenceGeometry = GeoJSON.Point | GeoJSON.Polygon | GeoJSON.MultiPolygon | GeoJSON.LineString;

export interface Fence {
  id: string;
  name: string | null;
  geometry: FenceGeometry;
  radius_m?: number | null;
  dwell_s?: number | null;
  tags?: string[];
  color?: string | null;
}

export type StopStatus = "planned" | "approaching" | "arrived" | "departed" | "completed" | "skipped" | "failed";
export type Delay = "on_time" | "at_risk" | "delayed";
export type RouteStatus = "planned" | "under_way" | "done";

export interface EtaWindow {
  at: string;
  p10: string;
  p50: string;
  p90: string;
  shown: string;
}

export interface Eta extends EtaWindow {
  vehicle: string;
  route: string;
  stop: string;
}

export interface Stop {
  id: string;
  route: string;
  seq: number;
  place: string | null;
  name: string | null;
  lat: number;
  lon: number;
  /** The plan's own pin, where the stop is gone by its place instead (`position_from`). */
  planned_lat?: number;
  planned_lon?: number;
  position_from?: "plan" | "place";
  arrival_radius_m: number;
  planned_arrival: string | null;
  window: [string, string] | null;
  service_s: number | null;
  orders?: string[];
  status: StopStatus;
  arrived_at: string | null;
  departed_at: string | null;
  eta: EtaWindow | null;
  delay: Delay;
}

export interface Route {
  id: string;
  vehicle: string;
  starts_at: string;
  status: RouteStatus;
  stops: Stop[];
}

export interface FleetEvent {
  id: string;
  seq?: number;
  type: string;
  occurred_at: string;
  recorded_at: string;
  vehicle: string;
  data: Record<string, unknown>;
}

export interface Visit {
  id: string;
  vehicle: string;
  fence: string;
  entered_at: string;
  exited_at: string | null;
}

/** One stored fix of a vehicle, in the native format's names. */
export interface FixRecord {
  time: string;
  lat: number;
  lon: number;
  speed_mps: number | null;
  heading_deg: number | null;
  accuracy_m: number | null;
}

/** What is known of a place (`/v1/places`), as far as it is used here. */
export interface KnownPlace {
  id: string;
  tenant: string;
  lat: number | null;
  lon: number | null;
  visits: number;
  pin_m: number | null;
}

export interface UiConfig {
  style_url: string | null;
  tile_url: string | null;
  tile_attribution: string | null;
  streets_url: string | null;
  version: string;
  role: string | null;
  tenant: string | null;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** What the server says on `/v1/live`. */
export type ServerFrame =
  | { type: "snapshot"; seq: number; positions: Position[] }
  | { type: "positions"; seq: number; positions: Position[] }
  | { type: "event"; seq: number; event: FleetEvent }
  | { type: "eta"; seq: number; etas: Eta[] }
  | { type: "gone"; seq: number; vehicles: string[] }
  | { type: "error"; title: string; detail: string };
