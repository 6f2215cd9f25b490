/**
 * What the map draws, as deck.gl layers. Layers that stand still are made when their data changes and handed over as they are
 * after that; only the vehicle layer is new in each frame, with two attributes (positions, headings) to upload.
 */
import type { Layer } from "@deck.gl/core";
import { effect } from "@preact/signals";
import type { Route, Stop } from "../api/wire";
import type { Offer } from "../state/offers";
import type { Screen } from "../state/screen";
import { type Grid, graticule } from "./graticule";
import { fenceLayers, gridLayer, routeLayers, stopLayer, trackLayer, trailLayers } from "./layers";
import { Looks } from "./looks";
import { offerLayers } from "./offer-layers";
import { palettes } from "./palette";
import { RecentTracks } from "./recent-tracks";
import { areasOf, corridorOf, type Extent, type FenceArea, type FenceCorridor } from "./shapes";
import { VehicleLayer } from "./vehicle-layer";

/** How often states (colours) and recent tracks are looked at. */
const LOOKS_EVERY_MS = 400;
const TRACKS_EVERY_MS = 2_000;
/** Predictions come often and change little that is drawn. */
const STOPS_EVERY_MS = 1_000;
/** Below this zoom stops are mere specks. */
export const STOPS_FROM_ZOOM = 13;

export class Scene {
  grid: Grid = { step_deg: 0, lines: [], labels: [] };
  /** Something other than motion has changed since the last `layers`. */
  dirty = true;
  private readonly looks = new Looks();
  private readonly tracks = new RecentTracks();
  private areas: FenceArea[] = [];
  private corridors: FenceCorridor[] = [];
  private stops: Stop[] = [];
  private offers: Offer[] = [];
  private still: { below: Layer[]; quietStops: boolean } | null = null;
  private colorAttribute = { value: new Uint8Array(0), size: 4, normalized: true };
  private lookAttribute = { value: new Uint8Array(0), size: 4 };
  private trackRevision = 0;
  private stopRevision = -1;
  private stopsAtMs = Number.NEGATIVE_INFINITY;
  private looksAtMs = 0;
  private tracksAtMs = 0;

  constructor(private readonly screen: Screen) {
    screen.fleet.onHop = (hop) => this.tracks.add(hop);
    this.watchData();
    this.watchAppearance();
  }

  get drawnVehicles(): number {
    return this.looks.drawn;
  }

  /** The camera has moved to these bounds. */
  setBounds(bounds: Extent): void {
    this.grid = graticule(bounds);
    this.invalidate();
  }

  /** Bring colours and recent tracks up to date, when it is time for them. */
  refresh(frameMs: number): void {
    if (frameMs - this.tracksAtMs >= TRACKS_EVERY_MS && this.tracks.revision !== this.trackRevision) {
      this.tracksAtMs = frameMs;
      this.trackRevision = this.tracks.revision;
      this.invalidate();
    }
    this.refreshStops(frameMs);
    if (frameMs - this.looksAtMs >= LOOKS_EVERY_MS) {
      this.looksAtMs = frameMs;
      this.writeLooks();
    }
  }

  layers(zoom: number): Layer[] {
    // One run is being looked at: the others' stops step back.
    const quietStops = zoom < STOPS_FROM_ZOOM || this.screen.selectedId.peek() !== null;
    if (!this.still || this.still.quietStops !== quietStops)
      this.still = { below: this.stillLayers(quietStops), quietStops };
    this.dirty = false;
    return [...this.still.below, this.vehicleLayer(zoom)];
  }

  private watchData(): void {
    const { screen } = this;
    effect(() => {
      const fences = screen.fences.value;
      this.areas = fences.flatMap(areasOf);
      this.corridors = fences.map(corridorOf).filter((corridor) => corridor !== null);
      this.invalidate();
    });
    effect(() => {
      screen.offers.known.value;
      screen.selectedId.value;
      this.stopsAtMs = Number.NEGATIVE_INFINITY;
    });
  }

  private watchAppearance(): void {
    const { screen } = this;
    effect(() => {
      screen.settings.layers.value;
      screen.trail.pieces.value;
      screen.theme.value;
      screen.selectedId.value;
      this.looksAtMs = Number.NEGATIVE_INFINITY;
      this.invalidate();
    });
  }

  private refreshStops(frameMs: number): void {
    const { routes, selectedId } = this.screen;
    const revision = routes.revision.peek();
    const isForced = this.stopsAtMs === Number.NEGATIVE_INFINITY;
    if (!isForced && (revision === this.stopRevision || frameMs - this.stopsAtMs < STOPS_EVERY_MS)) return;
    this.stopsAtMs = frameMs;
    this.stopRevision = revision;
    const selected = selectedId.peek();
    this.offers = this.screen.offers.list(routes);
    this.stops = [...routes.all()].filter((route) => route.vehicle !== selected).flatMap((route) => route.stops);
    this.invalidate();
  }

  private invalidate(): void {
    this.still = null;
    this.dirty = true;
  }

  private writeLooks(): void {
    const { screen } = this;
    const changed = this.looks.write({
      vehicles: screen.fleet.vehicles,
      delayOf: (vehicle) => screen.progressOf(vehicle)?.delay ?? "on_time",
      selected: screen.selectedId.peek(),
      palette: palettes[screen.theme.peek()],
      nowMs: screen.now(),
    });
    if (!changed) return;
    // Another object tells deck.gl to upload again.
    this.colorAttribute = { value: this.looks.colors, size: 4, normalized: true };
    this.lookAttribute = { value: this.looks.looks, size: 4 };
    this.dirty = true;
  }

  private stillLayers(quietStops: boolean): Layer[] {
    const { screen } = this;
    const shown = screen.settings.layers.peek();
    const theme = screen.theme.peek();
    const palette = palettes[theme];
    const revision = this.stopRevision;
    const route = this.selectedRoute();
    return [
      ...(shown.graticule ? [gridLayer(this.grid.lines, palette)] : []),
      ...(shown.tracks ? [trackLayer(this.tracks, this.trackRevision, palette)] : []),
      ...(shown.fences ? fenceLayers(this.areas, this.corridors, palette) : []),
      ...(shown.stops ? [stopLayer(this.stops, revision, palette, quietStops)] : []),
      ...(route ? routeLayers(route, revision, palette) : []),
      ...(shown.stops ? offerLayers(this.offers, palette) : []),
      ...trailLayers(screen.trail.pieces.peek(), palette, theme),
    ];
  }

  private vehicleLayer(zoom: number): Layer {
    const { tracks } = this.screen.fleet;
    const palette = palettes[this.screen.theme.peek()];
    return new VehicleLayer({
      id: "vehicles",
      data: {
        // Only those whose look has been written: a vehicle that appeared since the last look comes with the next one.
        length: Math.min(tracks.count, this.colorAttribute.value.length / 4),
        attributes: {
          getPosition: { value: tracks.position, size: 3 },
          getHeading: { value: tracks.heading, size: 1 },
          getColor: this.colorAttribute,
          getLook: this.lookAttribute,
        },
      },
      radiusPixels: radiusAt(zoom),
      outlineColor: palette.outline,
      selectedColor: palette.selected,
      pickable: true,
    });
  }

  private selectedRoute(): Route | null {
    const id = this.screen.selectedId.peek();
    const vehicle = id === null ? undefined : this.screen.fleet.get(id);
    return vehicle ? (this.screen.progressOf(vehicle)?.route ?? null) : null;
  }
}

/** Small marks from afar, full ones in the streets; CSS pixels. */
export function radiusAt(zoom: number): number {
  return Math.max(3.5, Math.min(11, 3.5 + (zoom - 7) * 0.85));
}
