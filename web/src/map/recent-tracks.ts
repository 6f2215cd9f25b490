/**
 * Where the fleet has driven lately: a bounded ring of hops, newest over oldest. On the plain ground it draws the streets as
 * they are used.
 */
import type { Hop } from "../state/fleet";

/** Hops kept: about half an hour of a few hundred vans. */
export const TRACKS_BOUND = 30_000;

export class RecentTracks {
  /** `(bound, 3) float32` lon, lat degrees and 0: a metre is enough for a faint line. */
  readonly from = new Float32Array(TRACKS_BOUND * 3);
  readonly to = new Float32Array(TRACKS_BOUND * 3);
  count = 0;
  /** Grows with each hop. */
  revision = 0;
  private next = 0;

  add(hop: Hop): void {
    const at = this.next * 3;
    this.from[at] = hop.fromLon;
    this.from[at + 1] = hop.fromLat;
    this.to[at] = hop.toLon;
    this.to[at + 1] = hop.toLat;
    this.next = (this.next + 1) % TRACKS_BOUND;
    this.count = Math.min(TRACKS_BOUND, this.count + 1);
    this.revision += 1;
  }
}
