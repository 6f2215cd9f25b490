/** One plain sentence an event. Pure: what things are called is handed in. */
import type { FleetEvent, Stop } from "../api/wire";
import { againstPlanS } from "../state/condition";
import { clockTime, punctuality, span } from "./time";
import { distance, speed } from "./units";

/** What a sentence may ask the screen's state for. */
export interface Names {
  vehicle(id: string): string;
  fence(id: string): string;
  stop(route: string, stop: string): Stop | undefined;
}

type Data = Record<string, unknown>;
type Phrase = (event: FleetEvent, names: Names) => string;

const num = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

function stopWords(data: Data, names: Names): string {
  const route = text(data.route);
  const stop = text(data.stop);
  if (!route || !stop) return "a stop";
  const known = names.stop(route, stop);
  const seq = known?.seq ?? num(data.seq);
  return seq === null ? `${stop} of ${route}` : `stop ${seq} of ${route}`;
}

function arrival(event: FleetEvent, names: Names): string {
  const known = names.stop(String(event.data.route), String(event.data.stop));
  const offS = known ? againstPlanS(known, Date.parse(event.occurred_at)) : num(event.data.late_s);
  const how = offS === null ? "" : `, ${punctuality(offS)}`;
  return `arrived at ${stopWords(event.data, names)}${how}`;
}

function departure({ data }: FleetEvent, names: Names): string {
  const stayS = num(data.dwell_s) ?? num(data.stay_s);
  return `left ${stopWords(data, names)}${stayS === null ? "" : ` after ${span(stayS)}`}`;
}

function approach({ data }: FleetEvent, names: Names): string {
  const leftM = num(data.distance_m);
  return `is approaching ${stopWords(data, names)}${leftM === null ? "" : `, ${distance(leftM)} away`}`;
}

function risk({ data }: FleetEvent, names: Names): string {
  const probability = num(data.late_probability);
  return `may be late at ${stopWords(data, names)}${probability === null ? "" : ` (${Math.round(probability * 100)} % likely)`}`;
}

function delay({ data }: FleetEvent, names: Names): string {
  const lateS = num(data.late_s);
  return lateS === null || lateS < 60
    ? `is late for ${stopWords(data, names)}`
    : `will be ${span(lateS)} late at ${stopWords(data, names)}`;
}

function newEta({ data }: FleetEvent, names: Names): string {
  const at = text(data.p50);
  return `has a new ETA for ${stopWords(data, names)}${at ? `: ${clockTime(at)}` : ""}`;
}

const atStop =
  (words: string): Phrase =>
  ({ data }, names) =>
    `${words} ${stopWords(data, names)}`;

const atFence =
  (words: string, lengthKey?: string): Phrase =>
  ({ data }, names) => {
    const lengthS = lengthKey ? (num(data[lengthKey]) ?? num(data.duration_s)) : null;
    const fence = text(data.fence);
    return `${words} ${fence ? names.fence(fence) : "a fence"}${lengthS === null ? "" : ` after ${span(lengthS)}`}`;
  };

function overspeed({ data }: FleetEvent): string {
  const measured = num(data.speed_mps);
  const limit = num(data.limit_mps);
  if (measured === null) return "drove too fast";
  return `drove ${speed(measured)}${limit === null ? "" : ` where ${speed(limit)} is the limit`}`;
}

/** Moving against a rule: at an hour that is not allowed, or with the ignition off (towed, stolen). */
function unauthorised({ data }: FleetEvent): string {
  const awayM = num(data.away_m);
  const far = awayM === null ? "" : `, ${distance(awayM)} from where it stood`;
  return `${RULE_WORDS[String(data.rule)] ?? "moves without permission"}${far}`;
}

const RULE_WORDS: Record<string, string> = {
  hours: "moves outside its permitted hours",
  ignition: "moves with the ignition off",
};

function unauthorisedEnd({ data }: FleetEvent): string {
  const lastedS = num(data.duration_s);
  const long = lastedS === null ? "" : ` after ${span(lastedS)}`;
  return data.reason === "allowed" ? `may move again${long}` : `has stopped its unauthorised movement${long}`;
}

/** The stop was not reached; the vehicle stood beside its pin, which is likely wrong. */
function besidePin({ data }: FleetEvent, names: Names): string {
  const offM = num(data.distance_m);
  const stoodS = num(data.stood_s);
  const where = offM === null ? "beside the pin" : `${distance(offM)} from the pin`;
  return `stood ${where} of ${stopWords(data, names)}${stoodS === null ? "" : ` for ${span(stoodS)}`}: is the pin wrong?`;
}

const otherVehicle = (data: Data, names: Names): string => {
  const other = text(data.other);
  return other ? names.vehicle(other) : "another vehicle";
};

function near({ data }: FleetEvent, names: Names): string {
  const limitM = num(data.near_m);
  const how = limitM === null ? "is close to" : `is within ${distance(limitM)} of`;
  return `${how} ${otherVehicle(data, names)}`;
}

function apart({ data }: FleetEvent, names: Names): string {
  const lastedS = num(data.duration_s);
  const long = lastedS === null ? "" : ` after ${span(lastedS)}`;
  const how = data.reason === "silence" ? "was last seen near" : "has parted from";
  return `${how} ${otherVehicle(data, names)}${long}`;
}

function silence({ data }: FleetEvent): string {
  const silentS = num(data.silent_s) ?? num(data.silence_s) ?? num(data.age_s);
  return silentS === null ? "has stopped reporting" : `has not reported for ${span(silentS)}`;
}

const PHRASES: Record<string, Phrase> = {
  "stop.approaching": approach,
  "stop.arrived": arrival,
  "stop.departed": departure,
  "stop.completed": atStop("completed"),
  "stop.failed": atStop("could not serve"),
  "stop.skipped": atStop("skipped"),
  "stop.eta_changed": newEta,
  "stop.at_risk": risk,
  "stop.delayed": delay,
  "stop.recovered": atStop("is back on time for"),
  "stop.place_suggested": besidePin,
  "fence.entered": atFence("entered"),
  "fence.exited": atFence("left", "dwell_s"),
  "fence.dwelled": ({ data }, names) => {
    const dwellS = num(data.dwell_s) ?? num(data.duration_s);
    const fence = text(data.fence);
    return `has been in ${fence ? names.fence(fence) : "a fence"}${dwellS === null ? " for long" : ` for ${span(dwellS)}`}`;
  },
  "fence.crossed": atFence("passed through"),
  "vehicle.online": () => "is online",
  "vehicle.offline": () => "went offline",
  "vehicle.stale": silence,
  "vehicle.moving": () => "is moving",
  "vehicle.stopped": () => "has stopped",
  "vehicle.overspeed": overspeed,
  "vehicle.unauthorised": unauthorised,
  "vehicle.unauthorised_ended": unauthorisedEnd,
  "vehicle.proximity": near,
  "vehicle.proximity_ended": apart,
  "vehicle.idle": ({ data }) => {
    const idleS = num(data.idle_s) ?? num(data.duration_s);
    return `is idling${idleS === null ? "" : ` for ${span(idleS)}`}`;
  },
};

export interface Sentence {
  subject: string;
  predicate: string;
  /** "Correction" or "Withdrawn" where the event replaces or takes back another. */
  note: string | null;
}

/** A type that this version does not know still reads: its own words, dots and underscores turned to spaces. */
export function sentenceOf(event: FleetEvent, names: Names): Sentence {
  const [, kind, change] = /^(.*?)(?:\.(revised|retracted))?$/.exec(event.type) ?? [];
  const phrase = PHRASES[kind];
  return {
    subject: names.vehicle(event.vehicle),
    predicate: phrase ? phrase(event, names) : kind.replaceAll(/[._]/g, " "),
    note: change === "revised" ? "Correction" : change === "retracted" ? "Withdrawn" : null,
  };
}

export function plainText(sentence: Sentence): string {
  return `${sentence.note ? `${sentence.note}: ` : ""}${sentence.subject} ${sentence.predicate}`;
}
