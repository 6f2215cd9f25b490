/** Where an event was, as far as it can be told: its own evidence, its stop, its fence, else where the vehicle is now. */
import type { FleetEvent } from "../api/wire";
import { fenceExtent } from "../map/shapes";
import type { Place, Screen } from "./screen";

export function placeOf(event: FleetEvent, screen: Screen): Place | null {
  return fromEvidence(event.data) ?? fromStop(event, screen) ?? fromFence(event, screen) ?? fromVehicle(event, screen);
}

function fromEvidence(data: Record<string, unknown>): Place | null {
  for (const source of [data, data.evidence]) {
    if (typeof source !== "object" || source === null) continue;
    const { lat, lon } = source as { lat?: unknown; lon?: unknown };
    if (typeof lat === "number" && typeof lon === "number") return { lat, lon };
  }
  return null;
}

function fromStop({ data }: FleetEvent, screen: Screen): Place | null {
  const stop = screen.routes.stop(String(data.route), String(data.stop));
  return stop ? { lat: stop.lat, lon: stop.lon } : null;
}

function fromFence({ data }: FleetEvent, screen: Screen): Place | null {
  const fence = screen.fences.peek().find((candidate) => candidate.id === data.fence);
  if (!fence) return null;
  const extent = fenceExtent(fence);
  return { lat: (extent.south + extent.north) / 2, lon: (extent.west + extent.east) / 2, zoom: 13 };
}

function fromVehicle(event: FleetEvent, screen: Screen): Place | null {
  const vehicle = screen.fleet.get(event.vehicle);
  return vehicle?.onMap ? { lat: vehicle.lat, lon: vehicle.lon } : null;
}
