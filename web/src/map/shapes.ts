/** Fences as what the map draws: rings in degrees, or a line with a width. Pure. */
import type { Fence, FenceGeometry } from "../api/wire";

export type LonLat = [number, number];

export interface FenceArea {
  fence: Fence;
  /** Outer ring first, holes after it. */
  polygon: LonLat[][];
}

export interface FenceCorridor {
  fence: Fence;
  path: LonLat[];
  /** Full width. */
  width_m: number;
}

const METRES_A_DEGREE = 111_195;
const CIRCLE_POINTS = 72;

/** A circle on the ground; on the map it is stretched as everything is. */
export function circleRing(lon: number, lat: number, radius_m: number, points = CIRCLE_POINTS): LonLat[] {
  const north = radius_m / METRES_A_DEGREE;
  const east = north / Math.max(0.01, Math.cos((lat * Math.PI) / 180));
  return Array.from({ length: points + 1 }, (_, at): LonLat => {
    const turn = (at / points) * 2 * Math.PI;
    return [lon + east * Math.sin(turn), lat + north * Math.cos(turn)];
  });
}

export function areasOf(fence: Fence): FenceArea[] {
  const { geometry } = fence;
  switch (geometry.type) {
    case "Point": {
      const [lon, lat] = geometry.coordinates;
      return [{ fence, polygon: [circleRing(lon, lat, fence.radius_m ?? 100)] }];
    }
    case "Polygon":
      return [{ fence, polygon: geometry.coordinates as LonLat[][] }];
    case "MultiPolygon":
      return geometry.coordinates.map((polygon) => ({ fence, polygon: polygon as LonLat[][] }));
    default:
      return [];
  }
}

export function corridorOf(fence: Fence): FenceCorridor | null {
  if (fence.geometry.type !== "LineString") return null;
  return { fence, path: fence.geometry.coordinates as LonLat[], width_m: 2 * (fence.radius_m ?? 50) };
}

function pointsOf(geometry: FenceGeometry): LonLat[] {
  switch (geometry.type) {
    case "Point":
      return [geometry.coordinates as LonLat];
    case "LineString":
      return geometry.coordinates as LonLat[];
    case "Polygon":
      return geometry.coordinates.flat() as LonLat[];
    default:
      return geometry.coordinates.flat(2) as LonLat[];
  }
}

export interface Extent {
  west: number;
  south: number;
  east: number;
  north: number;
}

export function extentOf(points: Iterable<readonly [number, number]>): Extent | null {
  const extent = { west: Infinity, south: Infinity, east: -Infinity, north: -Infinity };
  for (const [lon, lat] of points) {
    extent.west = Math.min(extent.west, lon);
    extent.east = Math.max(extent.east, lon);
    extent.south = Math.min(extent.south, lat);
    extent.north = Math.max(extent.north, lat);
  }
  return extent.west <= extent.east ? extent : null;
}

/** The box around a fence, its radius included. */
export function fenceExtent(fence: Fence): Extent {
  const extent = extentOf(pointsOf(fence.geometry)) ?? { west: 0, south: 0, east: 0, north: 0 };
  const north = (fence.radius_m ?? 0) / METRES_A_DEGREE;
  const east = north / Math.max(0.01, Math.cos((extent.south * Math.PI) / 180));
  return {
    west: extent.west - east,
    east: extent.east + east,
    south: extent.south - north,
    north: extent.north + north,
  };
}
