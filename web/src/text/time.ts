/** Instants and spans in words: short, in the reader's locale, with steady widths where they tick. */

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const dayFormat = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

const DAY_MS = 86_400_000;

/** "14:32", with the date when it is more than half a day away. */
export function clockTime(instant: string | number, nowMs: number = Date.now()): string {
  const ms = typeof instant === "number" ? instant : Date.parse(instant);
  if (Number.isNaN(ms)) return "–";
  return (Math.abs(ms - nowMs) > DAY_MS / 2 ? dayFormat : clockFormat).format(ms);
}

/** "14:32–14:38", in twelve-hour locales "2:32–2:38 PM"; `bare` leaves the half of the day out where room is short. */
export function clockRange(from: string, to: string, bare = false): string {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) return "–";
  const [start, end] = [halves(fromMs), halves(toMs)];
  const sameHalf = bare || start.half === end.half;
  return `${sameHalf ? start.time : start.whole}–${bare ? end.time : end.whole}`;
}

/** A clock time with and without its half of the day. */
function halves(ms: number): { time: string; half: string; whole: string } {
  const parts = clockFormat.formatToParts(ms);
  const half = parts.find((part) => part.type === "dayPeriod")?.value ?? "";
  const time = parts
    .filter((part) => part.type !== "dayPeriod")
    .map((part) => part.value)
    .join("")
    .trim();
  return { time, half, whole: half ? `${time} ${half}` : time };
}

/** Date and time to the second, for titles. */
export function exactTime(instant: string | number): string {
  const ms = typeof instant === "number" ? instant : Date.parse(instant);
  return Number.isNaN(ms) ? "" : exactFormat.format(ms);
}

/** "8 s", "12 min", "3 h 05", "2 d": the age of something; a negative age (clock ahead) is 0 s. */
export function age(spanMs: number): string {
  const seconds = Math.max(0, Math.round(spanMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 36 * 3600)
    return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")}`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** "now", "8 s ago", "12 min ago". */
export function ago(spanMs: number): string {
  return spanMs < 2_000 ? "now" : `${age(spanMs)} ago`;
}

/** "4 min", "35 s", "1 h 20 min": a length in words, sign dropped. */
export function span(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
}

/** Within a minute of the plan nobody is early or late. */
export function punctuality(againstPlanS: number): string {
  if (Math.abs(againstPlanS) < 60) return "on time";
  return `${span(againstPlanS)} ${againstPlanS < 0 ? "early" : "late"}`;
}

/** "+12 min", "−3 min", "on time": for a narrow column. */
export function signedDelay(seconds: number): string {
  if (Math.abs(seconds) < 60) return "on time";
  return `${seconds < 0 ? "−" : "+"}${span(seconds)}`;
}
