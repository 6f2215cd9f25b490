/** From states to the names that the style sheet colours, and to words. */
import type { Delay } from "../api/wire";
import type { Motion } from "../state/condition";
import { signedDelay } from "../text/time";

export type Tone = "moving" | "stopped" | "stale" | "at-risk" | "delayed";

export const RINGS: Record<Delay, number> = { on_time: 0, at_risk: 1, delayed: 2 };

export const DELAY_TONE: Record<Delay, string> = { on_time: "on-time", at_risk: "at-risk", delayed: "delayed" };

export function toneOf(motion: Motion, delay: Delay): Tone {
  if (motion === "stale" || delay === "on_time") return motion;
  return delay === "at_risk" ? "at-risk" : "delayed";
}

/** Minutes where the median is past the promise; else the word, since only the tail of the window is late. */
export function etaWords(delay: Delay, lateS: number | null): string {
  return lateS === null || lateS < 60 ? delayWords(delay) : signedDelay(lateS);
}

export function delayWords(delay: Delay): string {
  return { on_time: "on time", at_risk: "at risk", delayed: "late" }[delay];
}
