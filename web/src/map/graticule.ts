/** Lines of latitude and longitude at a round step that suits the zoom, with their labels. Pure. */

export interface Bounds {
  west: number;
  south: number;
  east: number;
  north: number;
}

export interface GridLine {
  path: [number, number][];
}

export interface GridLabel {
  text: string;
  lon: number | null;
  lat: number | null;
}

export interface Grid {
  step_deg: number;
  lines: GridLine[];
  labels: GridLabel[];
}

const STEPS_DEG = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
/** Latitude at which Web Mercator ends. */
const MERCATOR_LAT = 85.05;
const WANTED_LINES = 7;

export function stepFor(width_deg: number): number {
  const wanted = width_deg / WANTED_LINES;
  return STEPS_DEG.find((step) => step <= wanted * 1.4) ?? STEPS_DEG[STEPS_DEG.length - 1];
}

function multiples(from: number, to: number, step: number): number[] {
  const count = Math.floor(to / step) - Math.ceil(from / step) + 1;
  return Array.from({ length: Math.max(0, Math.min(count, 200)) }, (_, at) => (Math.ceil(from / step) + at) * step);
}

/** `bounds` are those of the screen; the lines run half a screen further, so that a pan does not uncover their ends. */
export function graticule(bounds: Bounds): Grid {
  const width = bounds.east - bounds.west;
  const height = bounds.north - bounds.south;
  const step = stepFor(width);
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const wide = {
    west: bounds.west - width / 2,
    east: bounds.east + width / 2,
    south: Math.max(-MERCATOR_LAT, bounds.south - height / 2),
    north: Math.min(MERCATOR_LAT, bounds.north + height / 2),
  };
  const lons = multiples(wide.west, wide.east, step);
  const lats = multiples(wide.south, wide.north, step);
  return {
    step_deg: step,
    lines: [
      ...lons.map(
        (lon): GridLine => ({
          path: [
            [lon, wide.south],
            [lon, wide.north],
          ],
        }),
      ),
      ...lats.map(
        (lat): GridLine => ({
          path: [
            [wide.west, lat],
            [wide.east, lat],
          ],
        }),
      ),
    ],
    labels: [
      ...lons.map((lon) => ({ text: lonText(lon, digits), lon, lat: null })),
      ...lats.map((lat) => ({ text: latText(lat, digits), lon: null, lat })),
    ],
  };
}

function lonText(lon: number, digits: number): string {
  const wrapped = ((((lon + 180) % 360) + 360) % 360) - 180;
  return `${Math.abs(wrapped).toFixed(digits)}°${wrapped < 0 ? " W" : " E"}`;
}

function latText(lat: number, digits: number): string {
  return `${Math.abs(lat).toFixed(digits)}°${lat < 0 ? " S" : " N"}`;
}
