import { describe, expect, it } from "vitest";
import { baseKind, plainStyle, styleFor } from "../src/map/base";
import { graticule, stepFor } from "../src/map/graticule";
import { fitting, type Label } from "../src/map/labels";
import { palettes, parseHex, speedColor } from "../src/map/palette";
import { areasOf, circleRing, corridorOf, fenceExtent } from "../src/map/shapes";
import { distanceM } from "../src/motion/tracks";
import { piecesOf } from "../src/state/trail";

const config = {
  style_url: null,
  tile_url: null,
  tile_attribution: null,
  streets_url: null,
  version: "1",
  role: null,
  tenant: null,
};

describe("the ground", () => {
  it("is plain by default and asks nobody for anything", () => {
    expect(baseKind(null)).toBe("plain");
    expect(baseKind(config)).toBe("plain");
    expect(JSON.stringify(plainStyle("dark"))).not.toMatch(/https?:|glyphs|sprite/);
  });

  it("takes tiles or a style where they are named", () => {
    const tiles = styleFor({ ...config, tile_url: "https://t/{z}/{x}/{y}", tile_attribution: "<b>x</b>" }, "light");
    expect(tiles).toMatchObject({ sources: { tiles: { tiles: ["https://t/{z}/{x}/{y}"] } } });
    expect(JSON.stringify(tiles)).not.toContain("<b>");
    expect(styleFor({ ...config, style_url: "https://s/style.json" }, "light")).toBe("https://s/style.json");
  });
});

describe("the grid", () => {
  it.each([360, 90, 10, 1, 0.1, 0.02])("has a handful of lines across %d degrees", (width) => {
    const lines = width / stepFor(width);
    expect(lines).toBeGreaterThanOrEqual(4);
    expect(lines).toBeLessThanOrEqual(18);
  });

  it("labels hemispheres and wraps beyond the antimeridian", () => {
    const { labels } = graticule({ west: 175, south: -10, east: 195, north: 10 });
    const texts = labels.map((label) => label.text);
    expect(texts).toContain("170° W");
    expect(texts).toContain("10° S");
  });
});

describe("fences", () => {
  const fence = { id: "f", name: "F" };

  it("draw a circle as wide as it is on the ground", () => {
    for (const [lon, lat] of circleRing(25, 60, 500)) {
      expect(distanceM(60, 25, lat, lon)).toBeGreaterThan(495);
      expect(distanceM(60, 25, lat, lon)).toBeLessThan(505);
    }
  });

  it("draw every part of a multipolygon and a corridor as a line with a width", () => {
    const ring = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 0],
    ];
    expect(areasOf({ ...fence, geometry: { type: "MultiPolygon", coordinates: [[ring], [ring]] } })).toHaveLength(2);
    const line = { ...fence, radius_m: 40, geometry: { type: "LineString" as const, coordinates: ring } };
    expect(areasOf(line)).toEqual([]);
    expect(corridorOf(line)?.width_m).toBe(80);
  });

  it("know their box, radius included", () => {
    const box = fenceExtent({ ...fence, radius_m: 111_195, geometry: { type: "Point", coordinates: [10, 0] } });
    expect(box).toMatchObject({ west: 9, east: 11, south: -1, north: 1 });
  });
});

describe("names on the map", () => {
  const label = (key: string, x: number): Label => ({ key, text: key, x, y: 100, className: "" });

  it("do not cover one another, and stay once they are shown", () => {
    const labels = [label("a", 100), label("b", 110), label("c", 400)];
    expect(fitting(labels, new Set(), 10).map(({ key }) => key)).toEqual(["a", "c"]);
    expect(fitting(labels, new Set(["b"]), 10).map(({ key }) => key)).toEqual(["b", "c"]);
    expect(fitting(labels, new Set(), 1)).toHaveLength(1);
  });
});

describe("colours", () => {
  it("read a fence's own, and nothing else", () => {
    expect(parseHex("#0f8a63")).toEqual([15, 138, 99]);
    expect(parseHex("#fff")).toEqual([255, 255, 255]);
    for (const text of ["red", "#12", "", null, "url(x)"]) expect(parseHex(text)).toBeNull();
  });

  it("go from slow to fast and stop at the ends of the scale", () => {
    expect(speedColor(0, "dark")).not.toEqual(speedColor(10, "dark"));
    expect(speedColor(99, "dark")).toEqual(speedColor(1000, "dark"));
    expect(speedColor(null, "dark")).toEqual(palettes.dark.stale);
  });

  it.each(["light", "dark"] as const)("of small text keep the AA contrast on the %s panel", (theme) => {
    const panel = theme === "light" ? [255, 255, 255] : [19, 27, 37];
    for (const color of Object.values(palettes[theme].text)) expect(contrast(color, panel)).toBeGreaterThanOrEqual(4.5);
  });
});

/** WCAG 2.1, relative luminance and contrast ratio. */
function contrast(one: readonly number[], other: readonly number[]): number {
  const luminance = (color: readonly number[]): number => {
    const [r, g, b] = color.map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(one), luminance(other)].sort((left, right) => left - right);
  return (high + 0.05) / (low + 0.05);
}

describe("the trail", () => {
  it("breaks where nobody knows the way", () => {
    const point = (minute: number) => ({ timeMs: minute * 60_000, lat: 0, lon: 0, speed_mps: 1 });
    expect(piecesOf([0, 1, 2, 20, 21, 60].map(point)).map((piece) => piece.length)).toEqual([3, 2]);
  });
});

describe("streets", () => {
  it("are drawn on the plain ground alone, from this server", () => {
    const plain = styleFor({ ...config, streets_url: "/v1/ui/streets" }, "dark");
    expect(plain).toMatchObject({
      sources: { streets: { type: "geojson", data: `${location.origin}/v1/ui/streets` } },
    });
    expect(
      styleFor({ ...config, streets_url: "/v1/ui/streets", tile_url: "https://t/{z}/{x}/{y}" }, "dark"),
    ).not.toMatchObject({
      sources: { streets: {} },
    });
  });
});
