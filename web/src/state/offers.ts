/**
 * Places that turned out to be elsewhere than their pin, and wait for somebody to say so: what vehicles taught, beside the pins
 * that the plan has. A decision is the server's; here it only leaves the list at once.
 */
import { signal } from "@preact/signals";
import type { Rest } from "../api/rest";
import type { KnownPlace, Stop } from "../api/wire";
import type { Routes } from "./routes";

export interface Offer {
  tenant: string;
  place: string;
  /** For people: the name of a stop there, else the place's id. */
  name: string;
  /** Where vehicles stood; degrees. */
  lat: number;
  lon: number;
  visits: number;
  /** How far that is from the pin. */
  pin_m: number;
  /** The pin of a stop that is planned there; null where none is known here. */
  pin: { lat: number; lon: number } | null;
}

export class Offers {
  readonly known = signal<readonly KnownPlace[]>([]);

  constructor(private readonly rest: Rest) {}

  async load(): Promise<void> {
    this.known.value = await this.rest.all<KnownPlace>("v1/places", { limit: 1000, offered: "true" });
  }

  /** With the pins of the stops that are planned there. */
  list(routes: Routes): Offer[] {
    if (this.known.value.length === 0) return [];
    const stops = stopsByPlace(routes);
    return this.known.value.flatMap((one) => {
      if (one.lat === null || one.lon === null) return [];
      const stop = stops.get(one.id);
      const { tenant, lat, lon, visits, pin_m } = one;
      return [
        { tenant, place: one.id, name: stop?.name ?? one.id, lat, lon, visits, pin_m: pin_m ?? 0, pin: stop ?? null },
      ];
    });
  }

  /** Say where the place is: exactly what was shown, whatever has been learned since. */
  async accept(offer: Offer): Promise<void> {
    await this.rest.post(this.path(offer, "accept"), { lat: offer.lat, lon: offer.lon });
    this.drop(offer);
  }

  /** The pin is right; it is not offered again. */
  async dismiss(offer: Offer): Promise<void> {
    await this.rest.post(this.path(offer, "withdraw"), {});
    this.drop(offer);
  }

  private path(offer: Offer, action: string): string {
    return `v1/places/${encodeURIComponent(offer.place)}:${action}?tenant=${encodeURIComponent(offer.tenant)}`;
  }

  private drop(offer: Offer): void {
    this.known.value = this.known.peek().filter((one) => one.tenant !== offer.tenant || one.id !== offer.place);
  }
}

/** Of each place the stop that is still at the plan's own pin, where there is one. */
function stopsByPlace(routes: Routes): Map<string, Stop> {
  const found = new Map<string, Stop>();
  for (const route of routes.all()) {
    for (const stop of route.stops) {
      if (stop.place !== null && stop.position_from !== "place") found.set(stop.place, stop);
    }
  }
  return found;
}
