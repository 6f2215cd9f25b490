/**
 * The deck.gl layers from bottom to top. Data that does not change keeps its identity, so that deck.gl uploads it once; only
 * the vehicles' positions and headings are new in each frame.
 */
import type { Layer } from "@deck.gl/core";
import { LineLayer, PathLayer, PolygonLayer, ScatterplotLayer, TextLayer } from "@deck.gl/layers";
import type { Route, Stop } from "../api/wire";
import { isDone, isOpen } from "../state/condition";
import type { TrailPoint } from "../state/trail";
import type { GridLine } from "./graticule";
import { type Palette, parseHex, type Rgb, speedColor, type ThemeName } from "./palette";
import type { RecentTracks } from "./recent-tracks";
import type { FenceArea, FenceCorridor } from "./shapes";
import { circleRing } from "./shapes";

export type Rgba = [number, number, number, number];

export const alpha = (color: Rgb, opacity: number): Rgba => [...color, Math.round(opacity * 255)] as Rgba;

export function gridLayer(lines: readonly GridLine[], palette: Palette): Layer {
  return new PathLayer<GridLine>({
    id: "grid",
    data: lines as GridLine[],
    getPath: (line) => line.path,
    getColor: alpha(palette.grid, 0.75),
    getWidth: 1,
    widthUnits: "pixels",
    updateTriggers: { getColor: palette },
  });
}

export function trackLayer(tracks: RecentTracks, revision: number, palette: Palette): Layer {
  return new LineLayer({
    id: "recent-tracks",
    data: trackData(tracks, revision),
    getColor: alpha(palette.track, 0.34),
    getWidth: 2,
    widthUnits: "pixels",
    updateTriggers: { getColor: palette },
  });
}

interface BinaryLines {
  length: number;
  attributes: Record<string, { value: Float32Array; size: 3 }>;
}

let trackCache: { revision: number; data: BinaryLines } | null = null;

/** One object a revision: deck.gl uploads when the object is another one. */
function trackData(tracks: RecentTracks, revision: number): BinaryLines {
  if (trackCache?.revision === revision) return trackCache.data;
  const data: BinaryLines = {
    length: tracks.count,
    attributes: {
      getSourcePosition: { value: tracks.from, size: 3 },
      getTargetPosition: { value: tracks.to, size: 3 },
    },
  };
  trackCache = { revision, data };
  return data;
}

export function fenceLayers(
  areas: readonly FenceArea[],
  corridors: readonly FenceCorridor[],
  palette: Palette,
): Layer[] {
  const colorOf = (item: { fence: { color?: string | null } }): Rgb => parseHex(item.fence.color) ?? palette.fence;
  return [
    new PathLayer<FenceCorridor>({
      id: "fence-corridors",
      data: corridors as FenceCorridor[],
      getPath: (item) => item.path,
      getColor: (item) => alpha(colorOf(item), 0.16),
      getWidth: (item) => item.width_m,
      widthUnits: "meters",
      capRounded: true,
      jointRounded: true,
      pickable: true,
      updateTriggers: { getColor: palette },
    }),
    new PathLayer<FenceCorridor>({
      id: "fence-corridor-lines",
      data: corridors as FenceCorridor[],
      getPath: (item) => item.path,
      getColor: (item) => alpha(colorOf(item), 0.7),
      getWidth: 1.5,
      widthUnits: "pixels",
      updateTriggers: { getColor: palette },
    }),
    new PolygonLayer<FenceArea>({
      id: "fences",
      data: areas as FenceArea[],
      getPolygon: (item) => item.polygon,
      getFillColor: (item) => alpha(colorOf(item), 0.1),
      getLineColor: (item) => alpha(colorOf(item), 0.75),
      getLineWidth: 1.5,
      lineWidthUnits: "pixels",
      pickable: true,
      updateTriggers: { getFillColor: palette, getLineColor: palette },
    }),
  ];
}

export function stopColor(stop: Stop, palette: Palette): Rgb {
  if (isDone(stop) || stop.status === "arrived") return palette.on_time;
  if (stop.status === "failed" || stop.status === "skipped") return palette.stale;
  return stop.delay === "on_time" ? palette.moving : palette[stop.delay];
}

/**
 * All stops as quiet dots: hollow while open, filled when done. From afar they are specks, and only those in trouble keep
 * their colour, so that the vehicles stay what one sees.
 */
export function stopLayer(stops: readonly Stop[], revision: number, palette: Palette, quiet: boolean): Layer {
  if (quiet) return speckLayer(stops, revision, palette);
  return new ScatterplotLayer<Stop>({
    id: "stops",
    data: stops as Stop[],
    getPosition: (stop) => [stop.lon, stop.lat],
    getRadius: 4,
    radiusUnits: "pixels",
    stroked: true,
    getFillColor: (stop) => (isOpen(stop) ? alpha(palette.outline, 0.9) : alpha(stopColor(stop, palette), 0.5)),
    getLineColor: (stop) => alpha(stopColor(stop, palette), isOpen(stop) ? 0.85 : 0.4),
    getLineWidth: 1.6,
    lineWidthUnits: "pixels",
    pickable: true,
    updateTriggers: { getFillColor: [revision, palette], getLineColor: [revision, palette] },
  });
}

function speckLayer(stops: readonly Stop[], revision: number, palette: Palette): Layer {
  const colorOf = (stop: Stop): Rgba => {
    if (!isOpen(stop)) return alpha(palette.stale, 0.3);
    return stop.delay === "on_time" ? alpha(palette.stale, 0.6) : alpha(palette[stop.delay], 0.75);
  };
  return new ScatterplotLayer<Stop>({
    id: "stop-specks",
    data: stops as Stop[],
    getPosition: (stop) => [stop.lon, stop.lat],
    getRadius: 1.8,
    radiusUnits: "pixels",
    getFillColor: colorOf,
    updateTriggers: { getFillColor: [revision, palette] },
  });
}

/** The selected vehicle's run: the order of calls, arrival circles, numbered pins. */
export function routeLayers(route: Route, revision: number, palette: Palette): Layer[] {
  const stops = route.stops;
  const triggers = [revision, palette];
  return [
    new PathLayer<Route>({
      id: "route-line",
      data: [route],
      dataComparator: (now, before) => (now as Route[])[0] === (before as Route[])[0],
      getPath: () => stops.map((stop): [number, number] => [stop.lon, stop.lat]),
      getColor: alpha(palette.routeLine, 0.35),
      getWidth: 1.5,
      widthUnits: "pixels",
      jointRounded: true,
      updateTriggers: { getColor: palette },
    }),
    new PolygonLayer<Stop>({
      id: "route-circles",
      data: stops,
      getPolygon: (stop) => circleRing(stop.lon, stop.lat, stop.arrival_radius_m, 40),
      getFillColor: (stop) => alpha(stopColor(stop, palette), 0.1),
      getLineColor: (stop) => alpha(stopColor(stop, palette), 0.5),
      getLineWidth: 1,
      lineWidthUnits: "pixels",
      updateTriggers: { getFillColor: triggers, getLineColor: triggers },
    }),
    new ScatterplotLayer<Stop>({
      id: "route-stops",
      data: stops,
      getPosition: (stop) => [stop.lon, stop.lat],
      getRadius: 10,
      radiusUnits: "pixels",
      stroked: true,
      getFillColor: (stop) => alpha(stopColor(stop, palette), 1),
      getLineColor: alpha(palette.outline, 1),
      getLineWidth: 1.5,
      lineWidthUnits: "pixels",
      pickable: true,
      updateTriggers: { getFillColor: triggers, getLineColor: palette },
    }),
    new TextLayer<Stop>({
      id: "route-numbers",
      data: stops,
      getPosition: (stop) => [stop.lon, stop.lat],
      getText: (stop) => String(stop.seq),
      getColor: alpha(palette.outline, 1),
      getSize: 11,
      fontFamily: "Inter Variable, system-ui, sans-serif",
      fontWeight: 700,
      characterSet: "0123456789",
      updateTriggers: { getColor: palette },
    }),
  ];
}

type Piece = readonly TrailPoint[];

/** The trail with its speeds as colours, on a casing that lifts it off any ground. */
export function trailLayers(pieces: readonly Piece[], palette: Palette, theme: ThemeName): Layer[] {
  const shared = {
    data: pieces as Piece[],
    getPath: (piece: Piece): [number, number][] => piece.map((point) => [point.lon, point.lat]),
    widthUnits: "pixels" as const,
    capRounded: true,
    jointRounded: true,
  };
  return [
    new PathLayer<Piece>({
      ...shared,
      id: "trail-casing",
      getColor: alpha(palette.outline, 0.85),
      getWidth: 7,
      updateTriggers: { getColor: palette },
    }),
    new PathLayer<Piece>({
      ...shared,
      id: "trail",
      getColor: (piece) => piece.map((point) => alpha(speedColor(point.speed_mps, theme), 1)) as never,
      getWidth: 4,
      updateTriggers: { getColor: theme },
    }),
  ];
}
