/** Everything about the selected vehicle: how it is, where it goes, where it was. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Visit } from "../api/wire";
import { motionOf } from "../state/condition";
import type { FleetVehicle } from "../state/fleet";
import { age, ago, clockRange, clockTime, exactTime } from "../text/time";
import { distance, heading, place, speed } from "../text/units";
import { useScreen } from "./context";
import { Icon, StateMark } from "./icons";
import { SpeedScale } from "./map-controls";
import { RouteStops } from "./route-stops";
import { delayWords, RINGS, toneOf } from "./tones";

const TRAIL_HOURS = [1, 2, 6, 12, 24];

export function VehiclePanel() {
  const screen = useScreen();
  screen.fleet.revision.value;
  const id = screen.selectedId.value;
  const vehicle = id === null ? undefined : screen.fleet.get(id);
  if (!vehicle) return null;
  return (
    <section class="panel detail" aria-label={`Vehicle ${vehicle.name}`}>
      <Head vehicle={vehicle} />
      <div class="detail-body">
        <Facts vehicle={vehicle} />
        <TrailBar />
        <RouteStops progress={screen.progressOf(vehicle)} nowMs={screen.nowMs.value} />
        <Visits vehicle={vehicle.id} />
      </div>
    </section>
  );
}

function Head({ vehicle }: { vehicle: FleetVehicle }) {
  const screen = useScreen();
  const motion = motionOf(vehicle, screen.nowMs.value);
  const delay = screen.progressOf(vehicle)?.delay ?? "on_time";
  const tone = toneOf(motion, delay);
  const following = screen.following.value;
  return (
    <div class="detail-head">
      <StateMark shape={motion} tone={tone} rings={motion === "stale" ? 0 : RINGS[delay]} />
      <div class="detail-title">
        <h2>{vehicle.name}</h2>
        <span class="small">
          <span class={`text-${tone}`}>{motion === "stale" ? "silent" : motion}</span>
          {delay !== "on_time" && motion !== "stale" && <span class={`text-${tone}`}>, {delayWords(delay)}</span>}
          {vehicle.name !== vehicle.id && (
            <span class="quiet" title={vehicle.tracker ? `Tracker ${vehicle.tracker}` : "No tracker is mounted"}>
              {" "}
              · {vehicle.id}
            </span>
          )}
          {vehicle.tags.map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </span>
      </div>
      <button
        type="button"
        class="icon-button"
        aria-pressed={following}
        aria-label={following ? "Stop following" : "Follow on the map"}
        title={following ? "Following; click to stop" : "Follow on the map"}
        onClick={() => (screen.following.value = !following)}
      >
        <Icon name="follow" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Close"
        title="Close (Esc)"
        onClick={() => screen.select(null)}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

function Facts({ vehicle }: { vehicle: FleetVehicle }) {
  const nowMs = useScreen().nowMs.value;
  if (vehicle.fixAtMs === null) {
    return (
      <p class="empty small">
        No fix of this vehicle has arrived yet{vehicle.tracker ? "" : ", and no tracker is mounted on it"}.
      </p>
    );
  }
  return (
    <dl class="facts">
      <Fact label="Speed" value={speed(vehicle.speed_mps)} />
      <Fact label="Heading" value={heading(vehicle.heading_deg)} />
      <Fact label="Accuracy" value={vehicle.accuracy_m === null ? "–" : `± ${distance(vehicle.accuracy_m)}`} />
      <Fact label="Last fix" value={ago(nowMs - vehicle.fixAtMs)} title={exactTime(vehicle.fixAtMs)} />
      <Fact label="Place" value={place(vehicle.lat, vehicle.lon)} wide />
    </dl>
  );
}

function Fact(props: { label: string; value: string; title?: string; wide?: boolean }) {
  return (
    <div class={props.wide ? "fact wide" : "fact"} title={props.title ?? props.value}>
      <dt>{props.label}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}

function TrailBar() {
  const screen = useScreen();
  const { trail, settings } = screen;
  const count = trail.pieces.value.reduce((sum, piece) => sum + piece.length, 0);
  const words = {
    none: "",
    loading: "loading …",
    ready: count > 0 ? `${count.toLocaleString()} fixes` : "no fixes in this time",
    failed: "could not be loaded",
  }[trail.status.value];
  return (
    <div class="trail-bar">
      <div class="section-head">
        <h3>Trail</h3>
        <span class="quiet small">{words}</span>
        <label class="visually-hidden" for="trail-hours">
          Hours of trail
        </label>
        <select
          id="trail-hours"
          value={settings.trailHours.value}
          onChange={(event) => {
            settings.trailHours.value = Number(event.currentTarget.value);
            screen.reloadTrail();
          }}
        >
          {TRAIL_HOURS.map((hours) => (
            <option key={hours} value={hours}>
              last {hours} h
            </option>
          ))}
        </select>
      </div>
      <SpeedScale />
    </div>
  );
}

/** Stays in fences of the last day. */
function Visits({ vehicle }: { vehicle: string }) {
  const screen = useScreen();
  const visits = useSignal<readonly Visit[] | null>(null);
  // Loaded again when a fence event of this vehicle arrives.
  const fenceEvents = screen.feed.fenceEventsOf(vehicle);
  useEffect(() => {
    const loading = new AbortController();
    screen.rest
      .get<{ items: Visit[] }>("v1/visits", { vehicle, limit: 50 }, loading.signal)
      .then((page) => {
        visits.value = page.items.toSorted((left, right) => right.entered_at.localeCompare(left.entered_at));
      })
      .catch((error: unknown) => {
        if (!loading.signal.aborted) screen.notify("visits", `Visits could not be loaded. ${String(error)}`);
      });
    return () => loading.abort();
  }, [vehicle, fenceEvents]);
  const shown = visits.value?.slice(0, 20) ?? [];
  return (
    <div class="visits">
      <div class="section-head">
        <h3>Visits</h3>
        <span class="quiet small">
          {visits.value === null ? "loading …" : shown.length === 0 ? "no visit to a fence yet" : ""}
        </span>
      </div>
      <ul>
        {shown.map((visit) => (
          <li key={visit.id}>
            <Icon name="fence" size={14} />
            <span class="visit-name">{screen.names.fence(visit.fence)}</span>
            <span class="quiet" title={exactTime(visit.entered_at)}>
              {visit.exited_at ? clockRange(visit.entered_at, visit.exited_at) : `since ${clockTime(visit.entered_at)}`}
            </span>
            <span>
              {age((visit.exited_at ? Date.parse(visit.exited_at) : screen.nowMs.value) - Date.parse(visit.entered_at))}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
