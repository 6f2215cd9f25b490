/**
 * Every vehicle the screen knows: who it is (from `/v1/vehicles`), where it was last (from the live frames), and its
 * motion. Columns by index for the map, which reads them each frame; `revision` for the panels, which look now and then.
 */
import { signal } from "@preact/signals";
import type { Position, Vehicle } from "../api/wire";
import { distanceM, Tracks } from "../motion/tracks";

/** What is known of a vehicle; `fixAtMs` null: it has never reported. */
export interface FleetVehicle {
  readonly index: number;
  readonly id: string;
  name: string;
  tags: readonly string[];
  tracker: string | null;
  /** Number of the snapshot in which, or after which, it was last heard of. */
  snapshot: number;
  /** Lower case, what the search looks through. */
  haystack: string;
  onMap: boolean;
  /** Named by `/v1/vehicles` when it was last read. */
  listed: boolean;
  fixAtMs: number | null;
  lat: number;
  lon: number;
  speed_mps: number | null;
  heading_deg: number | null;
  accuracy_m: number | null;
  route: string | null;
}

export interface Hop {
  fromLon: number;
  fromLat: number;
  toLon: number;
  toLat: number;
}

export class Fleet {
  readonly vehicles: FleetVehicle[] = [];
  readonly tracks = new Tracks();
  /** Grows with each change of positions or names. */
  readonly revision = signal(0);
  /** Told of each hop between two consecutive fixes of one vehicle; the recent-tracks layer listens. */
  onHop: ((hop: Hop) => void) | null = null;
  /** Told of each newer fix of a vehicle; the trail of the selected one listens. */
  onFix: ((vehicle: FleetVehicle) => void) | null = null;
  private readonly byId = new Map<string, FleetVehicle>();
  private snapshot = 0;

  get(id: string): FleetVehicle | undefined {
    return this.byId.get(id);
  }

  nameOf(id: string): string {
    return this.byId.get(id)?.name ?? id;
  }

  /** Those that exist: deleted ones keep their index, and are nowhere to be seen. */
  present(): FleetVehicle[] {
    return this.vehicles.filter((vehicle) => vehicle.listed || vehicle.onMap);
  }

  /** All of `/v1/vehicles`. Who is named by positions only has no tracker and no tags yet; the caller may ask again. */
  applyVehicles(vehicles: readonly Vehicle[]): void {
    for (const vehicle of this.vehicles) vehicle.listed = false;
    for (const vehicle of vehicles) {
      const known = this.ensure(vehicle.id);
      known.name = vehicle.name || vehicle.id;
      known.tags = vehicle.tags ?? [];
      known.tracker = vehicle.tracker;
      known.listed = true;
      known.haystack = haystackOf(known);
    }
    this.touch();
  }

  /**
   * A snapshot is the whole truth about who is on the map, but a large one goes on in the position frames after it: who is
   * not in it is taken off by `sweep`, a while later. Returns whether it named somebody unknown.
   */
  applySnapshot(positions: readonly Position[], nowMs: number): boolean {
    this.snapshot += 1;
    return this.applyPositions(positions, nowMs);
  }

  /** Take off who has not been heard of since the last snapshot. */
  sweep(): void {
    const gone = this.vehicles.filter((vehicle) => vehicle.onMap && vehicle.snapshot < this.snapshot);
    for (const vehicle of gone) this.takeOff(vehicle);
    if (gone.length > 0) this.touch();
  }

  /** Returns whether somebody was named who is not in the list of vehicles yet. */
  applyPositions(positions: readonly Position[], nowMs: number): boolean {
    let strangers = false;
    for (const position of positions) {
      if (!this.byId.has(position.vehicle)) strangers = true;
      this.applyOne(this.ensure(position.vehicle), position, nowMs);
    }
    this.touch();
    return strangers;
  }

  applyGone(ids: readonly string[]): void {
    for (const id of ids) {
      const vehicle = this.byId.get(id);
      if (vehicle) this.takeOff(vehicle);
    }
    this.touch();
  }

  countOnMap(): number {
    let count = 0;
    for (const vehicle of this.vehicles) if (vehicle.onMap) count += 1;
    return count;
  }

  private applyOne(vehicle: FleetVehicle, position: Position, nowMs: number): void {
    vehicle.snapshot = this.snapshot;
    const timeMs = Date.parse(position.time);
    if (Number.isNaN(timeMs) || (vehicle.onMap && vehicle.fixAtMs !== null && timeMs < vehicle.fixAtMs)) return;
    if (position.name && position.name !== vehicle.name) {
      vehicle.name = position.name;
      vehicle.haystack = haystackOf(vehicle);
    }
    vehicle.route = position.route;
    const fix = { timeMs, lat: position.lat, lon: position.lon, heading_deg: position.heading_deg };
    const isNewer = this.tracks.push(vehicle.index, fix, nowMs);
    if (isNewer && vehicle.onMap) this.reportHop(vehicle, position, timeMs);
    vehicle.onMap = true;
    vehicle.fixAtMs = timeMs;
    vehicle.lat = position.lat;
    vehicle.lon = position.lon;
    vehicle.speed_mps = position.speed_mps;
    vehicle.heading_deg = position.heading_deg;
    vehicle.accuracy_m = position.accuracy_m;
    if (isNewer) this.onFix?.(vehicle);
  }

  /** Only hops that a road could explain are drawn as one. */
  private reportHop(vehicle: FleetVehicle, position: Position, timeMs: number): void {
    if (!this.onHop || vehicle.fixAtMs === null || timeMs - vehicle.fixAtMs > 60_000) return;
    const hopM = distanceM(vehicle.lat, vehicle.lon, position.lat, position.lon);
    if (hopM < 3 || hopM > 1500) return;
    this.onHop({ fromLon: vehicle.lon, fromLat: vehicle.lat, toLon: position.lon, toLat: position.lat });
  }

  private takeOff(vehicle: FleetVehicle): void {
    vehicle.onMap = false;
    this.tracks.clear(vehicle.index);
  }

  private ensure(id: string): FleetVehicle {
    const known = this.byId.get(id);
    if (known) return known;
    const vehicle: FleetVehicle = {
      index: this.tracks.add(),
      id,
      name: id,
      tags: [],
      tracker: null,
      haystack: id.toLowerCase(),
      snapshot: 0,
      onMap: false,
      listed: false,
      fixAtMs: null,
      lat: 0,
      lon: 0,
      speed_mps: null,
      heading_deg: null,
      accuracy_m: null,
      route: null,
    };
    this.vehicles.push(vehicle);
    this.byId.set(id, vehicle);
    return vehicle;
  }

  private touch(): void {
    this.revision.value += 1;
  }
}

function haystackOf(vehicle: FleetVehicle): string {
  return [vehicle.name, vehicle.id, vehicle.tracker ?? "", ...vehicle.tags].join(" ").toLowerCase();
}
