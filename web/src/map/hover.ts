/** What the pointer is over, in the words of the fleet instead of deck.gl's. */
import type { PickingInfo } from "@deck.gl/core";
import type { Fence, Stop } from "../api/wire";
import type { FleetVehicle } from "../state/fleet";
import type { Offer } from "../state/offers";

interface At {
  x: number;
  y: number;
}

export type Hover =
  | (At & { kind: "vehicle"; vehicle: FleetVehicle })
  | (At & { kind: "stop"; stop: Stop })
  | (At & { kind: "offer"; offer: Offer })
  | (At & { kind: "fence"; fence: Fence });

export function hoverOf(info: PickingInfo, vehicles: readonly FleetVehicle[]): Hover | null {
  const at = { x: info.x, y: info.y };
  const object: unknown = info.object;
  switch (info.layer?.id) {
    case "vehicles": {
      const vehicle = vehicles[info.index];
      return vehicle ? { ...at, kind: "vehicle", vehicle } : null;
    }
    case "stops":
    case "route-stops":
      return object ? { ...at, kind: "stop", stop: object as Stop } : null;
    case "offers":
      return object ? { ...at, kind: "offer", offer: object as Offer } : null;
    case "fences":
    case "fence-corridors":
      return object ? { ...at, kind: "fence", fence: (object as { fence: Fence }).fence } : null;
    default:
      return null;
  }
}
