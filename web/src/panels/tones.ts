/** From states to the names that the style sheet colours, and to words. */
import type { Delay } from "../api/wire";
import type { Motion } from "../state/condition";

export type Tone = "moving" | "stopped" | "stale" | "at-risk" | "delayed";

export const RINGS: Record<Delay, number> = { on_time: 0, at_risk: 1, delayed: 2 };

export function toneOf(motion: Motion, delay: Delay): Tone {
  if (motion === "stale" || delay === "on_time") return motion;
  return delay === "at_risk" ? "at-risk" : "delayed";
}

export function delayWords(delay: Delay): string {
  return { on_time: "on time", at_risk: "at risk", delayed: "late" }[delay];
}
