/**
 * What a person prefers on this browser: theme, layers, sort order, and whether they signed in (not the key). Kept in
 * localStorage; nothing of the fleet is.
 */
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
export type LayerName = "fences" | "stops" | "tracks" | "labels" | "graticule";
export type SortKey = "late" | "name";

export const LAYERS: readonly { name: LayerName; label: string }[] = [
  { name: "fences", label: "Fences" },
  { name: "stops", label: "Stops" },
  { name: "tracks", label: "Recent tracks" },
  { name: "labels", label: "Names" },
  { name: "graticule", label: "Grid" },
];

interface Stored {
  theme: Theme;
  layers: Record<LayerName, boolean>;
  sort: SortKey;
  trailHours: number;
  signedIn: boolean;
}

const STORAGE_KEY = "outrider.screen";
const DEFAULTS: Stored = {
  theme: "system",
  layers: { fences: true, stops: true, tracks: true, labels: true, graticule: true },
  sort: "late",
  trailHours: 2,
  signedIn: false,
};

export class Settings {
  readonly theme = signal<Theme>(DEFAULTS.theme);
  readonly layers = signal<Record<LayerName, boolean>>(DEFAULTS.layers);
  readonly sort = signal<SortKey>(DEFAULTS.sort);
  readonly trailHours = signal(DEFAULTS.trailHours);
  /** A session was opened here and not ended: there is something to sign out of. */
  readonly signedIn = signal(DEFAULTS.signedIn);

  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem"> | null) {
    const stored = this.read();
    this.theme.value = stored.theme;
    this.layers.value = stored.layers;
    this.sort.value = stored.sort;
    this.trailHours.value = stored.trailHours;
    this.signedIn.value = stored.signedIn;
    effect(() => this.write());
  }

  toggleLayer(name: LayerName): void {
    this.layers.value = { ...this.layers.value, [name]: !this.layers.value[name] };
  }

  /** What an older version or a foreign hand left there must not break the screen: unknown values become the defaults. */
  private read(): Stored {
    let stored: Partial<Stored>;
    try {
      stored = JSON.parse(this.storage?.getItem(STORAGE_KEY) ?? "{}") as Partial<Stored>;
    } catch {
      return DEFAULTS;
    }
    return {
      theme: stored.theme === "light" || stored.theme === "dark" ? stored.theme : DEFAULTS.theme,
      layers: { ...DEFAULTS.layers, ...stored.layers },
      sort: stored.sort === "name" ? "name" : DEFAULTS.sort,
      trailHours: Number(stored.trailHours) > 0 ? Number(stored.trailHours) : DEFAULTS.trailHours,
      signedIn: stored.signedIn === true,
    };
  }

  private write(): void {
    const stored: Stored = {
      theme: this.theme.value,
      layers: this.layers.value,
      sort: this.sort.value,
      trailHours: this.trailHours.value,
      signedIn: this.signedIn.value,
    };
    try {
      this.storage?.setItem(STORAGE_KEY, JSON.stringify(stored));
    } catch (error) {
      // A full or forbidden storage costs the preference, nothing else.
      if (!(error instanceof DOMException)) throw error;
    }
  }
}
