/**
 * `window.__outrider`: what browser tests may look at. Read-only, no way to change anything, no fleet data beyond what is
 * on the screen.
 *
 *   vehicles        how many vehicles the map draws
 *   frames          how many frames have been drawn
 *   connection      "closed" | "connecting" | "live" | "waiting" | "unauthorised"
 *   seq             newest event number
 *   events          how many events are kept
 *   selected        id of the selected vehicle, or null
 *   trailPoints     how many fixes the trail holds
 *   zoom            of the map
 *   vehicleAt(id)   where a vehicle is drawn, CSS pixels, or null
 */
import type { LiveStatus } from "./live/client";
import type { MapView } from "./map/view";
import type { SessionLoop } from "./session-loop";
import type { Screen } from "./state/screen";

export interface TestHook {
  readonly vehicles: number;
  readonly frames: number;
  readonly connection: LiveStatus;
  readonly seq: number | null;
  readonly events: number;
  readonly selected: string | null;
  readonly trailPoints: number;
  readonly zoom: number;
  vehicleAt(id: string): { x: number; y: number } | null;
}

declare global {
  interface Window {
    readonly __outrider?: TestHook;
  }
}

export function installHook(screen: Screen, loop: SessionLoop, view: () => MapView | null): void {
  const hook: TestHook = {
    get vehicles() {
      return view()?.scene.drawnVehicles ?? 0;
    },
    get frames() {
      return view()?.frames ?? 0;
    },
    get connection() {
      return screen.connection.peek();
    },
    get seq() {
      return loop.live.seq;
    },
    get events() {
      return screen.feed.size;
    },
    get selected() {
      return screen.selectedId.peek();
    },
    get trailPoints() {
      return screen.trail.length;
    },
    get zoom() {
      return view()?.map.getZoom() ?? 0;
    },
    vehicleAt: (id) => view()?.pixelOf(id) ?? null,
  };
  Object.defineProperty(window, "__outrider", { value: Object.freeze(hook) });
}
