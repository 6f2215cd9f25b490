/** What has happened, newest first, in plain words. */
import { useComputed } from "@preact/signals";
import type { ComponentChild } from "preact";
import { placeOf } from "../state/event-place";
import { type FeedEntry, KINDS, type Kind } from "../state/feed";
import { sentenceOf } from "../text/event-text";
import { ago, clockTime, exactTime } from "../text/time";
import { useScreen } from "./context";
import { Icon, type IconName } from "./icons";
import { PlaceOffers } from "./place-offers";

/** Drawn at once; scrolling further back is what `/v1/events` is for. */
const DRAWN = 150;

const KIND_WORDS: Record<Kind, string> = {
  arrivals: "Arrivals",
  departures: "Departures",
  delays: "Delays",
  fences: "Fences",
  alarms: "Alarms",
  vehicles: "Vehicles",
};

export function EventFeed() {
  const screen = useScreen();
  const { feed } = screen;
  const entries = useComputed(() => feed.visible.value.slice(0, DRAWN));
  return (
    <section class="panel feed" aria-label="Events">
      <div class="panel-head">
        <h2>Events</h2>
        {feed.unread.value > 0 && (
          <button type="button" class="unread" onClick={() => feed.resume()}>
            {feed.unread.value} new
          </button>
        )}
        <button
          type="button"
          class="icon-button"
          aria-pressed={feed.paused.value}
          aria-label={feed.paused.value ? "Resume the feed" : "Pause the feed"}
          title={feed.paused.value ? "Resume" : "Pause"}
          onClick={() => (feed.paused.value ? feed.resume() : feed.pause())}
        >
          <Icon name={feed.paused.value ? "play" : "pause"} />
        </button>
      </div>
      <fieldset class="chips">
        <legend class="visually-hidden">Kinds of events</legend>
        {KINDS.map((kind) => (
          <button key={kind} type="button" aria-pressed={feed.shown.value.has(kind)} onClick={() => feed.toggle(kind)}>
            {KIND_WORDS[kind]}
          </button>
        ))}
      </fieldset>
      {screen.selectedId.value === null && <PlaceOffers />}
      {entries.value.length === 0 ? (
        <EmptyFeed />
      ) : (
        <ol class="feed-list">
          {entries.value.map((entry) => (
            <FeedRow key={entry.event.id} entry={entry} />
          ))}
        </ol>
      )}
    </section>
  );
}

function FeedRow({ entry }: { entry: FeedEntry }) {
  const screen = useScreen();
  const { event } = entry;
  const sentence = sentenceOf(event, screen.names);
  const atMs = Date.parse(event.occurred_at);
  const place = placeOf(event, screen);
  return (
    <li>
      <button
        type="button"
        class={`feed-row${entry.retracted ? " retracted" : ""}`}
        data-type={event.type}
        title={place ? "Show the place on the map" : undefined}
        disabled={!place}
        onClick={() => place && screen.flyTo(place)}
      >
        <span class={`feed-icon ${toneOf(event.type)}`}>
          <Icon name={iconOf(event.type)} size={14} />
        </span>
        <span class="feed-text">
          {sentence.note && <em>{sentence.note}: </em>}
          <strong>{sentence.subject}</strong> {unbroken(sentence.predicate)}
          {entry.retracted && <em> (withdrawn)</em>}
        </span>
        <time
          class="feed-time"
          dateTime={event.occurred_at}
          title={`${exactTime(atMs)} (${ago(screen.nowMs.value - atMs)})`}
        >
          {clockTime(atMs)}
        </time>
      </button>
    </li>
  );
}

/** Ids with hyphens stay on one line. */
function unbroken(text: string): ComponentChild[] {
  return text.split(/(\S+-\S+)/).map((part, at) => (at % 2 === 1 ? <span class="unbroken">{part}</span> : part));
}

function EmptyFeed() {
  const { feed } = useScreen();
  return (
    <div class="empty">
      <strong>{feed.size === 0 ? "Nothing has happened yet" : "Nothing of these kinds"}</strong>
      <p>
        {feed.size === 0
          ? "Arrivals, delays and fence crossings appear here as they happen. Import a plan with POST /v1/routes:import to see stops being served."
          : "Switch on more kinds above to see the other events."}
      </p>
    </div>
  );
}

const ICONS: readonly [prefix: string, icon: IconName, tone: string][] = [
  ["stop.arrived", "arrive", "tone-on-time"],
  ["stop.approaching", "arrive", "tone-moving"],
  ["stop.completed", "check", "tone-on-time"],
  ["stop.departed", "depart", "tone-stopped"],
  ["stop.delayed", "clock", "tone-delayed"],
  ["stop.at_risk", "clock", "tone-at-risk"],
  ["stop.recovered", "clock", "tone-on-time"],
  ["stop.eta_changed", "clock", "tone-stopped"],
  ["stop.failed", "close", "tone-delayed"],
  ["stop.skipped", "skip", "tone-at-risk"],
  ["stop.place_suggested", "moved", "tone-at-risk"],
  ["fence.", "fence", "tone-fence"],
  ["vehicle.overspeed", "van", "tone-at-risk"],
  ["vehicle.unauthorised_ended", "van", "tone-stopped"],
  ["vehicle.unauthorised", "van", "tone-delayed"],
  ["vehicle.", "van", "tone-stopped"],
];

function iconOf(type: string): IconName {
  return ICONS.find(([prefix]) => type.startsWith(prefix))?.[1] ?? "clock";
}

function toneOf(type: string): string {
  return ICONS.find(([prefix]) => type.startsWith(prefix))?.[2] ?? "tone-stopped";
}
