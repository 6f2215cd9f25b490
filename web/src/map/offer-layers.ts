/** Pins that may be wrong: a dotted line from the pin to where vehicles stood, and a ring there; specks from afar. */
import type { Layer } from "@deck.gl/core";
import { ScatterplotLayer } from "@deck.gl/layers";
import type { Offer } from "../state/offers";
import { alpha } from "./layers";
import type { Palette } from "./palette";

/** Between two dots; a pin that is off by a street has a dozen of them. */
const DOT_EVERY_M = 12;
/** A pin in another town: the line would be no help. */
const MOST_DOTS = 100;

export type Dot = [lon: number, lat: number];

export function offerLayers(offers: readonly Offer[], palette: Palette): Layer[] {
  if (offers.length === 0) return [];
  return [
    new ScatterplotLayer<Dot>({
      id: "offer-dots",
      data: offers.flatMap(dotsOf),
      getPosition: (dot) => dot,
      getRadius: 2.5,
      radiusMinPixels: 0.6,
      radiusMaxPixels: 2.2,
      getFillColor: alpha(palette.at_risk, 1),
      updateTriggers: { getFillColor: palette },
    }),
    new ScatterplotLayer<Offer>({
      id: "offers",
      data: offers as Offer[],
      getPosition: (offer) => [offer.lon, offer.lat],
      getRadius: 12,
      radiusMinPixels: 2.5,
      radiusMaxPixels: 7,
      stroked: true,
      getFillColor: alpha(palette.outline, 0.9),
      getLineColor: alpha(palette.at_risk, 1),
      getLineWidth: 2.5,
      lineWidthUnits: "pixels",
      pickable: true,
      updateTriggers: { getFillColor: palette, getLineColor: palette },
    }),
  ];
}

/** Evenly from the pin, without the two ends, which have marks of their own. */
export function dotsOf({ pin, lat, lon, pin_m }: Offer): Dot[] {
  if (!pin) return [];
  const count = Math.min(MOST_DOTS, Math.max(2, Math.round(pin_m / DOT_EVERY_M)));
  return Array.from({ length: count - 1 }, (_, at): Dot => {
    const share = (at + 1) / count;
    return [pin.lon + (lon - pin.lon) * share, pin.lat + (lat - pin.lat) * share];
  });
}
