/** How long to wait before the next attempt: exponential with full jitter, so that a thousand screens do not come back at once. */

const FIRST_MS = 500;
const LONGEST_MS = 20_000;

/** `attempt` counts from 0; `random` is uniform in [0, 1). Never below 200 ms, so that a refusing server is not hammered. */
export function backoffMs(attempt: number, random: () => number): number {
  const ceilingMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.max(200, Math.round(ceilingMs * random()));
}
