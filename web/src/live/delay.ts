/** How far behind the road the screen is: median age of fixes at the moment they arrive, and messages a second. */

const KEPT = 128;
const RATE_WINDOW_MS = 10_000;

/** Sliding window over the newest ages; bounded. */
export class DelayMeter {
  private readonly agesMs: number[] = [];
  private next = 0;

  note(ageMs: number): void {
    this.agesMs[this.next] = Math.max(0, ageMs);
    this.next = (this.next + 1) % KEPT;
  }

  /** Median age in milliseconds; null before the first fix. */
  medianMs(): number | null {
    if (this.agesMs.length === 0) return null;
    const sorted = [...this.agesMs].sort((left, right) => left - right);
    return sorted[Math.floor(sorted.length / 2)];
  }

  clear(): void {
    this.agesMs.length = 0;
    this.next = 0;
  }
}

/** Counts in one-second buckets over the last ten seconds. */
export class RateMeter {
  private readonly counts = new Map<number, number>();

  note(nowMs: number, count = 1): void {
    const second = Math.floor(nowMs / 1000);
    this.counts.set(second, (this.counts.get(second) ?? 0) + count);
    for (const old of this.counts.keys()) if (old <= second - RATE_WINDOW_MS / 1000) this.counts.delete(old);
  }

  perSecond(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    let sum = 0;
    for (const [bucket, count] of this.counts)
      if (bucket > second - RATE_WINDOW_MS / 1000 && bucket < second) sum += count;
    return sum / (RATE_WINDOW_MS / 1000 - 1);
  }
}
