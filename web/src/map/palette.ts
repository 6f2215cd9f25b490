/**
 * Every colour that means something, for both themes; the style sheet gets them as custom properties from here, so that
 * list, feed and map cannot disagree. Blue / amber / vermillion / grey stay apart for the common kinds of colour
 * blindness (after Okabe and Ito), and each meaning has a second sign: arrow, square or hollow ring; one ring or two.
 */
export type Rgb = readonly [number, number, number];

export interface Palette {
  moving: Rgb;
  stopped: Rgb;
  stale: Rgb;
  at_risk: Rgb;
  delayed: Rgb;
  on_time: Rgb;
  /** The same meanings dark or light enough for small text on a panel (AA). */
  text: Record<"moving" | "stopped" | "stale" | "at_risk" | "delayed" | "on_time", Rgb>;
  selected: Rgb;
  ground: Rgb;
  grid: Rgb;
  outline: Rgb;
  track: Rgb;
  fence: Rgb;
  routeLine: Rgb;
}

const light: Palette = {
  moving: [0, 106, 193],
  stopped: [74, 90, 108],
  stale: [143, 153, 165],
  at_risk: [230, 159, 0],
  delayed: [213, 70, 0],
  on_time: [0, 133, 96],
  text: {
    moving: [0, 88, 163],
    stopped: [70, 84, 100],
    stale: [92, 103, 116],
    at_risk: [133, 84, 0],
    delayed: [178, 50, 0],
    on_time: [0, 107, 77],
  },
  selected: [0, 88, 200],
  ground: [234, 238, 242],
  grid: [205, 213, 222],
  outline: [255, 255, 255],
  track: [96, 120, 150],
  fence: [109, 74, 186],
  routeLine: [0, 88, 200],
};

const dark: Palette = {
  moving: [74, 172, 255],
  stopped: [158, 174, 194],
  stale: [98, 111, 127],
  at_risk: [245, 189, 65],
  delayed: [255, 110, 58],
  on_time: [57, 199, 149],
  text: {
    moving: [110, 188, 255],
    stopped: [170, 184, 202],
    stale: [146, 160, 177],
    at_risk: [246, 196, 83],
    delayed: [255, 138, 92],
    on_time: [84, 209, 163],
  },
  selected: [120, 196, 255],
  ground: [13, 19, 27],
  grid: [31, 42, 55],
  outline: [9, 14, 20],
  track: [104, 140, 186],
  fence: [170, 140, 245],
  routeLine: [120, 196, 255],
};

export const palettes = { light, dark } as const;
export type ThemeName = keyof typeof palettes;

export function css(color: Rgb): string {
  return `rgb(${color.join(" ")})`;
}

/** Put the theme's meanings on the root element as `--moving`, `--moving-text` ... */
export function applyPalette(root: HTMLElement, theme: ThemeName): void {
  const palette = palettes[theme];
  for (const [name, color] of Object.entries(palette.text)) {
    root.style.setProperty(`--${name.replace("_", "-")}-text`, css(color));
  }
  for (const name of ["moving", "stopped", "stale", "at_risk", "delayed", "on_time", "fence", "ground"] as const) {
    root.style.setProperty(`--${name.replace("_", "-")}`, css(palette[name]));
  }
}

/** `#rgb` or `#rrggbb` of a fence; anything else is null, and the theme's own colour is used. */
export function parseHex(text: string | null | undefined): Rgb | null {
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text ?? "")?.[1];
  if (!hex) return null;
  const full = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
  return [0, 2, 4].map((at) => Number.parseInt(full.slice(at, at + 2), 16)) as unknown as Rgb;
}

/** Slow to fast; perceptually even and readable without colour (dark to bright on dark ground, the other way on light). */
const SPEED_STOPS: Record<ThemeName, readonly Rgb[]> = {
  light: [
    [150, 40, 90],
    [196, 74, 58],
    [214, 132, 22],
    [72, 146, 96],
    [0, 108, 176],
  ],
  dark: [
    [214, 82, 130],
    [240, 126, 92],
    [246, 190, 84],
    [126, 206, 152],
    [96, 190, 255],
  ],
};

/** Top of the scale, m/s (80 km/h): faster is drawn the same. */
export const SPEED_SCALE_TOP_MPS = 80 / 3.6;

export function speedColor(speed_mps: number | null, theme: ThemeName): Rgb {
  if (speed_mps === null) return palettes[theme].stale;
  const stops = SPEED_STOPS[theme];
  const at = Math.min(1, Math.max(0, speed_mps / SPEED_SCALE_TOP_MPS)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(at));
  const share = at - below;
  return stops[below].map((part, channel) =>
    Math.round(part + (stops[below + 1][channel] - part) * share),
  ) as unknown as Rgb;
}

export function speedGradient(theme: ThemeName): string {
  return `linear-gradient(90deg, ${SPEED_STOPS[theme].map(css).join(", ")})`;
}
