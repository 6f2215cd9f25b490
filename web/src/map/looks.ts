/** Colours and shapes of all vehicles as bytes for the GPU, written again only when a state has changed. */
import type { Delay } from "../api/wire";
import { motionOf } from "../state/condition";
import type { FleetVehicle } from "../state/fleet";
import type { Palette, Rgb } from "./palette";
import { Shape } from "./vehicle-layer";

export interface LookInput {
  vehicles: readonly FleetVehicle[];
  delayOf: (vehicle: FleetVehicle) => Delay;
  selected: string | null;
  palette: Palette;
  nowMs: number;
}

const RINGS: Record<Delay, number> = { on_time: 0, at_risk: 1, delayed: 2 };
const SHAPES = { moving: Shape.arrow, stopped: Shape.square, stale: Shape.hollow } as const;

export class Looks {
  /** `(N, 4) uint8`: RGBA. */
  colors = new Uint8Array(0);
  /** `(N, 4) uint8`: shape, rings, selected, unused. */
  looks = new Uint8Array(0);
  /** How many are not hidden. */
  drawn = 0;

  /** Write everything; returns whether any byte has changed. */
  write(input: LookInput): boolean {
    const length = input.vehicles.length * 4;
    let changed = this.colors.length !== length;
    if (changed) {
      this.colors = new Uint8Array(length);
      this.looks = new Uint8Array(length);
    }
    this.drawn = 0;
    for (const vehicle of input.vehicles) if (this.writeOne(vehicle, input)) changed = true;
    return changed;
  }

  private writeOne(vehicle: FleetVehicle, input: LookInput): boolean {
    const motion = motionOf(vehicle, input.nowMs);
    const delay = motion === "stale" ? "on_time" : input.delayOf(vehicle);
    const color = colorOf(motion, delay, input.palette);
    if (vehicle.onMap) this.drawn += 1;
    const shape = vehicle.onMap ? SHAPES[motion] : Shape.hidden;
    const selected = vehicle.id === input.selected ? 1 : 0;
    const at = vehicle.index * 4;
    const same =
      this.looks[at] === shape &&
      this.looks[at + 1] === RINGS[delay] &&
      this.looks[at + 2] === selected &&
      this.colors[at] === color[0] &&
      this.colors[at + 1] === color[1] &&
      this.colors[at + 2] === color[2];
    if (same) return false;
    this.looks.set([shape, RINGS[delay], selected, 0], at);
    this.colors.set([...color, 255], at);
    return true;
  }
}

/** Silence outranks lateness (what is not known cannot be late), lateness outranks motion. */
export function colorOf(motion: "moving" | "stopped" | "stale", delay: Delay, palette: Palette): Rgb {
  if (motion === "stale" || delay === "on_time") return palette[motion];
  return palette[delay];
}
