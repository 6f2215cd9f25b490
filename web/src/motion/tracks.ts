/**
 * Smooth motion from sparse fixes, for any number of vehicles, in typed arrays.
 *
 * Every vehicle has a playhead that runs behind the present by a lag (its dead time): long enough that the next fix has
 * usually arrived before the playhead reaches the newest one. Between two fixes the position is interpolated; beyond the
 * newest it is held, never guessed, so nothing snaps back. The lag follows the vehicle's own rhythm:
 *
 *   needed lag of a fix = how old it was when it arrived + the interval since the fix before it
 *
 * and is the slowly forgotten maximum of those. The playhead never runs backwards; it drifts towards its target by running
 * up to half as slow or half as fast again, which the eye does not see.
 *
 * Cases in which gliding would be a lie, so the vehicle is set down at the newest fix instead:
 *   1. more than GAP_MS between two fixes (a tunnel, a night),
 *   2. a leap faster than any van,
 *   3. the playhead is more than CATCH_UP_MS behind its target (the tab slept).
 */

/** Fixes kept a vehicle: enough for a burst of a few within one lag. */
const DEPTH = 6;
const GAP_MS = 90_000;
const FASTEST_MPS = 90;
const CATCH_UP_MS = 40_000;
/** Longest interval that the lag makes room for; trackers that report less often pause between their hops. */
const LONGEST_INTERVAL_MS = 35_000;
/** Added to the needed lag, against jitter of the network. */
const MARGIN_MS = 250;
/** Share of a shorter need that the lag takes over with each fix. */
const FORGET = 0.02;
/** Milliseconds in which a playhead that is off target catches up. */
const STEER_MS = 5_000;
const METRES_A_DEGREE = 111_195;
/** Shorter hops say nothing about the course. */
const COURSE_FROM_M = 4;

export interface Fix {
  timeMs: number;
  lat: number;
  lon: number;
  heading_deg: number | null;
}

export class Tracks {
  count = 0;
  /** `(capacity, 3) float64`: lon, lat degrees and 0, as the map shows them now. */
  position: Float64Array;
  /** `(capacity,) float32`: degrees clockwise from north, as the map shows them now. */
  heading: Float32Array;
  private time: Float64Array;
  private lon: Float64Array;
  private lat: Float64Array;
  private course: Float32Array;
  private newest: Uint8Array;
  private held: Uint8Array;
  private playhead: Float64Array;
  private lag: Float64Array;

  constructor(private capacity = 256) {
    this.position = new Float64Array(capacity * 3);
    this.heading = new Float32Array(capacity);
    this.time = new Float64Array(capacity * DEPTH);
    this.lon = new Float64Array(capacity * DEPTH);
    this.lat = new Float64Array(capacity * DEPTH);
    this.course = new Float32Array(capacity * DEPTH);
    this.newest = new Uint8Array(capacity);
    this.held = new Uint8Array(capacity);
    this.playhead = new Float64Array(capacity);
    this.lag = new Float64Array(capacity);
  }

  /** Room for one more vehicle; returns its index. */
  add(): number {
    if (this.count === this.capacity) this.grow(this.capacity * 2);
    this.count += 1;
    return this.count - 1;
  }

  /** Forget where a vehicle was (it left the map); its index stays its own. */
  clear(index: number): void {
    this.held[index] = 0;
  }

  hasPosition(index: number): boolean {
    return this.held[index] > 0;
  }

  /** Take in a fix that arrived at `nowMs`. Returns whether it is newer than what was known. */
  push(index: number, fix: Fix, nowMs: number): boolean {
    if (this.held[index] === 0) {
      this.setDown(index, fix);
      this.lag[index] = Math.max(0, nowMs - fix.timeMs) + MARGIN_MS;
      return true;
    }
    const previous = index * DEPTH + this.newest[index];
    const intervalMs = fix.timeMs - this.time[previous];
    if (intervalMs <= 0) return false;
    const hopM = distanceM(this.lat[previous], this.lon[previous], fix.lat, fix.lon);
    if (intervalMs > GAP_MS || hopM > Math.max(200, (FASTEST_MPS * intervalMs) / 1000)) {
      this.setDown(index, fix);
      return true;
    }
    this.learnLag(index, nowMs - fix.timeMs + Math.min(intervalMs, LONGEST_INTERVAL_MS) + MARGIN_MS);
    const course = fix.heading_deg ?? this.courseOf(previous, fix, hopM);
    this.newest[index] = (this.newest[index] + 1) % DEPTH;
    this.held[index] = Math.min(DEPTH, this.held[index] + 1);
    this.write(index * DEPTH + this.newest[index], fix, course);
    return true;
  }

  /** Move every playhead to the frame at `nowMs`, `stepMs` after the frame before. Returns whether anything moved. */
  advance(nowMs: number, stepMs: number): boolean {
    let moved = false;
    for (let index = 0; index < this.count; index += 1) {
      if (this.held[index] > 0 && this.advanceOne(index, nowMs, stepMs)) moved = true;
    }
    return moved;
  }

  private advanceOne(index: number, nowMs: number, stepMs: number): boolean {
    const end = this.time[index * DEPTH + this.newest[index]];
    const from = this.playhead[index];
    if (from >= end) return false;
    this.playhead[index] = Math.min(end, nextPlayhead(from, nowMs - this.lag[index], stepMs));
    this.place(index);
    return true;
  }

  /** Interpolate between the two fixes around the playhead. */
  private place(index: number): void {
    const base = index * DEPTH;
    const at = this.playhead[index];
    let after = base + this.newest[index];
    let slot = this.newest[index];
    for (let step = 1; step < this.held[index]; step += 1) {
      slot = slot === 0 ? DEPTH - 1 : slot - 1;
      const before = base + slot;
      if (this.time[before] <= at) {
        this.blend(index, before, after, (at - this.time[before]) / (this.time[after] - this.time[before]));
        return;
      }
      after = before;
    }
    this.blend(index, after, after, 0);
  }

  private blend(index: number, before: number, after: number, share: number): void {
    const clamped = Math.max(0, Math.min(1, share));
    const lonStep = wrapDeg(this.lon[after] - this.lon[before]);
    this.position[index * 3] = wrapDeg(this.lon[before] + lonStep * clamped);
    this.position[index * 3 + 1] = this.lat[before] + (this.lat[after] - this.lat[before]) * clamped;
    const turn = wrapDeg(this.course[after] - this.course[before]);
    this.heading[index] = this.course[before] + turn * clamped;
  }

  private setDown(index: number, fix: Fix): void {
    this.newest[index] = 0;
    this.held[index] = 1;
    this.playhead[index] = fix.timeMs;
    this.write(index * DEPTH, fix, fix.heading_deg ?? this.heading[index]);
    this.blend(index, index * DEPTH, index * DEPTH, 0);
  }

  private write(slot: number, fix: Fix, course: number): void {
    this.time[slot] = fix.timeMs;
    this.lon[slot] = fix.lon;
    this.lat[slot] = fix.lat;
    this.course[slot] = course;
  }

  private courseOf(previous: number, fix: Fix, hopM: number): number {
    if (hopM < COURSE_FROM_M) return this.course[previous];
    const east = wrapDeg(fix.lon - this.lon[previous]) * Math.cos((fix.lat * Math.PI) / 180);
    return (Math.atan2(east, fix.lat - this.lat[previous]) * 180) / Math.PI;
  }

  private learnLag(index: number, neededMs: number): void {
    const known = this.lag[index];
    this.lag[index] = neededMs > known ? neededMs : known + (neededMs - known) * FORGET;
  }

  private grow(capacity: number): void {
    const wider = <T extends Float64Array | Float32Array | Uint8Array>(old: T, per: number): T => {
      const copy = new (old.constructor as new (length: number) => T)(capacity * per);
      copy.set(old);
      return copy;
    };
    this.capacity = capacity;
    this.position = wider(this.position, 3);
    this.heading = wider(this.heading, 1);
    this.time = wider(this.time, DEPTH);
    this.lon = wider(this.lon, DEPTH);
    this.lat = wider(this.lat, DEPTH);
    this.course = wider(this.course, DEPTH);
    this.newest = wider(this.newest, 1);
    this.held = wider(this.held, 1);
    this.playhead = wider(this.playhead, 1);
    this.lag = wider(this.lag, 1);
  }
}

/** Where a playhead at `fromMs` goes within `stepMs` when it should be at `targetMs`: never backwards. */
export function nextPlayhead(fromMs: number, targetMs: number, stepMs: number): number {
  const behindMs = targetMs - fromMs;
  if (behindMs > CATCH_UP_MS) return targetMs;
  const steer = Math.max(-0.5, Math.min(0.5, (behindMs - stepMs) / STEER_MS));
  return fromMs + stepMs * (1 + steer);
}

/** To [-180, 180): the short way round for a difference, the usual range for a longitude. */
export function wrapDeg(angle_deg: number): number {
  if (angle_deg >= -180 && angle_deg < 180) return angle_deg;
  return ((((angle_deg + 180) % 360) + 360) % 360) - 180;
}

/** Equirectangular distance: exact enough for hops of one vehicle. */
export function distanceM(fromLat: number, fromLon: number, toLat: number, toLon: number): number {
  const north = toLat - fromLat;
  const east = wrapDeg(toLon - fromLon) * Math.cos(((fromLat + toLat) * Math.PI) / 360);
  return Math.hypot(north, east) * METRES_A_DEGREE;
}
