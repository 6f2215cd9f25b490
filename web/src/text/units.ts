/** Measures in the reader's units: miles where the locale drives in them, kilometres elsewhere. */

const MILES = new Set(["US", "GB", "LR", "MM"]);
const METRES_A_MILE = 1609.344;

export function usesMiles(locale: string): boolean {
  try {
    return MILES.has(new Intl.Locale(locale).maximize().region ?? "");
  } catch {
    return false;
  }
}

const miles = usesMiles(globalThis.navigator?.language ?? "en");

export const speedUnit = miles ? "mph" : "km/h";

/** In the reader's unit, unrounded. */
export function speedValue(speed_mps: number): number {
  return miles ? (speed_mps * 3600) / METRES_A_MILE : speed_mps * 3.6;
}

/** "34 km/h", or an en dash where unknown. */
export function speed(speed_mps: number | null): string {
  return speed_mps === null ? "–" : `${Math.round(speedValue(speed_mps))} ${speedUnit}`;
}

/** "240 m", "1.4 km" (feet and miles where those are used). */
export function distance(metres: number): string {
  if (miles) {
    const feet = metres / 0.3048;
    return feet < 1000 ? `${Math.round(feet)} ft` : `${(metres / METRES_A_MILE).toFixed(1)} mi`;
  }
  return metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(1)} km`;
}

const POINTS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];

/** "128° SE", or an en dash where unknown. */
export function heading(heading_deg: number | null): string {
  if (heading_deg === null) return "–";
  const round = ((Math.round(heading_deg) % 360) + 360) % 360;
  return `${round}° ${POINTS[Math.round(round / 45) % 8]}`;
}

/** "60.1699° N, 24.9384° E": five decimals are a metre. */
export function place(lat: number, lon: number): string {
  return `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"}, ${Math.abs(lon).toFixed(5)}° ${lon < 0 ? "W" : "E"}`;
}
