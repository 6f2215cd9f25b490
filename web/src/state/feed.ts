/**
 * The newest events, newest first, bounded. Paused, the visible list stands still and the newer ones are counted;
 * nothing is lost until the bound. A revision replaces the event that it corrects, a retraction strikes it out.
 */
import { computed, signal } from "@preact/signals";
import type { FleetEvent } from "../api/wire";

export type Kind = "arrivals" | "departures" | "delays" | "fences" | "alarms" | "vehicles";

export const KINDS: readonly Kind[] = ["arrivals", "departures", "delays", "fences", "alarms", "vehicles"];

/** Kept in memory; older ones can be read from `/v1/events`. */
export const FEED_BOUND = 1000;

export interface FeedEntry {
  event: FleetEvent;
  kind: Kind;
  retracted: boolean;
  revised: boolean;
}

const KIND_BY_WORD: Record<string, Kind> = {
  approaching: "arrivals",
  arrived: "arrivals",
  departed: "departures",
  completed: "departures",
  failed: "delays",
  skipped: "delays",
  place_suggested: "delays",
  eta_changed: "delays",
  at_risk: "delays",
  delayed: "delays",
  recovered: "delays",
};

export function kindOf(type: string): Kind {
  const [subject, word] = type.split(".");
  if (subject === "fence") return "fences";
  if (subject === "stop") return KIND_BY_WORD[word] ?? "arrivals";
  return word.startsWith("unauthorised") ? "alarms" : "vehicles";
}

export class Feed {
  /** Kinds that are shown. Routine chatter of vehicles is off until asked for. */
  readonly shown = signal<ReadonlySet<Kind>>(new Set<Kind>(["arrivals", "departures", "delays", "fences", "alarms"]));
  readonly paused = signal(false);
  private readonly entries = signal<readonly FeedEntry[]>([]);
  private readonly frozen = signal<readonly FeedEntry[] | null>(null);
  private readonly ids = new Set<string>();

  readonly visible = computed(() =>
    (this.frozen.value ?? this.entries.value).filter((entry) => this.shown.value.has(entry.kind)),
  );
  /** How many newer ones wait behind the pause. */
  readonly unread = computed(() => {
    const frozen = this.frozen.value;
    if (!frozen) return 0;
    const newest = frozen[0]?.event.id;
    let count = 0;
    for (const entry of this.entries.value) {
      if (entry.event.id === newest) break;
      if (this.shown.value.has(entry.kind)) count += 1;
    }
    return count;
  });

  /** How many are kept, shown or not. */
  get size(): number {
    return this.entries.value.length;
  }

  /** Newest last in `events`, as they happened. One that is known already changes nothing. */
  add(events: readonly FleetEvent[]): void {
    const fresh = events.filter((event) => !this.ids.has(event.id));
    if (fresh.length === 0) return;
    let entries = [...this.entries.value];
    for (const event of fresh) {
      this.ids.add(event.id);
      entries = place(entries, event);
    }
    for (const dropped of entries.splice(FEED_BOUND)) this.ids.delete(dropped.event.id);
    this.entries.value = entries;
    this.forgetReplaced();
  }

  /** Ids of revised events stay known, so that a repeated delivery does not bring them back; but not for ever. */
  private forgetReplaced(): void {
    if (this.ids.size <= 2 * FEED_BOUND) return;
    this.ids.clear();
    for (const { event } of this.entries.value) this.ids.add(event.id);
  }

  /** How many fence events of a vehicle are kept; changes when its visits may have. */
  fenceEventsOf(vehicle: string): number {
    let count = 0;
    for (const { kind, event } of this.entries.value) if (kind === "fences" && event.vehicle === vehicle) count += 1;
    return count;
  }

  pause(): void {
    this.frozen.value = this.entries.value;
    this.paused.value = true;
  }

  resume(): void {
    this.frozen.value = null;
    this.paused.value = false;
  }

  toggle(kind: Kind): void {
    const shown = new Set(this.shown.value);
    if (!shown.delete(kind)) shown.add(kind);
    this.shown.value = shown;
  }
}

function place(entries: FeedEntry[], event: FleetEvent): FeedEntry[] {
  const isRetraction = event.type.endsWith(".retracted");
  const isRevision = event.type.endsWith(".revised");
  const of = event.data.of;
  const rest = isRetraction
    ? entries.map((entry) => (entry.event.id === of ? { ...entry, retracted: true } : entry))
    : isRevision
      ? entries.filter((entry) => entry.event.id !== of)
      : entries;
  rest.unshift({ event, kind: kindOf(event.type), retracted: false, revised: isRevision });
  return rest;
}
