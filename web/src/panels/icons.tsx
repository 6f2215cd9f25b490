/** Small line icons, drawn here: 16 px grid, current colour. Decorative; the control around them has the name. */

const PATHS = {
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.8 10.8 14 14",
  close: "M4 4 12 12M12 4 4 12",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  layers: "M8 2 14 5.5 8 9 2 5.5ZM2.5 8.5 8 11.8l5.5-3.3M2.5 11 8 14.2 13.5 11",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6Z",
  system: "M2.5 3.5h11v7.5h-11ZM6 13.5h4M8 11v2.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2 12.5 8 5 12.8Z",
  follow: "M8 12.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM8 1v3M8 12v3M1 8h3M12 8h3",
  check: "M3 8.5 6.5 12 13 4.5",
  arrive: "M8 14s4.5-4.4 4.5-7.7a4.5 4.5 0 0 0-9 0C3.5 9.6 8 14 8 14ZM8 7.8a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2",
  moved: "M5 12.5s3-3 3-5.2a3 3 0 0 0-6 0c0 2.2 3 5.2 3 5.2ZM10 7h.01M12.2 7h.01M14.4 7h.01M10.5 12.5h4",
  depart: "M3 8h9M8.5 4.5 12 8l-3.5 3.5",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6",
  fence: "M8 1.8 13.6 5v6L8 14.2 2.4 11V5Z",
  van: "M1.5 4h8v7h-8ZM9.5 6.5h3l2 2.3V11h-5ZM4.5 12.6a1.3 1.3 0 1 0 0-2.6 1.3 1.3 0 0 0 0 2.6ZM11.8 12.6a1.3 1.3 0 1 0 0-2.6 1.3 1.3 0 0 0 0 2.6",
  skip: "M3 3.5 9 8l-6 4.5ZM12 3.5v9",
  offline: "M2 2l12 12M5 9.5a4.3 4.3 0 0 1 2-1.1M3 6.6a7.6 7.6 0 0 1 2.2-1.4M8 5c2 0 3.7.6 5 1.7M8 12.5h.01",
  exit: "M6.5 2.5h-4v11h4M6.5 8H14M11 5l3 3-3 3",
  key: "M10.5 9a3.5 3.5 0 1 0-3.3-2.3L2 12v2h2.5v-1.5H6V11h1.5l1.3-1.3c.5.2 1.1.3 1.7.3Z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width={size} height={size} aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The same three shapes that the map draws, so that the list is its legend. */
export function StateMark({
  shape,
  tone,
  rings = 0,
}: {
  shape: "moving" | "stopped" | "stale";
  tone: string;
  rings?: number;
}) {
  return (
    <svg class={`mark tone-${tone}`} viewBox="-12 -12 24 24" width="20" height="20" aria-hidden="true">
      {rings > 0 && <circle r="8.8" class="mark-ring" />}
      {rings > 1 && <circle r="11.2" class="mark-ring" />}
      {shape === "moving" && <path d="M0-6.5 4.7 5 0 2.7-4.7 5Z" class="mark-fill" />}
      {shape === "stopped" && <rect x="-4" y="-4" width="8" height="8" rx="2" class="mark-fill" />}
      {shape === "stale" && <circle r="3.4" class="mark-hollow" />}
    </svg>
  );
}
