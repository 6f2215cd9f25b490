/** One row of the side list. */
import type { Motion } from "../state/condition";
import type { FleetVehicle } from "../state/fleet";
import type { Progress } from "../state/routes";
import { age, clockRange } from "../text/time";
import { speed } from "../text/units";
import { StateMark } from "./icons";
import { DELAY_TONE, delayWords, etaWords, RINGS, toneOf } from "./tones";

export interface VehicleRowProps {
  vehicle: FleetVehicle;
  motion: Motion;
  progress: Progress | null;
  nowMs: number;
  selected: boolean;
  active: boolean;
  onChoose: () => void;
}

export function rowId(vehicle: string): string {
  return `vehicle-${vehicle}`;
}

export function VehicleRow({ vehicle, motion, progress, nowMs, selected, active, onChoose }: VehicleRowProps) {
  const delay = progress?.delay ?? "on_time";
  const tone = toneOf(motion, delay);
  const fixAge = vehicle.fixAtMs === null ? "no fix yet" : age(nowMs - vehicle.fixAtMs);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys (active descendant)
    <div
      id={rowId(vehicle.id)}
      class={`row${selected ? " selected" : ""}${active ? " active" : ""}`}
      role="option"
      tabIndex={-1}
      aria-selected={selected}
      onClick={onChoose}
    >
      <StateMark shape={motion} tone={tone} rings={motion === "stale" ? 0 : RINGS[delay]} />
      <div class="row-main">
        <div class="row-line">
          <span class="row-name">{vehicle.name}</span>
          <span class="row-speed">{motion === "moving" ? speed(vehicle.speed_mps) : stateWord(motion, vehicle)}</span>
        </div>
        <div class="row-line small">
          <span class="row-next">{nextText(progress)}</span>
          <span class="row-age" title="Age of the last fix">
            {fixAge}
          </span>
        </div>
      </div>
      <div class="row-eta">
        <NextEta progress={progress} />
      </div>
    </div>
  );
}

function stateWord(motion: Motion, vehicle: FleetVehicle): string {
  if (vehicle.fixAtMs === null) return "waiting";
  return motion === "stale" ? "silent" : "stopped";
}

function nextText(progress: Progress | null): string {
  if (!progress) return "No route";
  if (!progress.next) return `${progress.route.id} done`;
  return `${progress.next.seq}/${progress.total} ${progress.next.name ?? progress.next.place ?? progress.next.id}`;
}

/** The window that the next arrival falls into with 80 % probability, and how the run stands to its promises. */
function NextEta({ progress }: { progress: Progress | null }) {
  const eta = progress?.next?.eta;
  if (!progress?.worst || !eta) return null;
  const isNext = progress.worst === progress.next;
  const words = etaWords(progress.delay, progress.lateS);
  return (
    <>
      <span class="eta-window" title={`Next arrival: ${clockRange(eta.p10, eta.p90)} with 80 % probability`}>
        {clockRange(eta.p10, eta.p90, true)}
      </span>
      <span
        class={`eta-delay text-${DELAY_TONE[progress.delay]}`}
        title={`Stop ${progress.worst.seq}: ${delayWords(progress.delay)}`}
      >
        {isNext ? words : `stop ${progress.worst.seq}: ${words}`}
      </span>
    </>
  );
}
