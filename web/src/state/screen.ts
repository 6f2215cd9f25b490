/** All state of the screen in one place, made once in `main` and passed down. Holds no logic of its own beyond choosing. */
import { computed, signal } from "@preact/signals";
import type { Rest } from "../api/rest";
import type { Fence, UiConfig } from "../api/wire";
import type { LiveStatus } from "../live/client";
import type { ThemeName } from "../map/palette";
import type { Names } from "../text/event-text";
import { Feed } from "./feed";
import { Fleet, type FleetVehicle } from "./fleet";
import { Offers } from "./offers";
import { type Progress, Routes } from "./routes";
import { Settings } from "./settings";
import { Trail } from "./trail";

/** Something the reader should know, until it is no longer so (or they close it). */
export interface Notice {
  key: string;
  text: string;
}

export interface Place {
  lat: number;
  lon: number;
  zoom?: number;
}

export class Screen {
  readonly fleet = new Fleet();
  readonly routes = new Routes();
  readonly feed = new Feed();
  readonly fences = signal<readonly Fence[]>([]);
  readonly settings: Settings;
  readonly trail: Trail;
  readonly offers: Offers;
  readonly config = signal<UiConfig | null>(null);
  readonly selectedId = signal<string | null>(null);
  readonly following = signal(false);
  readonly query = signal("");
  readonly connection = signal<LiveStatus>("closed");
  readonly retryAtMs = signal<number | null>(null);
  /** Since when there has been no live connection; null while there is one. */
  readonly offlineSinceMs = signal<number | null>(null);
  readonly loaded = signal(false);
  readonly needsLogin = signal(false);
  readonly notices = signal<readonly Notice[]>([]);
  readonly delayMs = signal<number | null>(null);
  readonly messagesPerS = signal(0);
  /** Ticks once a second; by the server's clock. */
  readonly nowMs = signal(Date.now());
  readonly systemDark = signal(false);
  readonly theme = computed<ThemeName>(() => {
    const wanted = this.settings.theme.value;
    return wanted === "system" ? (this.systemDark.value ? "dark" : "light") : wanted;
  });
  /** Set by the map; the panels fly through it. */
  flyTo: (place: Place) => void = () => undefined;
  fitAll: () => void = () => undefined;
  /** Set by the session: somebody has changed the plan here. */
  reloadPlan: () => void = () => undefined;

  constructor(
    readonly rest: Rest,
    storage: Pick<Storage, "getItem" | "setItem"> | null,
  ) {
    this.settings = new Settings(storage);
    this.trail = new Trail(rest);
    this.offers = new Offers(rest);
    this.fleet.onFix = (vehicle) => this.extendTrail(vehicle);
  }

  readonly names: Names = {
    vehicle: (id) => this.fleet.nameOf(id),
    fence: (id) => this.fences.peek().find((fence) => fence.id === id)?.name ?? id,
    stop: (route, stop) => this.routes.stop(route, stop),
  };

  readonly progressOf = (vehicle: FleetVehicle): Progress | null => this.routes.progress(vehicle.id, vehicle.route);

  /** Choose a vehicle (or none), follow it, and show where it has been. */
  select(id: string | null): void {
    if (id === this.selectedId.peek()) return;
    this.selectedId.value = id;
    this.following.value = id !== null;
    this.reloadTrail();
  }

  reloadTrail(): void {
    const id = this.selectedId.peek();
    if (id === null) {
      this.trail.clear();
      return;
    }
    this.trail.load(id, this.settings.trailHours.peek(), this.now()).catch((error: unknown) => {
      this.notify("trail", `The trail could not be loaded. ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  /** The present by the server's clock. */
  now(): number {
    return Date.now() + this.rest.clockOffsetMs;
  }

  notify(key: string, text: string): void {
    this.notices.value = [...this.notices.peek().filter((notice) => notice.key !== key), { key, text }].slice(-3);
  }

  dismiss(key: string): void {
    if (this.notices.peek().some((notice) => notice.key === key)) {
      this.notices.value = this.notices.peek().filter((notice) => notice.key !== key);
    }
  }

  private extendTrail(vehicle: FleetVehicle): void {
    if (vehicle.fixAtMs === null) return;
    this.trail.extend(vehicle.id, {
      timeMs: vehicle.fixAtMs,
      lat: vehicle.lat,
      lon: vehicle.lon,
      speed_mps: vehicle.speed_mps,
    });
  }
}
