/** The fake fleet as a whole: steps the vans, numbers the events, keeps fences and visits. */
import { randomFrom } from "./random.mjs";
import { metresBetween, Town } from "./town.mjs";
import { iso, Van } from "./van.mjs";

const KEPT_EVENTS = 5000;
/** Simulated before the server starts, so that trails and visits are there at once. */
const HISTORY_MS = 20 * 60_000;
const HISTORY_STEP_MS = 1000;

export class World {
  /** @param {{ vans: number, seed: number, nowMs: number, historyMs?: number }} options */
  constructor({ vans, seed, nowMs, historyMs = HISTORY_MS }) {
    this.random = randomFrom(seed);
    /** @type {Town} */
    this.town = new Town(Math.max(24, Math.ceil(Math.sqrt(vans) * 2.2)), this.random);
    /** @type {Van[]} */
    this.vans = Array.from(
      { length: vans },
      (_, index) => new Van(index + 1, this.town, this.random, nowMs - historyMs),
    );
    this.fences = fencesOf(this.town);
    /** @type {Record<string, unknown>[]} */
    this.events = [];
    /** @type {Map<string, Record<string, unknown>>} */
    this.openVisits = new Map();
    /** @type {Record<string, unknown>[]} */
    this.visits = [];
    this.offers = this.vans.slice(0, 1).map((van) => offerOf(/** @type {Stop} */ (van.route.stops.at(-1))));
    this.seq = 0;
    this.predictAtMs = 0;
    for (let atMs = nowMs - historyMs; atMs < nowMs; atMs += HISTORY_STEP_MS) this.step(atMs, HISTORY_STEP_MS);
  }

  /** Somebody has answered: the stops there move to where vehicles stood, or stay. @param {string} place @param {boolean} isAccepted */
  decide(place, isAccepted) {
    const offer = this.offers.find((one) => one.id === place);
    this.offers = this.offers.filter((one) => one !== offer);
    const stops = this.vans.flatMap((van) => van.route.stops).filter((stop) => stop.place === place);
    if (!offer || !isAccepted) return { id: place, stops: 0 };
    for (const stop of stops) Object.assign(stop, { lat: offer.lat, lon: offer.lon, position_from: "place" });
    return { id: place, stops: stops.length };
  }

  /** One step of time; returns what a worker would publish. @param {number} nowMs @param {number} stepMs */
  step(nowMs, stepMs) {
    const positions = [];
    const events = [];
    const etas = [];
    const predict = nowMs >= this.predictAtMs;
    if (predict) this.predictAtMs = nowMs + 10_000;
    for (const van of this.vans) {
      const found = van.step(nowMs, stepMs);
      if (predict) {
        const prediction = van.predict(nowMs);
        etas.push(...prediction.etas);
        found.push(...prediction.found);
      }
      const fix = van.report(nowMs);
      if (fix) {
        positions.push(fix);
        found.push(...this.#watchFences(van, nowMs));
      }
      events.push(...found.map((one) => this.#number(one, nowMs)));
    }
    return { positions, events, etas };
  }

  /** @param {import("./van.mjs").Found} found @param {number} nowMs */
  #number(found, nowMs) {
    this.seq += 1;
    const event = {
      id: `event-${this.seq}`,
      seq: this.seq,
      type: found.type,
      occurred_at: iso(found.occurredMs),
      recorded_at: iso(nowMs),
      tenant: "default",
      vehicle: found.vehicle,
      data: found.data,
    };
    this.events.push(event);
    if (this.events.length > KEPT_EVENTS) this.events.shift();
    return event;
  }

  /** Circles only: enough to have visits. @param {Van} van @param {number} nowMs */
  #watchFences(van, nowMs) {
    const found = [];
    for (const fence of this.fences) {
      if (fence.geometry.type !== "Point") continue;
      const [lon, lat] = /** @type {[number, number]} */ (fence.geometry.coordinates);
      const inside = metresBetween(van.place, { lat, lon }) < (fence.radius_m ?? 0);
      const key = `${van.id} ${fence.id}`;
      const open = this.openVisits.get(key);
      if (inside && !open) {
        const visit = {
          id: `visit-${key}-${nowMs}`,
          tenant: "default",
          vehicle: van.id,
          fence: fence.id,
          entered_at: iso(nowMs),
          exited_at: null,
          evidence: {},
        };
        this.openVisits.set(key, visit);
        this.visits.push(visit);
        found.push({
          type: "fence.entered",
          vehicle: van.id,
          occurredMs: nowMs,
          data: { fence: fence.id, visit: visit.id },
        });
      } else if (!inside && open) {
        this.openVisits.delete(key);
        open.exited_at = iso(nowMs);
        const dwellS = Math.round((nowMs - Date.parse(String(open.entered_at))) / 1000);
        found.push({
          type: "fence.exited",
          vehicle: van.id,
          occurredMs: nowMs,
          data: { fence: fence.id, visit: open.id, dwell_s: dwellS },
        });
      }
    }
    return found;
  }
}

/** @typedef {import("./van.mjs").Van["route"]["stops"][number]} Stop */

/** A place that vehicles found 150 m north of its pin. @param {Stop} stop */
function offerOf(stop) {
  const offM = 150;
  return {
    id: stop.place,
    tenant: "default",
    lat: stop.lat + offM / 111_195,
    lon: stop.lon,
    visits: 4,
    reached: 0,
    spread_m: 8.2,
    pin_m: offM,
    first_at: null,
    last_at: null,
    decision: null,
    offered: true,
  };
}

/** @param {Town} town */
function fencesOf(town) {
  const at = (/** @type {number} */ row, /** @type {number} */ column) => {
    const { lat, lon } = town.corners[Math.round(row * town.size) * (town.size + 1) + Math.round(column * town.size)];
    return [lon, lat];
  };
  const fence = (
    /** @type {string} */ id,
    /** @type {string} */ name,
    /** @type {{ type: string, coordinates: unknown }} */ geometry,
    /** @type {object} */ more,
  ) => ({
    id,
    tenant: "default",
    name,
    geometry,
    radius_m: /** @type {number | null} */ (null),
    dwell_s: null,
    tags: /** @type {string[]} */ ([]),
    color: /** @type {string | null} */ (null),
    ...more,
  });
  const centre = [at(0.38, 0.38), at(0.36, 0.62), at(0.6, 0.66), at(0.66, 0.5), at(0.58, 0.36), at(0.38, 0.38)];
  const island = [at(0.1, 0.8), at(0.1, 0.95), at(0.22, 0.95), at(0.22, 0.8), at(0.1, 0.8)];
  const pier = [at(0.14, 0.7), at(0.14, 0.76), at(0.2, 0.76), at(0.2, 0.7), at(0.14, 0.7)];
  return [
    fence(
      "depot-west",
      "Depot West",
      { type: "Point", coordinates: at(0.5, 0.08) },
      { radius_m: 320, tags: ["depot"], color: "#0f8a63" },
    ),
    fence(
      "depot-north",
      "Depot North",
      { type: "Point", coordinates: at(0.92, 0.55) },
      { radius_m: 280, tags: ["depot"], color: "#0f8a63" },
    ),
    fence("low-emission", "Low emission zone", { type: "Polygon", coordinates: [centre] }, { tags: ["zone"] }),
    fence(
      "harbour",
      "Harbour",
      { type: "MultiPolygon", coordinates: [[island], [pier]] },
      { tags: ["toll"], color: "#b4570f" },
    ),
    fence(
      "ring-road",
      "Ring road",
      { type: "LineString", coordinates: [at(0.8, 0.1), at(0.82, 0.4), at(0.8, 0.7), at(0.6, 0.9)] },
      { radius_m: 70, tags: ["corridor"] },
    ),
  ];
}
