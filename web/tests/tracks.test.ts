import { describe, expect, it } from "vitest";
import { distanceM, nextPlayhead, Tracks, wrapDeg } from "../src/motion/tracks";

const FRAME_MS = 16;
/** A degree of longitude at the equator is a degree of latitude: plain numbers. */
const lonAt = (seconds: number): number => seconds * 1e-4;

interface Drive {
  everyMs: number;
  latencyMs: (fix: number) => number;
  untilMs: number;
}

/** Feed fixes of an even eastward drive as they arrive, and record what is drawn in each frame. */
function drawn({ everyMs, latencyMs, untilMs }: Drive): { nowMs: number; lon: number }[] {
  const tracks = new Tracks();
  const van = tracks.add();
  const frames: { nowMs: number; lon: number }[] = [];
  let next = 0;
  for (let nowMs = 0; nowMs < untilMs; nowMs += FRAME_MS) {
    while (next * everyMs + latencyMs(next) <= nowMs) {
      tracks.push(van, { timeMs: next * everyMs, lat: 0, lon: lonAt((next * everyMs) / 1000), heading_deg: 90 }, nowMs);
      next += 1;
    }
    tracks.advance(nowMs, FRAME_MS);
    frames.push({ nowMs, lon: tracks.position[0] });
  }
  return frames;
}

const hops = (frames: { lon: number }[]): number[] => frames.slice(1).map((frame, at) => frame.lon - frames[at].lon);

describe("motion between fixes", () => {
  it("is even where fixes come evenly", () => {
    const settled = drawn({ everyMs: 2000, latencyMs: () => 300, untilMs: 60_000 }).filter(
      ({ nowMs }) => nowMs > 20_000,
    );
    const perFrame = lonAt(FRAME_MS / 1000);
    for (const hop of hops(settled)) {
      expect(hop).toBeGreaterThan(perFrame * 0.8);
      expect(hop).toBeLessThan(perFrame * 1.2);
    }
  });

  it("never runs backwards, whatever the network does", () => {
    const latencies = [200, 1900, 250, 3100, 100, 900, 2500];
    const frames = drawn({ everyMs: 1000, latencyMs: (fix) => latencies[fix % latencies.length], untilMs: 60_000 });
    for (const hop of hops(frames)) expect(hop).toBeGreaterThanOrEqual(0);
  });

  it("does not stop between late fixes once it has learned how late they come", () => {
    const frames = drawn({ everyMs: 1000, latencyMs: (fix) => (fix % 5 === 0 ? 2500 : 200), untilMs: 90_000 });
    const settled = frames.filter(({ nowMs }) => nowMs > 30_000);
    const standing = hops(settled).filter((hop) => hop === 0).length;
    expect(standing).toBe(0);
  });

  it("holds at the newest fix instead of guessing beyond it", () => {
    const tracks = new Tracks();
    const van = tracks.add();
    tracks.push(van, { timeMs: 0, lat: 0, lon: 0, heading_deg: 90 }, 100);
    tracks.push(van, { timeMs: 1000, lat: 0, lon: 1e-4, heading_deg: 90 }, 1100);
    for (let nowMs = 1100; nowMs < 60_000; nowMs += FRAME_MS) tracks.advance(nowMs, FRAME_MS);
    expect(tracks.position[0]).toBe(1e-4);
    expect(tracks.advance(60_000, FRAME_MS)).toBe(false);
  });

  it("sets a vehicle down after a gap or a leap instead of dragging it across the map", () => {
    const tracks = new Tracks();
    const [gap, leap] = [tracks.add(), tracks.add()];
    tracks.push(gap, { timeMs: 0, lat: 0, lon: 0, heading_deg: null }, 0);
    tracks.push(gap, { timeMs: 600_000, lat: 0, lon: 0.01, heading_deg: null }, 600_000);
    tracks.push(leap, { timeMs: 0, lat: 0, lon: 0, heading_deg: null }, 0);
    tracks.push(leap, { timeMs: 1000, lat: 10, lon: 20, heading_deg: null }, 1000);
    expect(tracks.position[0]).toBe(0.01);
    expect([tracks.position[3], tracks.position[4]]).toEqual([20, 10]);
  });

  it("ignores a fix that is older than what is shown", () => {
    const tracks = new Tracks();
    const van = tracks.add();
    tracks.push(van, { timeMs: 5000, lat: 1, lon: 1, heading_deg: 0 }, 5000);
    expect(tracks.push(van, { timeMs: 4000, lat: 2, lon: 2, heading_deg: 0 }, 5100)).toBe(false);
    expect(tracks.position[0]).toBe(1);
  });

  it("turns the short way round through north", () => {
    const tracks = new Tracks();
    const van = tracks.add();
    tracks.push(van, { timeMs: 0, lat: 0, lon: 0, heading_deg: 350 }, 0);
    tracks.push(van, { timeMs: 1000, lat: 1e-4, lon: 0, heading_deg: 10 }, 1000);
    const seen: number[] = [];
    for (let nowMs = 1000; nowMs < 4000; nowMs += FRAME_MS) {
      tracks.advance(nowMs, FRAME_MS);
      seen.push(((tracks.heading[van] % 360) + 360) % 360);
    }
    expect(seen.every((heading) => heading >= 349.9 || heading <= 10.1)).toBe(true);
    expect(seen.at(-1)).toBeCloseTo(10, 3);
  });

  it("crosses the antimeridian the short way", () => {
    const tracks = new Tracks();
    const van = tracks.add();
    tracks.push(van, { timeMs: 0, lat: 0, lon: 179.9999, heading_deg: 90 }, 0);
    tracks.push(van, { timeMs: 1000, lat: 0, lon: -179.9999, heading_deg: 90 }, 1000);
    for (let nowMs = 1000; nowMs < 4000; nowMs += FRAME_MS) {
      tracks.advance(nowMs, FRAME_MS);
      expect(Math.abs(tracks.position[0])).toBeGreaterThan(179.99);
    }
  });

  it("takes the course from the way driven where the tracker tells none", () => {
    const tracks = new Tracks();
    const van = tracks.add();
    tracks.push(van, { timeMs: 0, lat: 0, lon: 0, heading_deg: null }, 0);
    tracks.push(van, { timeMs: 1000, lat: 0, lon: 1e-3 / 5, heading_deg: null }, 1000);
    for (let nowMs = 1000; nowMs < 4000; nowMs += FRAME_MS) tracks.advance(nowMs, FRAME_MS);
    expect(tracks.heading[van]).toBeCloseTo(90, 1);
  });

  it("keeps everybody's place when it grows", () => {
    const tracks = new Tracks(2);
    for (let van = 0; van < 100; van += 1) {
      tracks.push(tracks.add(), { timeMs: 0, lat: van / 10, lon: van / 20, heading_deg: van }, 0);
    }
    for (let van = 0; van < 100; van += 1) {
      expect(tracks.position[van * 3]).toBe(van / 20);
      expect(tracks.position[van * 3 + 1]).toBe(van / 10);
      expect(tracks.heading[van]).toBe(van);
    }
  });
});

describe("the playhead", () => {
  it("keeps real time when it is where it should be", () => {
    expect(nextPlayhead(1000, 1016, 16)).toBe(1016);
  });

  it("hurries and dawdles by half at most", () => {
    expect(nextPlayhead(0, 10_000, 16)).toBe(24);
    expect(nextPlayhead(10_000, 0, 16)).toBe(10_008);
  });

  it("jumps when the tab has slept", () => {
    expect(nextPlayhead(0, 60_000, 16)).toBe(60_000);
  });
});

describe("angles and distances", () => {
  it("wraps to the half-open circle", () => {
    expect([0, 190, -190, 540, 180, -180].map(wrapDeg)).toEqual([0, -170, 170, -180, -180, -180]);
  });

  it("measures a degree of latitude", () => {
    expect(distanceM(0, 0, 1, 0)).toBeCloseTo(111_195, -1);
    expect(distanceM(60, 0, 60, 1)).toBeCloseTo(111_195 / 2, -2);
  });
});
