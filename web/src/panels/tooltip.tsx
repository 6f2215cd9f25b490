/** A few words about what the pointer is over. */
import type { ReadonlySignal } from "@preact/signals";
import type { Hover } from "../map/hover";
import { motionOf } from "../state/condition";
import { ago, clockRange, clockTime } from "../text/time";
import { distance, speed } from "../text/units";
import { useScreen } from "./context";
import { delayWords } from "./tones";

export function Tooltip({ hover }: { hover: ReadonlySignal<Hover | null> }) {
  const over = hover.value;
  if (!over) return null;
  return (
    <div class="tooltip" style={{ transform: `translate(${over.x + 14}px, ${over.y + 14}px)` }} role="tooltip">
      <Words over={over} />
    </div>
  );
}

function Words({ over }: { over: Hover }) {
  const screen = useScreen();
  const nowMs = screen.nowMs.value;
  switch (over.kind) {
    case "vehicle": {
      const progress = screen.progressOf(over.vehicle);
      const motion = motionOf(over.vehicle, nowMs);
      return (
        <>
          <strong>{over.vehicle.name}</strong>
          <span>
            {motion === "moving" ? speed(over.vehicle.speed_mps) : motion === "stopped" ? "stopped" : "silent"}
            {over.vehicle.fixAtMs !== null && `, ${ago(nowMs - over.vehicle.fixAtMs)}`}
          </span>
          {progress?.next && (
            <span>
              Stop {progress.next.seq} of {progress.total}
              {progress.next.eta && `, ${clockRange(progress.next.eta.p10, progress.next.eta.p90)}`}
              {`, ${delayWords(progress.delay)}`}
            </span>
          )}
        </>
      );
    }
    case "stop":
      return (
        <>
          <strong>
            Stop {over.stop.seq} of {over.stop.route}
          </strong>
          {over.stop.position_from === "place" && <span>moved from the plan's pin</span>}
          {(over.stop.name ?? over.stop.place) && <span>{over.stop.name ?? over.stop.place}</span>}
          <span>
            {over.stop.status.replace("_", " ")}
            {over.stop.arrived_at && ` ${clockTime(over.stop.arrived_at, nowMs)}`}
            {over.stop.planned_arrival && `, planned ${clockTime(over.stop.planned_arrival, nowMs)}`}
          </span>
        </>
      );
    case "offer":
      return (
        <>
          <strong>{over.offer.name}</strong>
          <span>
            {over.offer.visits} visits stood here, {distance(over.offer.pin_m)} from the pin
          </span>
        </>
      );
    default:
      return (
        <>
          <strong>{over.fence.name ?? over.fence.id}</strong>
          <span>{(over.fence.tags ?? []).join(", ") || "fence"}</span>
        </>
      );
  }
}
