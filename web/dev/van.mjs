/** One van on its round: drives from stop to stop along the streets, serves, reports. */
import { bearingDeg, metresBetween } from "./town.mjs";

/** @typedef {import("./town.mjs").Place} Place */
/** @typedef {{ type: string, vehicle: string, data: Record<string, unknown>, occurredMs: number }} Found */

const KEPT_FIXES = 3000;

export class Van {
  /**
   * @param {number} number
   * @param {import("./town.mjs").Town} town
   * @param {() => number} random
   * @param {number} nowMs
   */
  constructor(number, town, random, nowMs) {
    const padded = String(number).padStart(2, "0");
    this.id = `van-${padded}`;
    this.name = `Van ${padded}`;
    this.town = town;
    this.random = random;
    this.tags = [["electric", "diesel"][number % 2], ["north", "east", "south", "west"][number % 4]];
    /** How briskly it drives; slow ones run late. */
    this.pace = 0.75 + random() * 0.5;
    this.reportsEveryMs = [1000, 2000, 3000, 5000][number % 4];
    this.nextReportMs = nowMs + random() * this.reportsEveryMs;
    this.corner = town.randomCorner(random);
    this.place = { ...town.corners[this.corner] };
    this.heading = 0;
    this.speed = 0;
    this.silent = number % 37 === 36;
    /** @type {number[]} */
    this.path = [];
    this.servingUntilMs = 0;
    /** @type {Record<string, unknown>[]} */
    this.fixes = [];
    this.route = this.#plan(nowMs);
    this.fix = this.#measure(this.silent ? nowMs - 600_000 : nowMs);
  }

  /** @param {number} nowMs */
  #plan(nowMs) {
    const id = `R-${this.id.slice(4)}`;
    let dueMs = nowMs;
    let at = this.corner;
    const stops = Array.from({ length: 6 + Math.floor(this.random() * 6) }, (_, index) => {
      const corner = this.town.randomCorner(this.random);
      dueMs += (metresBetween(this.town.corners[at], this.town.corners[corner]) / 8) * 1000 + 60_000;
      at = corner;
      return stopOf(id, index + 1, this.town.corners[corner], corner, dueMs);
    });
    return { id, tenant: "default", vehicle: this.id, starts_at: iso(nowMs), status: "under_way", stops };
  }

  /** Drive for `stepMs`; returns what was found. @param {number} nowMs @param {number} stepMs @returns {Found[]} */
  step(nowMs, stepMs) {
    if (this.silent) return [];
    if (nowMs < this.servingUntilMs) {
      this.speed = 0;
      return [];
    }
    const stop = this.nextStop();
    if (!stop) return [];
    if (stop.status === "arrived") return [this.#depart(stop, nowMs)];
    if (this.path.length === 0) this.path = this.town.path(this.corner, stop.corner, this.random).slice(1);
    this.#drive(stepMs);
    if (this.path.length > 0) return this.#approach(stop, nowMs);
    return [this.#arrive(stop, nowMs)];
  }

  nextStop() {
    return this.route.stops.find((stop) => stop.status !== "departed");
  }

  /** @param {number} stepMs */
  #drive(stepMs) {
    let leftM = 0;
    const target = this.town.corners[this.path[0]];
    if (target) {
      this.speed = this.town.speedMps(this.corner, this.path[0]) * this.pace;
      leftM = (this.speed * stepMs) / 1000;
    }
    while (leftM > 0 && this.path.length > 0) {
      const corner = this.town.corners[this.path[0]];
      const awayM = metresBetween(this.place, corner);
      if (awayM > 0.5) this.heading = bearingDeg(this.place, corner);
      if (awayM > leftM) {
        const share = leftM / awayM;
        this.place.lat += (corner.lat - this.place.lat) * share;
        this.place.lon += (corner.lon - this.place.lon) * share;
        return;
      }
      leftM -= awayM;
      this.place = { ...corner };
      this.corner = /** @type {number} */ (this.path.shift());
    }
  }

  /** @param {ReturnType<typeof stopOf>} stop @param {number} nowMs @returns {Found[]} */
  #approach(stop, nowMs) {
    const awayM = metresBetween(this.place, stop);
    if (stop.status !== "planned" || awayM > 500) return [];
    stop.status = "approaching";
    return [this.#found("stop.approaching", nowMs, { ...ids(stop), distance_m: Math.round(awayM) })];
  }

  /** @param {ReturnType<typeof stopOf>} stop @param {number} nowMs */
  #arrive(stop, nowMs) {
    stop.status = "arrived";
    stop.arrived_at = iso(nowMs);
    stop.delay = "on_time";
    this.speed = 0;
    this.servingUntilMs = nowMs + 15_000 + this.random() * 30_000;
    return this.#found("stop.arrived", nowMs, { ...ids(stop), evidence: { ...this.place } });
  }

  /** @param {ReturnType<typeof stopOf>} stop @param {number} nowMs */
  #depart(stop, nowMs) {
    stop.status = "departed";
    stop.departed_at = iso(nowMs);
    const dwellS = Math.round((nowMs - Date.parse(String(stop.arrived_at))) / 1000);
    if (!this.nextStop()) this.route = this.#plan(nowMs);
    return this.#found("stop.departed", nowMs, { ...ids(stop), dwell_s: dwellS });
  }

  /** Predict each open stop; returns the ETAs and what changed in their delays. @param {number} nowMs */
  predict(nowMs) {
    /** @type {Found[]} */
    const found = [];
    /** @type {Record<string, unknown>[]} */
    const etas = [];
    if (this.silent) return { etas, found };
    let atMs = nowMs + Math.max(0, this.servingUntilMs - nowMs);
    let from = this.place;
    for (const stop of this.route.stops) {
      if (stop.status === "departed" || stop.status === "arrived") continue;
      atMs += ((metresBetween(from, stop) * 1.27) / (9.5 * this.pace)) * 1000;
      const spreadMs = 40_000 + (atMs - nowMs) * 0.12;
      stop.eta = {
        at: iso(nowMs),
        p10: iso(atMs - spreadMs * 0.8),
        p50: iso(atMs),
        p90: iso(atMs + spreadMs * 1.4),
        shown: iso(atMs - 30_000),
      };
      etas.push({ ...stop.eta, vehicle: this.id, route: stop.route, stop: stop.id });
      found.push(...this.#judge(stop, nowMs, atMs, spreadMs));
      from = stop;
      atMs += 30_000;
    }
    return { etas, found };
  }

  /** @param {ReturnType<typeof stopOf>} stop @param {number} nowMs @param {number} atMs @param {number} spreadMs @returns {Found[]} */
  #judge(stop, nowMs, atMs, spreadMs) {
    const lateMs = atMs - Date.parse(stop.window[1]);
    const delay = lateMs > 0 ? "delayed" : lateMs + spreadMs * 1.4 > 0 ? "at_risk" : "on_time";
    if (delay === stop.delay) return [];
    stop.delay = delay;
    if (stop.seq > (this.nextStop()?.seq ?? 0)) return [];
    const type = { delayed: "stop.delayed", at_risk: "stop.at_risk", on_time: "stop.recovered" }[delay];
    const { p10, p50, p90 } = /** @type {Record<string, string>} */ (stop.eta);
    const data = { ...ids(stop), p10, p50, p90, late_s: Math.round(lateMs / 1000), late_probability: 0.35 };
    return [this.#found(type, nowMs, data)];
  }

  /** A fix when one is due. @param {number} nowMs */
  report(nowMs) {
    if (this.silent || nowMs < this.nextReportMs) return null;
    this.nextReportMs += this.reportsEveryMs;
    this.fix = this.#measure(nowMs);
    return this.fix;
  }

  /** @param {number} timeMs */
  #measure(timeMs) {
    const noise = () => (this.random() - 0.5) * 4e-5;
    const fix = {
      tenant: "default",
      vehicle: this.id,
      name: this.name,
      time: iso(timeMs),
      lat: this.place.lat + noise(),
      lon: this.place.lon + noise(),
      speed_mps: this.speed === 0 ? 0 : Math.max(0, this.speed + (this.random() - 0.5) * 3),
      heading_deg: this.speed === 0 ? null : this.heading,
      accuracy_m: 4 + Math.round(this.random() * 8),
      route: this.route.id,
    };
    this.fixes.push(fix);
    if (this.fixes.length > KEPT_FIXES) this.fixes.shift();
    return fix;
  }

  /** @param {string} type @param {number} occurredMs @param {Record<string, unknown>} data @returns {Found} */
  #found(type, occurredMs, data) {
    return { type, vehicle: this.id, occurredMs, data };
  }
}

/** @param {number} ms */
export function iso(ms) {
  return new Date(ms).toISOString();
}

/** @param {{ route: string, id: string }} stop */
function ids(stop) {
  return { route: stop.route, stop: stop.id };
}

const STREETS = [
  "Harbour Rd",
  "Mill Lane",
  "Station Sq",
  "Elm Street",
  "Canal Side",
  "Kings Court",
  "Bakery Row",
  "Hill View",
];

/** @param {string} route @param {number} seq @param {Place} place @param {number} corner @param {number} dueMs */
function stopOf(route, seq, place, corner, dueMs) {
  return {
    id: `${route}-${seq}`,
    tenant: "default",
    route,
    seq,
    place: `P${corner}`,
    name: `${STREETS[corner % STREETS.length]} ${1 + (corner % 97)}`,
    lat: place.lat,
    lon: place.lon,
    corner,
    arrival_radius_m: 100,
    min_dwell_s: null,
    planned_arrival: iso(dueMs),
    window: /** @type {[string, string]} */ ([iso(dueMs - 300_000), iso(dueMs + 300_000)]),
    service_s: 60,
    orders: [],
    status: "planned",
    arrived_at: /** @type {string | null} */ (null),
    departed_at: /** @type {string | null} */ (null),
    eta: /** @type {Record<string, string> | null} */ (null),
    delay: "on_time",
  };
}
