/**
 * The ground under everything: a plain one by default (no request leaves the page), raster tiles or a whole style where the
 * installation names one. A tile server that cannot be reached leaves the plain ground and a sentence about it.
 */
import type { ExpressionSpecification, StyleSpecification } from "maplibre-gl";
import type { UiConfig } from "../api/wire";
import { css, palettes, type ThemeName } from "./palette";

export type BaseKind = "plain" | "tiles" | "style";

export function baseKind(config: UiConfig | null): BaseKind {
  if (config?.style_url) return "style";
  return config?.tile_url ? "tiles" : "plain";
}

export function plainStyle(theme: ThemeName, streetsUrl: string | null = null): StyleSpecification {
  const { ground, grid } = palettes[theme];
  const style: StyleSpecification = {
    version: 8,
    name: "Outrider plain",
    sources: {},
    layers: [{ id: "ground", type: "background", paint: { "background-color": css(ground) } }],
  };
  if (streetsUrl) {
    // MapLibre loads it in a worker, which knows no page to be relative to.
    style.sources.streets = { type: "geojson", data: new URL(streetsUrl, location.href).href };
    style.layers.push({
      id: "streets",
      type: "line",
      source: "streets",
      layout: { "line-cap": "round", "line-join": "round" },
      paint: {
        "line-color": css(grid),
        "line-width": STREET_WIDTH,
        "line-opacity": ["case", ["get", "tunnel"], 0.45, 1],
      },
    });
  }
  return style;
}

/** Wider where it is faster, and with the zoom: from a hair to about the real width of a street. */
const STREET_WIDTH: ExpressionSpecification = [
  "interpolate",
  ["exponential", 1.6],
  ["zoom"],
  10,
  ["interpolate", ["linear"], ["get", "speed_mps"], 5, 0.4, 17, 1.4],
  14,
  ["interpolate", ["linear"], ["get", "speed_mps"], 5, 2, 17, 6],
  18,
  ["interpolate", ["linear"], ["get", "speed_mps"], 5, 14, 17, 36],
];

/** Street tiles are drawn for paper: at night they are dimmed and drained, so that vehicles stay the brightest thing. */
const RASTER_PAINT = {
  light: { "raster-saturation": -0.35, "raster-contrast": -0.08, "raster-opacity": 0.9 },
  dark: { "raster-saturation": -0.75, "raster-brightness-max": 0.42, "raster-contrast": 0.1, "raster-opacity": 0.9 },
} as const;

export function tileStyle(theme: ThemeName, tileUrl: string, attribution: string | null): StyleSpecification {
  const plain = plainStyle(theme);
  return {
    ...plain,
    name: "Outrider tiles",
    sources: {
      tiles: {
        type: "raster",
        tiles: [tileUrl],
        tileSize: 256,
        maxzoom: 19,
        ...(attribution ? { attribution: escapeHtml(attribution) } : {}),
      },
    },
    layers: [...plain.layers, { id: "tiles", type: "raster", source: "tiles", paint: { ...RASTER_PAINT[theme] } }],
  };
}

/** MapLibre shows attributions as HTML; links are allowed in them, scripts and handlers are not worth the risk. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function styleFor(config: UiConfig | null, theme: ThemeName): string | StyleSpecification {
  if (config?.style_url) return config.style_url;
  if (config?.tile_url) return tileStyle(theme, config.tile_url, config.tile_attribution);
  return plainStyle(theme, config?.streets_url);
}
