/** The selected vehicle's run: each stop with its promise, its prediction and what came of it, on one time axis a stop. */
import { useSignal } from "@preact/signals";
import type { Stop } from "../api/wire";
import { againstPlanS, isOpen, lateS } from "../state/condition";
import type { Progress } from "../state/routes";
import { clockRange, clockTime, punctuality } from "../text/time";
import { useScreen } from "./context";
import { Icon, type IconName } from "./icons";
import { DELAY_TONE, etaWords } from "./tones";
import { windowBar } from "./window-bar";

export function RouteStops({ progress, nowMs }: { progress: Progress | null; nowMs: number }) {
  if (!progress) {
    return (
      <div class="route">
        <div class="section-head">
          <h3>Route</h3>
        </div>
        <p class="quiet small">No route is planned for this vehicle. Import a plan file with POST /v1/routes:import.</p>
      </div>
    );
  }
  return <Stops key={progress.route.id} progress={progress} nowMs={nowMs} />;
}

/** What lies behind is folded away, but for the last of it: the next stop is what one looks for. */
function Stops({ progress, nowMs }: { progress: Progress; nowMs: number }) {
  const { route, done, total } = progress;
  const unfolded = useSignal(false);
  const folded = unfolded.value ? 0 : foldable(route.stops);
  return (
    <div class="route">
      <div class="section-head">
        <h3>Route {route.id}</h3>
        <span class="quiet small">
          {done} of {total} stops, {route.status.replace("_", " ")}
        </span>
      </div>
      <ol class="stops">
        {folded > 0 && (
          <li>
            <button type="button" class="unfold" onClick={() => (unfolded.value = true)}>
              Show {folded} earlier {folded === 1 ? "stop" : "stops"}
            </button>
          </li>
        )}
        {route.stops.slice(folded).map((stop) => (
          <StopRow key={stop.id} stop={stop} isNext={stop === progress.next} nowMs={nowMs} />
        ))}
      </ol>
    </div>
  );
}

/** How many of the first stops are behind the vehicle, less the last of those; a single one is not worth folding. */
export function foldable(stops: readonly Stop[]): number {
  const firstOpen = stops.findIndex(isOpen);
  const behind = (firstOpen < 0 ? stops.length : firstOpen) - 1;
  return behind > 1 ? behind : 0;
}

const STATUS_ICON: Record<Stop["status"], IconName | null> = {
  planned: null,
  approaching: null,
  arrived: "arrive",
  departed: "check",
  completed: "check",
  skipped: "skip",
  failed: "close",
};

function StopRow({ stop, isNext, nowMs }: { stop: Stop; isNext: boolean; nowMs: number }) {
  const screen = useScreen();
  const icon = STATUS_ICON[stop.status];
  const title = stop.name ?? stop.place ?? stop.id;
  const tone = isOpen(stop)
    ? { on_time: "moving", at_risk: "at-risk", delayed: "delayed" }[stop.delay]
    : closedTone(stop);
  return (
    <li class={`stop${isNext ? " next" : ""}${isOpen(stop) ? "" : " closed"}`}>
      <button
        type="button"
        class="stop-row"
        title={`Show stop ${stop.seq} on the map`}
        onClick={() => screen.flyTo(stop)}
      >
        <span class={`stop-pin tone-${tone}`}>{icon ? <Icon name={icon} size={12} /> : stop.seq}</span>
        <span class="stop-main">
          <span class="stop-name">
            {title}
            {isNext && <span class="next-mark">next</span>}
          </span>
          <StopTimes stop={stop} nowMs={nowMs} />
        </span>
      </button>
    </li>
  );
}

function closedTone(stop: Stop): string {
  return stop.status === "skipped" || stop.status === "failed" ? "stale" : "on-time";
}

function StopTimes({ stop, nowMs }: { stop: Stop; nowMs: number }) {
  if (stop.arrived_at) {
    const offS = againstPlanS(stop, Date.parse(stop.arrived_at));
    const tone = arrivalTone(offS);
    return (
      <span class="stop-times">
        <span>
          {stop.departed_at ? clockRange(stop.arrived_at, stop.departed_at) : clockTime(stop.arrived_at, nowMs)}
        </span>
        <span class={`text-${tone}`}>{offS === null ? "" : punctuality(offS)}</span>
      </span>
    );
  }
  if (!isOpen(stop)) return <span class="stop-times">{stop.status}</span>;
  const bar = windowBar(stop);
  const tone = DELAY_TONE[stop.delay];
  return (
    <>
      <span class="stop-times">
        <span>{promiseText(stop, nowMs)}</span>
        {stop.eta && (
          <span class={`text-${tone}`}>
            {clockRange(stop.eta.p10, stop.eta.p90)}
            {`, ${etaWords(stop.delay, lateS(stop))}`}
          </span>
        )}
      </span>
      {bar && (
        <span class="window-bar" role="img" aria-label={bar.words}>
          {bar.promise && (
            <span class="promise" style={{ left: `${bar.promise.left}%`, width: `${bar.promise.width}%` }} />
          )}
          {bar.planned !== null && <span class="planned" style={{ left: `${bar.planned}%` }} />}
          <span class={`eta tone-${tone}`} style={{ left: `${bar.eta.left}%`, width: `${bar.eta.width}%` }} />
          <span class={`median tone-${tone}`} style={{ left: `${bar.median}%` }} />
        </span>
      )}
    </>
  );
}

/** A few minutes are within what a plan can know: neither praise nor blame. */
function arrivalTone(offS: number | null): string {
  if (offS === null || (offS > 60 && offS <= 300)) return "stopped";
  return offS > 300 ? "delayed" : "on-time";
}

function promiseText(stop: Stop, nowMs: number): string {
  if (stop.window) return `promised ${clockRange(stop.window[0], stop.window[1], true)}`;
  return stop.planned_arrival ? `planned ${clockTime(stop.planned_arrival, nowMs)}` : "no time promised";
}
